import { expect } from "chai";
import { ask } from "../../support/config.js";

const copying = (uid: string): string =>
  `[buildout]\nparts = c\n[c]\nrecipe = docker.copy\nimage-from = a\npaths = /x\npath-to = out\nuid = ${uid}\n`;

describe("the owner of what is copied", () => {
  it("is a number that an archive can have", async () => {
    for (const uid of ["0", "4294967294"])
      expect((await ask({ "buildout.cfg": copying(uid) }, { args: ["check"] })).stderr, uid).to.equal("");
    for (const uid of ["-1", "4294967295", "99999999999", "1.5", "root"])
      expect((await ask({ "buildout.cfg": copying(uid) }, { args: ["check"] })).stderr).to.equal(
        [
          `error[option/value]: uid: "${uid}" is not the number of a user or a group (part c)`,
          "  buildout.cfg:8:7",
          `8 | uid = ${uid}`,
          `  |       ${"^".repeat(uid.length)}`,
          "  = help: write a whole number from 0 to 4294967294",
          "",
        ].join("\n"),
      );
  });
});
