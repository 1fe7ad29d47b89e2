import { expect } from "chai";
import { tsbuildout } from "../../support/cli.js";
import { temporaryFolder } from "../../support/tmp.js";

describe("a large configuration file", () => {
  // On every Node that the suite runs on: V8 complains by itself of flags that it does not know.
  it("is read without a word on standard error", async () => {
    const lines = Array.from(
      { length: 2000 },
      (_, i) => `option-${i} = a value of some length, of number ${i}\n`,
    );
    const cwd = await temporaryFolder({ "buildout.cfg": `[buildout]\nparts =\n[large]\n${lines.join("")}` });
    const { code, stdout, stderr } = await tsbuildout(["query", "large:option-7"], { cwd });
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 0,
      stdout: "a value of some length, of number 7\n",
      stderr: "",
    });
  });
});
