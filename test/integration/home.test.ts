import { readdirSync } from "node:fs";
import { expect } from "chai";
import { tsbuildout } from "../support/cli.js";
import { temporaryFolder } from "../support/tmp.js";

describe("a HOME that is empty, or no whole path,", () => {
  it("is none: what lies in the current folder are not the settings of the user", async () => {
    const cwd = await temporaryFolder({
      "buildout.cfg": "[buildout]\nparts =\n",
      ".tsbuildout/default.cfg": "[buildout]\nfound = here\n",
    });
    for (const HOME of ["", "."]) {
      const { code } = await tsbuildout(["query", "found"], { cwd, env: { HOME } });
      expect(code, HOME).to.equal(2);
    }
    expect(readdirSync(cwd).sort()).to.deep.equal([".tsbuildout", "buildout.cfg"]);
  });
});
