import { join } from "node:path";
import { expect } from "chai";
import { tsbuildout } from "../support/cli.js";
import { temporaryFolder } from "../support/tmp.js";

describe("a Node that is too old", () => {
  it("is told which one it takes", async () => {
    const cwd = await temporaryFolder({
      "old.cjs":
        "delete process.getBuiltinModule; Object.defineProperty(process, 'version', { value: 'v18.0.0' });",
    });
    const env = { NODE_OPTIONS: `--require=${join(cwd, "old.cjs")}` };
    expect(await tsbuildout(["plan"], { cwd, env })).to.deep.equal({
      code: 2,
      stdout: "",
      stderr: "tsbuildout needs Node 20.19 or newer: this is v18.0.0\n",
    });
  });
});
