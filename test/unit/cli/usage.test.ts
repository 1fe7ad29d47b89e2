import { expect } from "chai";
import { runCli } from "../../support/in-process.js";
import { temporaryFolder } from "../../support/tmp.js";

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

describe("init --from compose", () => {
  it("says where it found no file", async () => {
    const { code, stderr } = await runCli(["init", "--from", "compose"], { cwd: await temporaryFolder() });
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      "error[usage/arguments]: there is no Compose file here\n   = help: name it: tsbuildout init --from compose FILE\n",
    );
  });
});
