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

describe("a word that is no command", () => {
  it("is taken for a part that somebody wants", async () => {
    const { code, stderr } = await runCli(["web"], { cwd: "/" });
    expect(code).to.equal(2);
    expect(stderr).to.equal(`error[usage/arguments]: there is no command "web"
   = help: a part is installed by tsbuildout install web
   = help: tsbuildout --help lists the commands
`);
  });
});

describe("what is read on a terminal", () => {
  for (const argv of [
    ["--help"],
    ["install", "--help"],
    ["report", "--help"],
    ["recipes"],
    ["recipes", "docker.volume"],
  ])
    it(`is no wider than 80 columns by tsbuildout ${argv.join(" ")}`, async () => {
      const { stdout } = await runCli(argv, { cwd: "/" });
      expect(stdout.split("\n").filter((line) => line.length > 80)).to.deep.equal([]);
    });

  it("has what a command means beside its name on every line", async () => {
    const { stdout } = await runCli(["--help"], { cwd: "/" });
    expect(stdout).to.contain(`
  plan [part ...]             Show what install would do, and why; changes
                              nothing.
  status `);
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
