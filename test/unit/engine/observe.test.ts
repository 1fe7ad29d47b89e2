import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { type Recipe } from "../../../src/engine/contract.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { asNobody } from "../../support/other-user.js";
import { config, quick, results } from "../../support/quick-parts.js";

const blindNeed = (a: string): string =>
  config("a", `[a]\nrecipe = quick\na = ${a}\n=> b`, "[b]\nrecipe = blind");

describe("what is found of parts", () => {
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    buildout = await testBuildout({ config: text, recipes: { quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
  });

  it("is no more what the file wants where an option has left it", async () => {
    await open(config("a", "[a]\nrecipe = quick\na = 1"));
    await buildout.install();
    await buildout.write(config("a", "[a]\nrecipe = quick"));
    expect((await buildout.plan()).steps[0]).to.deep.include({
      action: "reinstall",
      reasons: ["option a: 1 -> (not set)"],
    });
    expect(results(await buildout.install())).to.deep.equal(["a reinstall done: option a: 1 -> (not set)"]);
  });

  it("is not gone because nobody may look for it", async () => {
    let folder = "";
    const keeping: Recipe = {
      ...quick,
      install: async (context) => {
        folder = join(context.buildout.directory, "kept");
        await mkdir(folder);
        await context.created({ kind: "file", name: join(folder, "x") });
        await writeFile(join(folder, "x"), "");
      },
    };
    await open(config("a", "[a]\nrecipe = keeping"), { keeping });
    await chmod(buildout.directory, 0o777);
    await buildout.plan();
    await asNobody(async () => {
      await buildout.install();
      await chmod(folder, 0o000);
      expect(results(await buildout.install())).to.deep.equal(["a none unchanged: undefined"]);
      await chmod(folder, 0o700);
      await rm(join(folder, "x"));
      expect((await buildout.plan()).steps[0]).to.deep.include({ reasons: ["kept/x is gone"] });
    });
  });

  it("repairs what has drifted, in the words of the recipe", async () => {
    const drifting: Recipe = {
      ...quick,
      look: async ({ records }) =>
        new Map(
          records.map(({ part }) => [part, [{ kind: "stopped" as const, message: `${part} is stopped` }]]),
        ),
    };
    await open(config("a", "[a]\nrecipe = drifting"), { drifting });
    await buildout.install();
    expect((await buildout.plan()).steps[0]).to.deep.include({ action: "update", reasons: ["a is stopped"] });
    expect((await buildout.open().status())[0]).to.deep.include({ part: "a", state: "drifted" });
  });

  it("looks at each part alone where one keeps them from being looked at together", async () => {
    const farAway: Recipe = {
      ...quick,
      look: async ({ records }) => {
        if (records.some(({ options }) => options["a"] === "far"))
          throw Object.assign(new Error("x"), { problem: { code: "s/far", message: "it is far away" } });
        return new Map([["c", [{ kind: "stopped", message: "c is stopped" }]]]);
      },
    };
    await open(config("a b c", "[a]\nrecipe = f", "[b]\nrecipe = f\na = far", "[c]\nrecipe = f"), {
      f: farAway,
    });
    await buildout.install();
    expect(results(await buildout.install({ jobs: 1 }))).to.deep.equal([
      "a none unchanged: undefined",
      "b none failed: it is far away",
      "c update done: c is stopped",
    ]);
  });

  it("leaves parts alone that nobody could look at, and those that need them", async () => {
    const blind: Recipe = {
      ...quick,
      look: async () => {
        throw Object.assign(new Error("x"), {
          problem: { code: "engine/unreachable", message: "no engine" },
        });
      },
    };
    await open(blindNeed("1"), { blind });
    await buildout.install();
    await buildout.write(blindNeed("2"));
    expect(results(await buildout.install())).to.deep.equal([
      "b none failed: no engine",
      "a none skipped: it needs b, which failed",
    ]);
    expect((await buildout.records()).get("a")!.options["a"]).to.equal("1");
    expect((await buildout.open().status()).map(({ part, state }) => `${part} ${state}`)).to.deep.equal([
      "b unknown",
      "a ok",
    ]);
  });

  for (const [found, what] of [
    [{}, "Object"],
    [undefined, "Undefined"],
    [new Map([["a", "gone"]]), "Map"],
    [new Map([["a", [{ kind: "missing", message: 5 }]]]), "Map"],
  ] as const)
    it(`is not what a recipe in plain JavaScript gives instead (${what}), and the others are looked at`, async () => {
      const odd: Recipe = { ...quick, look: async () => found as never };
      await open(config("a b", "[a]\nrecipe = odd", "[b]\nrecipe = quick"), { odd });
      await buildout.install();
      const told = (await buildout.open().status()).map(({ part, state, problem }) => [part, state, problem]);
      const problem = `TypeError: look gives a Map: part -> [{ kind, message }], not this ${what}`;
      expect(told).to.deep.equal([
        ["a", "unknown", problem],
        ["b", "ok", undefined],
      ]);
    });
});
