import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Recipe } from "../../../src/engine/contract.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { asNobody } from "../../support/other-user.js";
import { refusal } from "../../support/quick-parts.js";

const RECIPE = `export default {
  doc: "Made by one file.",
  version: "1",
  options: {},
  async install() {},
  async look() { return new Map(); },
};
`;

describe("an uninstall", () => {
  let buildout: TestBuildout;

  beforeEach(async () => {
    const config = "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n";
    buildout = await testBuildout({ config, files: { "made.mjs": RECIPE } });
  });
  afterEach(async () => {
    await buildout.dispose();
  });

  it("of a part whose recipe is gone names the recipe, and leaves the part as it is", async () => {
    await buildout.install();
    await buildout.remove("made.mjs");
    const { parts } = await buildout.uninstall();
    expect(parts.map(({ part, end, why }) => [part, end, why])).to.deep.equal([
      ["a", "failed", `there is no recipe ./made.mjs: ${buildout.directory}/made.mjs does not exist`],
    ]);
    const codes = buildout.events.flatMap((event) =>
      event.type === "diagnostic" ? [event.diagnostic.code] : [],
    );
    expect(codes).to.deep.equal(["recipe/missing"]);
    expect((await buildout.records()).get("a")!.phase).to.equal("installed");
  });
});

describe("the progress that a recipe tells", () => {
  it("is its own part's, and nothing else, whatever fields the recipe gives it", async () => {
    const forged = '{ step: "here", part: "b", type: "part-ended" }';
    const made = RECIPE.replace("async install() {}", `async install({ progress }) { progress(${forged}); }`);
    const config = "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n";
    await using buildout = await testBuildout({ config, files: { "made.mjs": made } });
    await buildout.install();
    const told = buildout.events.filter((event) => "step" in event);
    expect(told).to.deep.equal([{ type: "part-progress", part: "a", step: "here" }]);
  });
});

/** Has one thing together with all parts of its recipe, and tells who takes it away. */
const SHARED = `export default {
  doc: "Has a thing together with others.",
  version: "1",
  options: {},
  async install(context) { context.log("with " + names(context)); },
  async look() { return new Map(); },
  async uninstall(context) { context.log(names(context) ? "stays for " + names(context) : "taken away"); },
};
const names = (context) => context.others().map(({ part }) => part).join(" ");
`;

describe("the records of other parts", () => {
  let buildout: TestBuildout;
  const sections = ["a", "b"].map((part) => `[${part}]\nrecipe = ./shared.mjs\n`).join("");
  beforeEach(async () => {
    const config = `[buildout]\nparts = a b\n${sections}`;
    buildout = await testBuildout({ config, files: { "shared.mjs": SHARED } });
    await buildout.install();
  });
  afterEach(async () => {
    await buildout.dispose();
  });

  it("are known while one goes", async () => {
    await buildout.write(`[buildout]\nparts = b\n${sections}`);
    await buildout.install();
    expect(buildout.log("a").at(-1)).to.equal("stays for b");
  });

  it("are without those that go as well: somebody takes away what all had", async () => {
    await buildout.uninstall();
    const last = ["a", "b"].map((part) => buildout.log(part).at(-1));
    expect(last).to.include("taken away");
  });
});

describe("a look that fails without a word", () => {
  it("is a failure: nobody knows how the part stands", async () => {
    const recipe = `export default { doc: "", options: {}, async install() {}, look: () => Promise.reject() };`;
    const config = "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n";
    await using buildout = await testBuildout({ config, files: { "made.mjs": recipe } });
    await buildout.install();
    const [status] = await buildout.open().status();
    expect(status).to.include({ state: "unknown", problem: "Error: it looked, and failed without a word" });
    expect((await buildout.install()).ok).to.equal(false);
  });
});

describe("the log of a part", () => {
  it("has a line for each that a recipe logs at once", async () => {
    const recipe = `export default { doc: "", options: {}, async install({ log }) { log("one\\ntwo\\r\\n"); log(3); log({ of: "it" }); log(Object.create(null)); } };`;
    const config = "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n";
    await using buildout = await testBuildout({ config, files: { "made.mjs": recipe } });
    await buildout.install();
    const what = ["one", "two", "3", "{ of: 'it' }", "[Object: null prototype] {}"];
    expect(buildout.log("a")).to.deep.equal(what);
  });
});

describe("what a recipe in plain JavaScript hands over", () => {
  const wrong = {
    "async install() { return new Map(); }": "the outputs are { name: text }, not Map",
    "async install() { return ['x']; }": "the outputs are { name: text }, not Array",
    "async install() { return 5; }": "the outputs are { name: text }, not Number",
    "async install() {}, async inputs() { return 'x'; }": "the inputs are { name: text }, not String",
    "async install({ secret }) { secret(undefined); }": "a secret is a text, not undefined",
    "async install({ download }) { await download('https://host/x'); }":
      "the url of a download is a text, not undefined",
  };
  for (const [body, what] of Object.entries(wrong))
    it(`is told by what it must be: ${what}`, async () => {
      const recipe = `export default { doc: "", options: {}, ${body} };`;
      const config = "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n";
      await using buildout = await testBuildout({ config, files: { "made.mjs": recipe } });
      expect((await buildout.install()).parts[0]!.why).to.equal(`TypeError: ${what}`);
    });

  for (const [call, what] of Object.entries({
    "needs()": "the name of a part",
    "addPart({ recipe: 'docker.volume' })": "the name of a part",
    "option()": "the name of a section",
    "reference('b')": "the name of an option",
  }))
    it(`is told by what it must be: ${call}`, async () => {
      const recipe = `export default { doc: "", options: {}, async install() {}, async configure(context) { await context.${call}; } };`;
      const config = "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n[b]\nx = 1\n";
      await using buildout = await testBuildout({ config, files: { "made.mjs": recipe } });
      expect(await refusal(() => buildout.install())).to.match(
        new RegExp(`^error\\[internal/bug\\]: TypeError: ${what} is a text, not \\w+ \\(part a\\)\n`),
      );
    });
});

describe("a recorded file", () => {
  it("that cannot be removed keeps its part recorded, and goes with the next uninstall that can", async () => {
    let folder = "";
    const keeping: Recipe = {
      doc: "Makes a file in a folder that others keep.",
      options: {},
      install: async (context) => {
        folder = join(context.buildout.directory, "kept");
        await mkdir(folder, { recursive: true });
        await context.created({ kind: "file", name: join(folder, "x") });
        await writeFile(join(folder, "x"), "");
      },
    };
    const config = "[buildout]\nparts = a\n[a]\nrecipe = keeping\n";
    await using buildout = await testBuildout({ config, recipes: { keeping } });
    await chmod(buildout.directory, 0o777);
    await buildout.plan();
    await asNobody(async () => {
      await buildout.install();
      await chmod(folder, 0o500);
      const { parts } = await buildout.uninstall();
      expect(parts[0]!.why).to.match(/^EACCES: permission denied, unlink '.+\/kept\/x'$/);
      expect([...(await buildout.records()).keys()]).to.deep.equal(["a"]);
      await chmod(folder, 0o700);
      expect((await buildout.uninstall()).ok).to.equal(true);
      expect(await readdir(folder)).to.deep.equal([]);
    });
  });
});

describe("a temporary folder", () => {
  it("that cannot be removed is told of, and is no failure of what was done in it", async () => {
    let folder = "";
    const keeping: Recipe = {
      doc: "Leaves a folder that may only be read, as Go does with its modules.",
      options: {},
      install: async (context) => {
        folder = join(await context.temporaryFolder(), "mod");
        await mkdir(folder);
        await writeFile(join(folder, "go.mod"), "");
        await chmod(folder, 0o500);
      },
    };
    const config = "[buildout]\nparts = a\n[a]\nrecipe = keeping\n";
    await using buildout = await testBuildout({ config, recipes: { keeping } });
    await buildout.plan();
    await chmod(buildout.directory, 0o777);
    for (const end of ["done", "unchanged"])
      await asNobody(async () => {
        const { parts } = await buildout.install();
        expect(parts.map((part) => part.end)).to.deep.equal([end]);
        const warnings = buildout.events.flatMap((event) =>
          event.type === "diagnostic" ? [event.diagnostic.message] : [],
        );
        expect(warnings).to.have.lengthOf(1);
        const [told] = warnings;
        expect(told).to.match(/^\S+\/\.tsbuildout\/tmp-\w+, which a recipe .+: EACCES: permission denied, /);
        buildout.events.length = 0;
      });
    await chmod(folder, 0o700);
  });
});
