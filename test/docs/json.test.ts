import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder } from "../support/cli.js";
import { runCli } from "../support/in-process.js";
import { temporaryFolder } from "../support/tmp.js";

/** With all that a recipe can bring into what is printed. */
const RECIPE = `export default {
  doc: "",
  lifecycle: "",
  example: "",
  options: {},
  outputs: { told: { doc: "" } },
  async foresee() { return ["noted"]; },
  async look({ records }) {
    return new Map(records.map(({ part }) => [part, [{ kind: "changed", message: "drifted", repair: "reinstall" }]]));
  },
  async install({ log, progress, warn }) {
    log("logged");
    progress({ id: "1", step: "half", current: 1, total: 2, unit: "items" });
    warn({ code: "mine/warned", message: "warned", notes: ["noted"], help: ["helped"] });
    return { told: "x" };
  },
};
`;

const page = readFileSync(join(projectFolder, "docs/cli.md"), "utf8");
const rows = [...page.matchAll(/^\| `(.*?)` +\| (.*) \|$/gm)];

/** What the rows of the page on a command or an event name. */
function named(what: string): ReadonlySet<string> {
  return new Set(rows.flatMap(([, name, text]) => (name === what ? (text!.match(/[A-Za-z-]+/g) ?? []) : [])));
}

function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(keysOf);
  return Object.entries(value).flatMap(([key, inner]) =>
    // What these hold is named by the user.
    ["outputs", "counts", "versions"].includes(key) ? [key] : [key, ...keysOf(inner)],
  );
}

const objects = (stdout: string): unknown[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));

describe("the page on the command line names all that --json prints", () => {
  let cwd: string;
  let events: { readonly type: string; readonly steps?: unknown }[];
  before(async () => {
    cwd = await temporaryFolder({
      "buildout.cfg": "[buildout]\nparts = b\n[a]\nrecipe = ./made.mjs\n[b]\nrecipe = ./made.mjs\n=> a\n",
      "made.mjs": RECIPE,
    });
    const { stdout } = await runCli(["install", "--json"], { cwd });
    events = objects(stdout) as typeof events;
  });

  for (const argv of [["plan"], ["status"], ["graph"], ["runs"], ["logs", "a"], ["recipes", "./made.mjs"]])
    it(`by ${argv[0]}`, async () => {
      const { stdout, code } = await runCli([...argv, "--json"], { cwd });
      expect(code).to.equal(0);
      const keys = new Set(objects(stdout).flatMap(keysOf));
      expect(keys).not.to.be.empty;
      expect([...keys].filter((key) => !named(argv[0]!).has(key))).to.deep.equal([]);
    });

  it("by install, of every event", () => {
    const unnamed = events.flatMap(({ type, steps, ...rest }) =>
      [...(steps ? ["steps"] : []), ...keysOf(rest)].filter((key) => !named(type).has(key)),
    );
    expect(unnamed).to.deep.equal([]);
    expect(new Set(events.map(({ type }) => type)).size).to.equal(8);
  });
});
