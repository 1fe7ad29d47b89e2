import { expect } from "chai";
import { sshLines } from "../../../src/recipes/build-ssh.js";
import type { Context } from "../../../src/recipe.js";
import { fakeEngine } from "../../support/listening.js";
import { failureOf } from "../../support/recipe-part.js";
import { temporaryFolder } from "../../support/tmp.js";

describe("ssh for buildx", () => {
  it("has whole paths, whether they begin at the home, at the buildout or in the environment", async () => {
    const home = await temporaryFolder({ ".ssh/key": "", ".ssh/other": "" });
    const directory = await temporaryFolder({ key: "" });
    const agent = await fakeEngine(() => undefined);
    const context = {
      home,
      buildout: { directory },
      env: { SSH_AUTH_SOCK: agent.path },
    } as unknown as Context;
    try {
      const lines = ["default", "a=~/.ssh/key,~/.ssh/other", "b=key", `c=${agent.path}`];
      expect(await sshLines(context, lines)).to.deep.equal([
        `default=${agent.path}`,
        `a=${home}/.ssh/key,${home}/.ssh/other`,
        `b=${directory}/key`,
        `c=${agent.path}`,
      ]);
      expect(await failureOf(sshLines(context, ["d=~/none"]))).to.include({
        code: "build/ssh",
        message: `"d" is to be ${home}/none, which is not there`,
      });
      for (const line of ["d=", "d=key, "])
        expect(await failureOf(sshLines(context, [line]))).to.include({
          code: "build/ssh",
          message: `"${line}" lacks a socket or a key file`,
        });
    } finally {
      await agent.close();
    }
  });
});
