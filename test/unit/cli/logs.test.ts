import { expect } from "chai";
import { runCli } from "../../support/in-process.js";
import { temporaryFolder } from "../../support/tmp.js";

const recipe = (install: string): string =>
  `export default { doc: "", options: {}, async install({ log }) { ${install} } };\n`;

describe("logs", () => {
  let cwd: string;
  before(async () => {
    cwd = await temporaryFolder({
      "buildout.cfg":
        "[buildout]\nparts = loud mute\n[loud]\nrecipe = ./loud.mjs\n[mute]\nrecipe = ./mute.mjs\n",
      "loud.mjs": recipe(`log("one"); log("two", "err");`),
      "mute.mjs": recipe(""),
    });
    await runCli([], { cwd });
  });

  it("are what a part said", async () => {
    expect(await runCli(["logs", "loud"], { cwd })).to.deep.equal({
      code: 0,
      stdout: "one\ntwo\n",
      stderr: "",
    });
  });

  it("say of a part that said nothing that it did", async () => {
    const { code, stdout, stderr } = await runCli(["logs", "mute"], { cwd });
    expect([code, stdout]).to.deep.equal([0, ""]);
    expect(stderr).to.match(/^mute said nothing in run \S+\n$/);
  });

  it("are objects with --json", async () => {
    const { stdout } = await runCli(["logs", "loud", "--json"], { cwd });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { stream: string; text: string });
    expect(lines.map(({ stream, text }) => [stream, text])).to.deep.equal([
      ["out", "one"],
      ["err", "two"],
    ]);
  });
});
