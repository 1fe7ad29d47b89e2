import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Recipe } from "../../../src/engine/contract.js";
import { option } from "../../../src/engine/schema.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, quick, refusal, results } from "../../support/quick-parts.js";
import { Script } from "../../support/scripted.js";

const withSecrets = (a: string): string =>
  config(
    "a",
    `[a]\nrecipe = quick\na = ${a}\npassword = $<b:token>`,
    "[b]\nrecipe = quick\npassword = hunter22",
  );

describe("values that parts hand on", () => {
  let script: Script;
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    script = new Script();
    buildout = await testBuildout({ config: text, recipes: { s: script.recipe, quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
  });

  it("hands on outputs; a plan says what is known only later; an equal value stops the change", async () => {
    await open(config("a", "[a]\nrecipe = quick\na = $<b:id>", "[b]\nrecipe = s\nb = 1"));
    expect((await buildout.plan()).steps.map(({ part, action }) => `${part} ${action}`)).to.deep.equal([
      "b install",
      "a install",
    ]);
    const run = buildout.install();
    await script.end("install b", { id: "7" });
    await run;
    expect((await buildout.records()).get("a")!.options["a"]).to.equal("7");
    await buildout.write(config("a", "[a]\nrecipe = quick\na = $<b:id>", "[b]\nrecipe = s\nb = 2"));
    expect((await buildout.plan()).steps).to.deep.include({
      part: "a",
      action: "maybe",
      recipe: "quick",
      reasons: ["option a: known after b:id"],
      needs: ["b"],
    });
    const same = buildout.install();
    await script.end("update b", { id: "7" });
    expect(results(await same)).to.deep.equal([
      "b update done: option b: 1 -> 2",
      "a none unchanged: undefined",
    ]);
    await buildout.write(config("a", "[a]\nrecipe = quick\na = $<b:id>", "[b]\nrecipe = s\nb = 3"));
    const other = buildout.install();
    await script.end("update b", { id: "8" });
    expect(results(await other)).to.deep.equal([
      "b update done: option b: 2 -> 3",
      "a reinstall done: option a: 7 -> 8",
    ]);
  });

  it("takes a name that is an output and another name of an option for the output, except in its own section", async () => {
    const pull: Recipe = {
      doc: "Its output has another name of its option.",
      version: "1",
      options: {
        name: option.string({ doc: "What is pulled.", aliases: ["image"] }),
        own: option.string({ doc: "" }),
      },
      outputs: { image: { doc: "What has come of it." } },
      install: async (context) => ({ image: `${context.text("name")}@1` }),
    };
    for (const written of ["name", "image"]) {
      const text = config(
        "a",
        "[a]\nrecipe = quick\na = $<p:image>\nb = of $<p:image>",
        `[p]\nrecipe = pull\n${written} = x\nown = $<p:image>`,
      );
      await open(text, { pull });
      await buildout.install();
      const { a, p } = Object.fromEntries(await buildout.records());
      expect(a!.options).to.deep.equal({ a: "x@1", b: "of x@1" });
      expect(p!.options["own"]).to.equal("x");
      expect((await buildout.plan()).steps.map(({ action }) => action)).to.deep.equal(["none", "none"]);
      await buildout.dispose();
    }
  });

  it("never writes or says a secret, and gets a secret output anew for a part that must have it", async () => {
    await open(withSecrets("1"));
    await buildout.install();
    const state = await readFile(join(buildout.directory, ".installed.cfg"), "utf8");
    expect(state).not.to.match(/hunter22|token-of-b/);
    expect(JSON.stringify(buildout.events)).not.to.match(/hunter22|token-of-b/);
    expect((await buildout.install()).counts.unchanged).to.equal(2);
    await buildout.write(withSecrets("2"));
    expect(results(await buildout.install())).to.deep.equal([
      "b update done: a needs its secret output token, which is not recorded",
      "a reinstall done: option a: 1 -> 2",
    ]);
    await buildout.write(withSecrets("2").replace("hunter22", "hunter23"));
    expect((await buildout.plan()).steps[0]!.reasons).to.deep.equal(["option password: *** -> ***"]);
  });

  for (const [what, update] of [
    ["is handed back as it is recorded", async ({ record }) => ({ ...record.outputs, id: "new" })],
    ["is left out", async () => ({ id: "new" })],
    ["is told by nothing", async () => {}],
  ] satisfies [string, Recipe["update"]][])
    it(`fails what must have a secret output that ${what} by its part's update, and never takes the hash for it`, async () => {
      const seen: unknown[] = [];
      const reads: Recipe = {
        ...quick,
        install: async (context) => void seen.push(context.text("password")),
        update: async (context) => void seen.push(context.text("password")),
      };
      const sections = ["[a]\nrecipe = reads\npassword = $<b:token>\nb = 1", "[b]\nrecipe = keeps"];
      await open(config("a", ...sections), { reads, keeps: { ...quick, update } });
      await buildout.install();
      await buildout.write(config("a", ...sections).replace("b = 1", "b = 2"));
      for (const _ of ["once", "again"]) {
        const { parts } = await buildout.install();
        const [end] = parts.filter(({ part }) => part === "a");
        expect(end).to.include({
          end: "failed",
          why: "option password of a needs b:token, which its part did not give",
        });
      }
      expect(seen).to.deep.equal(["token-of-b"]);
    });

  it("never says a secret output once its part has told it, whoever logs it", async () => {
    const talks: Recipe = {
      ...quick,
      install: async (context) => context.log(`it is ${context.text("a")}`),
    };
    await open(config("a", "[a]\nrecipe = talks\na = $<b:token>", "[b]\nrecipe = quick"), { talks });
    await buildout.install();
    expect(buildout.log("a")).to.deep.equal(["it is ***"]);
  });

  it("never says what a recipe calls a secret, and records an output that has it in it as one", async () => {
    const tells: Recipe = {
      ...quick,
      install: async (context) => {
        context.secret("hunter22");
        context.log("it is hunter22");
        return { id: "host?key=hunter22", token: "" };
      },
    };
    await open(config("a", "[a]\nrecipe = tells"), { tells });
    await buildout.install();
    expect(buildout.log()).to.deep.equal(["it is ***"]);
    expect((await buildout.records()).get("a")?.outputs["id"]).to.match(/^secret:[0-9a-f]{64}$/);
  });

  it("names an output that a recipe does not declare, and those that it does", async () => {
    await open(config("a", "[a]\nrecipe = quick\na = $<b:ident>", "[b]\nrecipe = quick"));
    expect(await refusal(() => buildout.plan())).to.equal(
      [
        'error[config/missing-option]: [b] has no option "ident" (part a)',
        "  buildout.cfg:5:5",
        "5 | a = $<b:ident>",
        "  |     ^^^^^^^^^^",
        "  = note: [b] starts here (buildout.cfg:6)",
      ].join("\n"),
    );
  });
});
