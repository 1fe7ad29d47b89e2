import { expect } from "chai";
import type { Recipe } from "../../../src/engine/contract.js";
import { Registry } from "../../../src/engine/registry.js";
import { temporaryFolder } from "../../support/tmp.js";

const run: Recipe = { doc: "", options: {}, install: async () => undefined };

describe("the names of recipes", () => {
  it("knows a built-in recipe by its own name, by ours before it, and by dockeroo's", async () => {
    const registry = new Registry({
      builtin: { "docker.run": async () => ({ default: run }) },
      directory: "/",
    });
    for (const spec of ["docker.run", "tsbuildout:docker.run", "dockeroo:docker.run"])
      expect(await registry.load(spec)).to.deep.equal({ spec: "docker.run", recipe: run, version: "1" });
  });

  it("suggests the name that was meant", async () => {
    const registry = new Registry({
      builtin: { "docker.run": async () => ({ default: run }) },
      directory: await temporaryFolder(),
    });
    const error = await registry.load("docker.rum").catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: "recipe/missing", message: "there is no recipe docker.rum" });
    expect((error as { help: string[] }).help).to.deep.equal(['did you mean "docker.run"?']);
  });
});
