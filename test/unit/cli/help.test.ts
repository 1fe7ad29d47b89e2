import { expect } from "chai";
import { runCli } from "../../support/in-process.js";

describe("help", () => {
  const cwd = "/";
  it("is a command, too", async () => {
    expect(await runCli(["help"], { cwd })).to.deep.equal(await runCli(["--help"], { cwd }));
    expect(await runCli(["help", "plan"], { cwd })).to.deep.equal(await runCli(["plan", "--help"], { cwd }));
    const { code, stderr } = await runCli(["help", "plam"], { cwd });
    expect(code).to.equal(2);
    expect(stderr).to.contain('there is no command "plam"').and.contain('did you mean "plan"?');
  });
});
