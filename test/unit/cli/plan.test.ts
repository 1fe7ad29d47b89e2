import { expect } from "chai";
import { runCli } from "../../support/in-process.js";
import { temporaryFolder } from "../../support/tmp.js";

const FILES = {
  "good.mjs": `export default { doc: "", options: {}, async install() {} };\n`,
  "refused.mjs": `export default {
  doc: "",
  options: {},
  async check() {
    const problem = { code: "x/refused", message: "nobody is let in" };
    throw Object.assign(new Error(), { problem });
  },
  async install() {},
};
`,
};

/** Of which `a` cannot be installed, and with it `b`. */
const PARTS = `[a]
recipe = ./refused.mjs
[b]
recipe = ./good.mjs
=> a
[c]
recipe = ./good.mjs
`;

const REFUSAL = `error[x/refused]: nobody is let in (part a)
  buildout.cfg:4:10
4 | recipe = ./refused.mjs
  |          ^^^^^^^^^^^^^
`;

const open = async (parts: string): Promise<string> =>
  await temporaryFolder({ ...FILES, "buildout.cfg": `[buildout]\nparts = ${parts}\n${PARTS}` });

describe("plan, where a part would fail", () => {
  it("shows what would be done all the same, then why it would fail", async () => {
    const cwd = await open("b c");
    expect(await runCli(["plan"], { cwd })).to.deep.equal({
      code: 2,
      stdout: "c (./good.mjs): install\n    not installed yet\n1 to install\n",
      stderr: REFUSAL,
    });
    expect(await runCli(["plan", "--exit-code"], { cwd })).to.include({ code: 2 });
  });

  it("is a line of JSON, and the error is the last one", async () => {
    const { code, stdout, stderr } = await runCli(["plan", "--json"], { cwd: await open("b c") });
    const step = {
      part: "c",
      action: "install",
      recipe: "./good.mjs",
      reasons: ["not installed yet"],
      needs: [],
    };
    const place = { file: "buildout.cfg", line: 4, column: 10, notes: [], part: "a" };
    expect([
      code,
      stderr,
      ...stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    ]).to.deep.equal([
      2,
      REFUSAL,
      { steps: [step] },
      { error: { code: "x/refused", message: "nobody is let in", ...place } },
    ]);
  });

  it("does not say that nothing is to be done", async () => {
    expect(await runCli(["plan"], { cwd: await open("b") })).to.include({ stdout: "", stderr: REFUSAL });
  });
});

/** Tells of an engine that takes its time, as what the Docker recipes ask with does. */
const WAITING = `export default { doc: "", options: {}, async install() {}, async look({ warn }) {
  warn({ code: "engine/silent", message: "an engine has not answered for 5 seconds" });
  return new Map();
} };
`;

describe("what cannot wait for the end of a plan or a status", () => {
  it("is told at once, and of no part where it is of them all", async () => {
    const config = "[buildout]\nparts = a\n[a]\nrecipe = ./waiting.mjs\n";
    const cwd = await temporaryFolder({ "waiting.mjs": WAITING, "buildout.cfg": config });
    await runCli([], { cwd });
    const stderr = "warning[engine/silent]: an engine has not answered for 5 seconds\n";
    for (const command of ["install", "plan", "status"])
      expect(await runCli([command], { cwd }), command).to.include({ code: 0, stderr });
  });
});
