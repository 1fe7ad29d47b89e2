import { expect } from "chai";
import { runCli } from "../../support/in-process.js";
import { temporaryFolder } from "../../support/tmp.js";

const RECIPE = `export default {
  doc: "",
  version: "1",
  options: {},
  outputs: { ports: { doc: "" }, address: { doc: "" }, code: { doc: "" }, key: { doc: "", secret: true } },
  async install() { return { ports: "80\\n443", address: "10.0.0.1", code: "", key: "s3cr3t" }; },
};
`;

describe("status", () => {
  let cwd: string;
  before(async () => {
    cwd = await temporaryFolder({
      "buildout.cfg": "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n",
      "made.mjs": RECIPE,
    });
    await runCli([], { cwd });
  });

  it("is one line a part", async () => {
    const { stdout } = await runCli(["status"], { cwd });
    expect(stdout).to.match(/^a {2}ok {2}\.\/made\.mjs 1 {2}\S+\n$/);
  });

  it("shows the outputs with -v, but for secrets and what is empty", async () => {
    const { stdout } = await runCli(["status", "-v"], { cwd });
    expect(stdout.slice(stdout.indexOf("\n"))).to.equal(`
    ports =
        80
        443
    address = 10.0.0.1
    key = ***
`);
  });

  it("has the outputs as JSON", async () => {
    const { stdout } = await runCli(["status", "--json"], { cwd });
    const { parts } = JSON.parse(stdout) as { parts: readonly { outputs: unknown }[] };
    expect(parts.map(({ outputs }) => outputs)).to.deep.equal([
      { ports: "80\n443", address: "10.0.0.1", code: "", key: "***" },
    ]);
  });
});

const looking = (look: string): string =>
  `export default { doc: "", options: {}, async install() {}, async look() { ${look} } };\n`;

describe("the status of what nobody can look at", () => {
  it("says why", async () => {
    const cwd = await temporaryFolder({
      "buildout.cfg": "[buildout]\nparts = a b\n[a]\nrecipe = ./a.mjs\n[b]\nrecipe = ./b.mjs\n",
      "a.mjs":
        looking(`const problem = { code: "a/far", message: "it is far away", notes: ["the line is dead"] };
        throw Object.assign(new Error(), { problem });`),
      "b.mjs": looking(`throw new TypeError("not a thing");`),
    });
    await runCli([], { cwd });
    const { stdout } = await runCli(["status"], { cwd });
    expect(stdout.replaceAll(/\S+ {2}\S+Z$/gm, "…")).to.equal(`a  unknown  ./a.mjs …
    it is far away
    the line is dead
b  unknown  ./b.mjs …
    TypeError: not a thing
`);
  });

  it("is not told where it is interrupted", async () => {
    const cwd = await temporaryFolder({
      "buildout.cfg": "[buildout]\nparts = a\n[a]\nrecipe = ./a.mjs\n",
      "a.mjs": looking(`throw process.emit("a looks");`),
    });
    await runCli([], { cwd });
    const stop = new AbortController();
    process.once("a looks", () => stop.abort());
    expect(await runCli(["status"], { cwd, signal: stop.signal })).to.deep.equal({
      code: 130,
      stdout: "",
      stderr: "interrupted\n",
    });
  });
});
