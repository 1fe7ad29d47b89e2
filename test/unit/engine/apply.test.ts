import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { access, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type InstallContext,
  type Problem,
  type Recipe,
  RecipeError,
  type RecipeErrorOptions,
  type UpdateContext,
} from "../../../src/engine/contract.js";
import { Buildout } from "../../../src/engine/buildout.js";
import { DiagnosticError } from "../../../src/engine/diagnostic.js";
import type { Event, Summary } from "../../../src/engine/events.js";
import { renderDiagnostic } from "../../../src/engine/render.js";
import { option, type Schema } from "../../../src/engine/schema.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { Script } from "../../support/scripted.js";

const config = (parts: string, ...sections: string[]): string =>
  [`[buildout]\nparts = ${parts}`, ...sections, ""].join("\n");

const tell = async (context: InstallContext<Schema>) => ({
  id: `id-${context.text("a") ?? context.part}`,
  token: `token-of-${context.part}`,
});

/** A recipe that is done at once. */
const quick: Recipe = {
  doc: "Done at once.",
  version: "1",
  options: {
    a: option.string({ doc: "An option." }),
    b: option.string({ doc: "An option that is applied in place.", inPlace: true }),
    password: option.string({ doc: "A secret.", secret: true }),
  },
  outputs: { id: { doc: "An output." }, token: { doc: "A secret.", secret: true } },
  install: tell,
  update: tell,
  look: async () => new Map(),
};

/** A recipe whose parts hold data. */
const safe: Recipe = {
  ...quick,
  protects: "the data",
  install: async (context) => {
    await context.created({ kind: "thing", name: context.part });
    return await tell(context);
  },
};

const withSecrets = (a: string): string =>
  config(
    "a",
    `[a]\nrecipe = quick\na = ${a}\npassword = $<b:token>`,
    "[b]\nrecipe = quick\npassword = hunter22",
  );

const protectedPart = (a: string): string =>
  config("v", "[v]\nrecipe = safe\n=> n", `[n]\nrecipe = quick\na = ${a}`);

const protectedLater = (a: string): string =>
  config("v", "[v]\nrecipe = safe\na = $<n:id>", `[n]\nrecipe = quick\na = ${a}`);

/** `web` needs `n1` and `n2`, which turn out to be made anew when `s1` and `s2` have been updated. */
const twoNeeds = (b: string, a = ""): string =>
  config(
    "web",
    `[web]\nrecipe = user\na = ${a}\n=> n1 n2`,
    ...["1", "2"].flatMap((n) => [
      `[n${n}]\nrecipe = logged\na = $<s${n}:id>`,
      `[s${n}]\nrecipe = s\nb = ${b}`,
    ]),
  );

/** What `a` reads is known once `b` has been worked on. */
const readLater = (b: string): string =>
  config("a", "[a]\nrecipe = reader\n=> b", `[b]\nrecipe = s\nb = ${b}`);

const blindNeed = (a: string): string =>
  config("a", `[a]\nrecipe = quick\na = ${a}\n=> b`, "[b]\nrecipe = blind");

/** RecipeError as a recipe package has it that brings its own copy of our modules. */
class OwnCopy extends Error {
  readonly problem: Problem;
  readonly untouched: boolean;
  constructor(problem: Problem, { untouched = false, ...options }: RecipeErrorOptions) {
    super(problem.message, options);
    this.problem = problem;
    this.untouched = untouched;
  }
}

/** Ends only with its signal. */
async function hang({ signal }: { signal: AbortSignal }): Promise<never> {
  signal.throwIfAborted();
  return await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

async function refuse(): Promise<never> {
  throw new RecipeError({ code: "quick/refused", message: "nobody is let in" });
}

function throwsAtEndOfA(event: Event): void {
  if (event.type === "part-ended" && event.part === "a") throw new Error("the reporter broke");
}

/** The names of what Node warns of meanwhile. */
async function warningsOf(work: () => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  const note = ({ name }: Error): void => void names.push(name);
  process.on("warning", note);
  try {
    await work();
    await turn();
  } finally {
    process.off("warning", note);
  }
  return names;
}

const results = ({ parts }: Summary): string[] =>
  parts.map(({ part, action, end, why }) => `${part} ${action} ${end}: ${why}`);

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics.map((d) => renderDiagnostic(d)).join("\n");
    throw error;
  }
  throw new Error("it was not refused");
}

describe("a run", () => {
  let script: Script;
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    script = new Script();
    buildout = await testBuildout({ config: text, recipes: { s: script.recipe, quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
  });

  it("works on as many parts at once as it may, and holds no place while a part waits", async () => {
    await open(
      config("a b c d", "[a]\nrecipe = s\n=> c", "[b]\nrecipe = s", "[c]\nrecipe = s", "[d]\nrecipe = s"),
    );
    const run = buildout.install({ jobs: 2 });
    await script.begun("install c", "install b");
    expect(script.open).to.deep.equal(["install c", "install b"]);
    await script.end("install b");
    await script.begun("install d");
    await script.end("install d");
    expect(script.open).to.deep.equal(["install c"]);
    await script.end("install c");
    await script.end("install a");
    expect((await run).counts.done).to.equal(4);
  });

  it("works on other parts while one waits, and on no more than it may once it goes on", async () => {
    const waiting: Recipe = {
      ...quick,
      install: async (context) => {
        await context.waiting(async () => await script.recipe.install(context));
        return await script.recipe.update!(context as UpdateContext<Schema>);
      },
    };
    const sections = ["a", "b"].map((name) => `[${name}]\nrecipe = waiting`);
    const others = ["c", "d", "e"].map((name) => `[${name}]\nrecipe = s`);
    await open(config("a b c d e", ...sections, ...others), { waiting });
    const run = buildout.install({ jobs: 2 });
    await script.begun("install a", "install b", "install c", "install d");
    await script.end("install a");
    await script.begun("update a");
    await script.end("install c");
    await script.end("install b");
    await script.begun("update b");
    expect(script.open).to.have.members(["install d", "update a", "update b"]);
    await script.end("update a");
    await script.end("install d");
    await script.begun("install e");
    await script.end("install e");
    await script.end("update b");
    expect((await run).counts.done).to.equal(5);
    const order = buildout.events.flatMap((event) =>
      "part" in event ? [`${event.type} ${event.part}`] : [],
    );
    expect(order.indexOf("part-started e")).to.be.greaterThan(order.indexOf("part-ended a"));
  });

  it("goes on with what does not need the part that failed, and says why the rest was skipped", async () => {
    await open(config("a b", "[a]\nrecipe = s\na = $<c:id>", "[b]\nrecipe = s", "[c]\nrecipe = s"));
    const run = buildout.install();
    await script.fail("install c", "no luck");
    await script.end("install b");
    const summary = await run;
    expect(results(summary)).to.deep.equal([
      "c install failed: no luck",
      "a install skipped: it needs c, which failed",
      "b install done: not installed yet",
    ]);
    expect(script.log).to.deep.equal(["install c", "undo c", "install b"]);
    expect([...(await buildout.records()).keys()]).to.deep.equal(["b"]);
  });

  it("is not over before what is under way has ended, whatever a reporter throws", async () => {
    await open(config("a b", "[a]\nrecipe = s", "[b]\nrecipe = s"));
    const seen: string[] = [];
    const run = buildout
      .install({ jobs: 2, report: throwsAtEndOfA })
      .catch((error: Error) => void seen.push(error.message));
    await script.begun("install a", "install b");
    await script.end("install a");
    // As long as it would take to close the state.
    for (let looks = 0; looks < 1000 && seen.length === 0; looks++) await buildout.list();
    seen.push("b ends");
    await script.end("install b");
    await run;
    expect(seen).to.deep.equal(["b ends", "the reporter broke"]);
    expect((await buildout.records()).get("b")?.phase).to.equal("installed");
  });

  it("with fail-fast begins nothing new after a failure", async () => {
    await open(config("a b", "[a]\nrecipe = s", "[b]\nrecipe = s"));
    const run = buildout.install({ failFast: true });
    await script.fail("install a");
    expect(results(await run)).to.deep.equal([
      "a install failed: told to fail",
      "b install skipped: the run stopped when a failed",
    ]);
  });

  it("fails at once what is known to fail, before the work on what it needs", async () => {
    const text = config("a b", "[a]\nrecipe = refused\na = $<b:id>", "[b]\nrecipe = quick");
    await open(text, { refused: { ...quick, check: refuse } });
    expect(results(await buildout.install({ failFast: true }))).to.deep.equal([
      "a none failed: nobody is let in",
      "b install skipped: the run stopped when a failed",
    ]);
    expect(results(await buildout.install())).to.deep.equal([
      "a none failed: nobody is let in",
      "b install done: not installed yet",
    ]);
  });

  it("interrupted, undoes what is under way, begins nothing new, and is completed by the next run", async () => {
    await open(config("a b c", "[a]\nrecipe = s", "[b]\nrecipe = s", "[c]\nrecipe = s"));
    const interrupt = new AbortController();
    const run = buildout.install({ jobs: 2, signal: interrupt.signal });
    await script.end("install a");
    await script.begun("install b", "install c");
    interrupt.abort();
    const summary = await run;
    expect(summary.interrupted).to.equal(true);
    expect(results(summary)).to.deep.equal([
      "a install done: not installed yet",
      "b install aborted: the run was interrupted",
      "c install aborted: the run was interrupted",
    ]);
    expect(script.log.slice(3).sort()).to.deep.equal(["undo b", "undo c"]);
    const again = buildout.install({ jobs: 2 });
    await script.end("install b");
    await script.end("install c");
    expect(results(await again)).to.deep.equal([
      "a none unchanged: undefined",
      "b install done: not installed yet",
      "c install done: not installed yet",
    ]);
  });

  it("interrupted while it reads what a part is made of, blames nobody", async () => {
    const begun = new AbortController();
    const reads = once(begun.signal, "abort");
    const reader: Recipe = {
      ...quick,
      inputs: async (context) => {
        if (!context.record) return {};
        begun.abort();
        return await hang(context);
      },
    };
    await open(readLater("1"), { reader });
    const first = buildout.install();
    await script.end("install b");
    await first;
    await buildout.write(readLater("2"));
    buildout.events.length = 0;
    const interrupt = new AbortController();
    const run = buildout.install({ signal: interrupt.signal });
    await script.end("update b");
    await reads;
    interrupt.abort();
    expect(results(await run)).to.deep.equal([
      "b update done: option b: 1 -> 2",
      "a maybe aborted: the run was interrupted",
    ]);
    expect(buildout.events.filter(({ type }) => type === "diagnostic")).to.deep.equal([]);
  });

  it("aborts and undoes a part that takes longer than its timeout", async () => {
    await open(config("a", "[a]\nrecipe = s\ntimeout = 1ms"));
    expect(results(await buildout.install())).to.deep.equal([
      "a install failed: not done within 0.001 seconds",
    ]);
    expect(script.log).to.deep.equal(["install a", "undo a"]);
    const text = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(text).to.deep.equal([
      [
        "error[part/timeout]: not done within 0.001 seconds (part a)",
        "  buildout.cfg:5:11",
        "5 | timeout = 1ms",
        "  |           ^^^",
        "  = help: give it more time with the option timeout",
      ].join("\n"),
    ]);
  });

  it("aborts a part whose inputs take longer to read than its timeout, when it is installed and when it is judged", async () => {
    let hangs = true;
    const reads: Recipe = {
      ...quick,
      inputs: async (context) => (hangs ? await hang(context) : {}),
    };
    await open(config("a", "[a]\nrecipe = reads\ntimeout = 1ms"), { reads });
    const late = "not done within 0.001 seconds";
    expect(results(await buildout.install())).to.deep.equal([`a install failed: ${late}`]);
    await buildout.write(config("a", "[a]\nrecipe = reads"));
    hangs = false;
    expect(results(await buildout.install())).to.deep.equal(["a install done: not installed yet"]);
    await buildout.write(config("a", "[a]\nrecipe = reads\ntimeout = 1ms"));
    hangs = true;
    expect(results(await buildout.install())).to.deep.equal([`a none failed: ${late}`]);
  });

  it("gives a part all the time that its timeout allows, however much that is", async () => {
    const warned = await warningsOf(async () => {
      await open(config("a", "[a]\nrecipe = quick\ntimeout = 60d"));
      await buildout.install();
    });
    expect(warned, "that Node takes it for 1 ms").to.not.include("TimeoutOverflowWarning");
  });

  it("lets a part ask for any number of things at once, also with a timeout", async () => {
    const listens: Recipe = {
      ...quick,
      install: ({ signal }) => {
        for (let at = 0; at < 20; at++) signal.addEventListener("abort", () => at);
        return Promise.resolve({ id: "", token: "" });
      },
    };
    const warned = await warningsOf(async () => {
      await open(config("a b", "[a]\nrecipe = listens\n[b]\nrecipe = listens\ntimeout = 1m"), { listens });
      await buildout.install();
    });
    expect(warned).to.not.include("MaxListenersExceededWarning");
  });

  it("does not wait for the undoing of an install that made nothing and took too long", async () => {
    await open(config("a", "[a]\nrecipe = hung\ntimeout = 1ms"), {
      hung: { ...quick, install: hang, uninstall: hang },
    });
    expect(results(await buildout.install())).to.deep.equal([
      "a install failed: not done within 0.001 seconds",
    ]);
    expect((await buildout.records()).size).to.equal(0);
  });

  it("leaves it to the recipe to say what the time went by with", async () => {
    const telling: Recipe = {
      ...quick,
      install: async ({ signal }) => {
        await once(signal, "abort");
        const { problem } = signal.reason as RecipeError;
        throw new OwnCopy({ ...problem, notes: ["it slept"] }, { cause: signal.reason });
      },
    };
    await open(config("a", "[a]\nrecipe = telling\ntimeout = 1ms"), { telling });
    expect((await buildout.install()).ok).to.equal(false);
    const [told] = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(told).to.contain("error[part/timeout]: not done within 0.001 seconds (part a)\n");
    expect(told).to.contain("\n  = note: it slept\n");
  });

  it("with keep-on-error leaves a failed install for a look, and clears it away the next time", async () => {
    await open(config("a", "[a]\nrecipe = s\nkeep-on-error = true"));
    const run = buildout.install();
    await script.fail("install a");
    await run;
    expect((await buildout.records()).get("a")).to.include({ phase: "installing" });
    const again = buildout.install();
    await script.end("install a");
    expect(results(await again)).to.deep.equal([
      "a reinstall done: the last install was interrupted or failed",
    ]);
    expect(script.log).to.deep.equal(["install a", "uninstall a", "install a"]);
  });

  it("keeps record and objects of a failed update, and tries again", async () => {
    await open(config("a", "[a]\nrecipe = s\nb = 1"));
    const run = buildout.install();
    await script.end("install a");
    await run;
    await buildout.write(config("a", "[a]\nrecipe = s\nb = 2"));
    const failing = buildout.install();
    await script.fail("update a");
    expect(results(await failing)).to.deep.equal(["a update failed: told to fail"]);
    const again = buildout.install();
    await script.end("update a");
    expect(results(await again)).to.deep.equal(["a update done: the last update was interrupted or failed"]);
    expect(script.log).to.deep.equal(["install a", "update a", "update a"]);
    expect((await buildout.records()).get("a")!.options["b"]).to.equal("2");
  });

  it("remembers that a routine update failed", async () => {
    let fails = false;
    const always: Recipe = {
      doc: "Is updated at every run.",
      version: "1",
      options: {},
      install: async () => {},
      update: async () => {
        if (fails) await Promise.reject(new Error("told to fail"));
      },
    };
    await open(config("a", "[a]\nrecipe = always"), { always });
    await buildout.install();
    fails = true;
    await buildout.install();
    expect((await buildout.open().status()).map(({ state }) => state)).to.deep.equal(["unfinished"]);
    expect((await buildout.plan()).changes).to.equal(true);
    fails = false;
    expect(results(await buildout.install())).to.deep.equal([
      "a update done: the last update was interrupted or failed",
    ]);
    expect((await buildout.plan()).changes).to.equal(false);
  });

  it("forgets a part with keep = true when it goes, and leaves what it made", async () => {
    await open(config("a", "[a]\nrecipe = s\nkeep = true"));
    const run = buildout.install();
    await script.end("install a");
    await run;
    await buildout.write(config(""));
    expect(results(await buildout.install())).to.deep.equal([
      "a forget done: no longer in the configuration",
    ]);
    expect(script.log).to.deep.equal(["install a"]);
    expect((await buildout.records()).size).to.equal(0);
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

  it("refuses to destroy what is protected where that turns out only in the midst of the run", async () => {
    const log: string[] = [];
    const destroys: Recipe = { ...safe, uninstall: async () => void log.push("destroyed") };
    await open(protectedLater("1"), { safe: destroys });
    await buildout.install();
    await buildout.write(protectedLater("2"));
    expect(results(await buildout.install())).to.deep.equal([
      "n reinstall done: option a: 1 -> 2",
      "v none failed: v would have to be made anew, and the data would be lost",
    ]);
    expect(log).to.deep.equal([]);
  });

  it("records of an update that fails what the part needed before as well as what it needs now", async () => {
    const needed = ["x", "y"].map((name) => `[${name}]\nrecipe = quick\na = ${name}`);
    const text = (need: string): string => config("x y z", `[z]\nrecipe = s\nb = $<${need}:a>`, ...needed);
    await open(text("x"));
    const first = buildout.install();
    await script.end("install z");
    await first;
    await buildout.write(text("y"));
    const second = buildout.install();
    await script.fail("update z");
    await second;
    expect((await buildout.records()).get("z")?.needs).to.have.members(["x", "y"]);
  });

  it("removes a temporary folder with the end of the call that asked for it", async () => {
    let folder = "";
    const there: boolean[] = [];
    const asks: Recipe = {
      ...quick,
      install: async (context) => {
        if (folder === "") await writeFile(join((folder = await context.temporaryFolder()), "file"), "");
        there.push(existsSync(folder));
      },
    };
    await open(config("b", "[a]\nrecipe = asks", "[b]\nrecipe = asks\n=> a"), { asks });
    await buildout.install();
    expect(there).to.deep.equal([true, false]);
  });

  it("refuses to destroy what is protected, unless told to", async () => {
    await open(config("v", "[v]\nrecipe = safe\na = 1"), { safe });
    await buildout.install();
    await buildout.write(config("v", "[v]\nrecipe = safe\na = 2"));
    const text = [
      "error[part/protected]: v would have to be made anew, and the data would be lost (part v)",
      "  buildout.cfg:5:5",
      "5 | a = 2",
      "  |     ^",
      "  = note: option a: 1 -> 2",
      "  = help: to destroy it nevertheless: replace = true in [v], or --replace v",
    ].join("\n");
    expect(await refusal(() => buildout.plan())).to.equal(text);
    expect(await refusal(() => buildout.install())).to.equal(text);
    expect(await refusal(() => buildout.install({ replace: ["vv"] }))).to.equal(
      `error[part/unknown]: there is no part vv\n   = help: did you mean "v"?`,
    );
    expect(results(await buildout.install({ replace: ["v"] }))).to.deep.equal([
      "v reinstall done: option a: 1 -> 2",
    ]);
  });

  it("refuses to destroy what is protected where the part gets another recipe, and that recipe's own data never", async () => {
    await open(config("v w", "[v]\nrecipe = safe", "[w]\nrecipe = quick"), { safe });
    await buildout.install();
    await buildout.write(config("v w", "[v]\nrecipe = quick", "[w]\nrecipe = safe"));
    const text = [
      "error[part/protected]: v would have to be made anew, and the data would be lost (part v)",
      "  buildout.cfg:4:10",
      "4 | recipe = quick",
      "  |          ^^^^^",
      "  = note: recipe: safe -> quick",
      "  = help: to destroy it nevertheless: replace = true in [v], or --replace v",
    ].join("\n");
    expect(await refusal(() => buildout.plan())).to.equal(text);
    expect(await refusal(() => buildout.install())).to.equal(text);
    expect(results(await buildout.install({ replace: ["v"] }))).to.have.members([
      "v reinstall done: recipe: safe -> quick",
      "w reinstall done: recipe: quick -> safe",
    ]);
  });

  it("blames no line of the file for a part that is asked for and not there", async () => {
    await open(config("web", "[web]\nrecipe = quick"));
    expect(await refusal(() => buildout.install({ parts: ["wb"] }))).to.equal(
      `error[config/missing-section]: there is no section [wb] for the part wb\n   = help: did you mean "web"?`,
    );
  });

  it("installs one part that another one makes", async () => {
    const maker: Recipe = {
      ...quick,
      configure: async (context) => {
        context.addPart("m.a", { recipe: "quick" });
        context.addPart("m.b", { recipe: "quick" });
        await Promise.resolve();
      },
    };
    await open(config("m", "[m]\nrecipe = maker"), { maker });
    expect(results(await buildout.install({ parts: ["m.b"] }))).to.deep.equal([
      "m.b install done: not installed yet",
    ]);
    expect(await refusal(() => buildout.install({ parts: ["m.c"] }))).to.equal(
      `error[config/missing-section]: there is no section [m.c] for the part m.c\n   = help: did you mean "m.a"?`,
    );
  });

  it("takes away what is found to be made anew only when all that needs it is gone, whoever takes that away", async () => {
    const log: string[] = [];
    const letGo = new AbortController();
    const logged: Recipe = { ...quick, uninstall: async ({ part }) => void log.push(part) };
    const user: Recipe = {
      ...quick,
      uninstall: async () => {
        await once(letGo.signal, "abort");
        log.push("web");
      },
    };
    await open(twoNeeds("1"), { logged, user });
    const first = buildout.install({ jobs: 2 });
    for (const name of ["s1", "s2"]) await script.end(`install ${name}`, { id: "1" });
    await first;
    await buildout.write(twoNeeds("2"));
    const run = buildout.install({ jobs: 2 });
    for (const name of ["s1", "s2"]) await script.end(`update ${name}`, { id: "2" });
    // Both are judged by then.
    for (let turns = 0; turns < 1000; turns++) await turn();
    letGo.abort();
    expect((await run).ok).to.equal(true);
    expect(log).to.have.members(["web", "n1", "n2"]);
    expect(log[0]).to.equal("web");
  });

  it("leaves what is found to be made anew where what needs it could not be taken away", async () => {
    const log: string[] = [];
    const logged: Recipe = { ...quick, uninstall: async ({ part }) => void log.push(part) };
    await open(twoNeeds("1", "1"), { logged, user: { ...quick, uninstall: refuse } });
    const first = buildout.install({ jobs: 2 });
    for (const name of ["s1", "s2"]) await script.end(`install ${name}`, { id: "1" });
    await first;
    await buildout.write(twoNeeds("2", "2"));
    const run = buildout.install({ jobs: 2 });
    for (const name of ["s1", "s2"]) await script.end(`update ${name}`, { id: "2" });
    expect(results(await run)).to.have.members([
      "web reinstall failed: nobody is let in",
      "s1 update done: option b: 1 -> 2",
      "n1 reinstall skipped: web still needs it",
      "s2 update done: option b: 1 -> 2",
      "n2 reinstall skipped: web still needs it",
    ]);
    expect(log).to.deep.equal([]);
  });

  it("takes a part for what it was where its uninstall has taken nothing away", async () => {
    const held: Recipe = {
      ...safe,
      uninstall: async () =>
        await Promise.reject(new OwnCopy({ code: "v/held", message: "it is held" }, { untouched: true })),
    };
    await open(config("v", "[v]\nrecipe = held\na = 1"), { held });
    await buildout.install();
    await buildout.write(config("v", "[v]\nrecipe = held\na = 2"));
    expect(results(await buildout.install({ replace: ["v"] }))).to.deep.equal([
      "v reinstall failed: it is held",
    ]);
    expect(await refusal(() => buildout.plan()), "still protected").to.contain("error[part/protected]");
    await buildout.write(config("v", "[v]\nrecipe = held\na = 1"));
    expect((await buildout.install()).counts).to.include({ unchanged: 1, failed: 0 });
  });

  it("tries an uninstall again that failed, also where the part is wanted as it was by then", async () => {
    let fails = true;
    const stuck: Recipe = {
      ...quick,
      uninstall: async () => {
        if (fails) await Promise.reject(new Error("half of it is gone"));
      },
    };
    await open(config("a", "[a]\nrecipe = stuck\na = 1"), { stuck });
    await buildout.install();
    await buildout.write(config("a", "[a]\nrecipe = stuck\na = 2"));
    expect((await buildout.install()).counts.failed).to.equal(1);
    expect((await buildout.records()).get("a")?.phase).to.equal("uninstalling");
    await buildout.write(config("a", "[a]\nrecipe = stuck\na = 1"));
    fails = false;
    expect(results(await buildout.install())).to.deep.equal([
      "a reinstall done: the last uninstall was interrupted or failed",
    ]);
  });

  it("does not make what is protected anew because of what it needs", async () => {
    await open(protectedPart("1"), { safe });
    await buildout.install();
    await buildout.write(protectedPart("2"));
    expect(results(await buildout.install())).to.deep.equal([
      "n reinstall done: option a: 1 -> 2",
      "v none unchanged: undefined",
    ]);
  });

  it("shows a loop through outputs reference by reference", async () => {
    await open(config("a", "[a]\nrecipe = quick\na = $<b:id>", "[b]\nrecipe = quick\na = $<a:id>"));
    expect(await refusal(() => buildout.plan())).to.equal(
      [
        "error[config/circular-reference]: these parts wait for one another: a, b",
        "  buildout.cfg:5:5",
        "5 | a = $<b:id>",
        "  |     ^^^^^^^",
        "  = note: a needs b: option a (buildout.cfg:5)",
        "  = note: b needs a: option a (buildout.cfg:8)",
        "  = help: a value that is known only after install cannot depend on itself: break the loop at one of these",
      ].join("\n"),
    );
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

  it("warns of options that nobody knows, and with strict refuses them", async () => {
    await open(config("x", "[x]\nrecipe = quick\nimge = 1\nmine = 2", "[y]\nk = $<x:mine>"));
    const warning = [
      '[option/unknown]: quick has no option "imge" (part x)',
      "  buildout.cfg:5:1",
      "5 | imge = 1",
      "  | ^^^^",
    ];
    await buildout.write(
      config("x y2", "[x]\nrecipe = quick\nimge = 1\nmine = 2", "[y2]\nrecipe = quick\na = $<x:mine>"),
    );
    await buildout.install();
    const said = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(said).to.deep.equal([`warning${warning.join("\n")}`]);
    await buildout.write(config("x\nstrict = true", "[x]\nrecipe = quick\nimge = 1"));
    expect(await refusal(() => buildout.install())).to.equal(
      `error${warning.join("\n").replaceAll("5", "6")}`,
    );
  });

  it("says once what is wrong with many parts in the same way", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    await open(config(names.join(" "), ...names.map((name) => `[${name}]\nrecipe = quick\nimge = 1`)));
    await buildout.install();
    const said = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(said).to.deep.equal([
      [
        'warning[option/unknown]: quick has no option "imge" (part a)',
        "  buildout.cfg:5:1",
        "5 | imge = 1",
        "  | ^^^^",
        "  = note: the same in b, c, d and 2 more",
      ].join("\n"),
    ]);
  });

  it("uninstalls a part only when nothing installed needs it, or with all that does", async () => {
    await open(
      config(
        "a",
        "[a]\nrecipe = quick\na = $<b:id>",
        "[b]\nrecipe = quick\na = $<c:id>",
        "[c]\nrecipe = quick",
      ),
    );
    await buildout.install();
    expect(await refusal(() => buildout.uninstall({ parts: ["c"] }))).to.equal(
      "error[part/needed]: c is needed by b, a\n   = help: uninstall them as well: --cascade, or name them",
    );
    expect(results(await buildout.uninstall({ parts: ["b"], cascade: true }))).to.deep.equal([
      "a uninstall done: asked for",
      "b uninstall done: asked for",
    ]);
    expect((await buildout.uninstall({ parts: ["b"] })).parts).to.deep.equal([]);
    expect(await refusal(() => buildout.uninstall({ parts: ["bb"] }))).to.equal(
      "error[part/unknown]: there is no part bb",
    );
  });

  it("forgets what cannot be uninstalled where that is asked for, and leaves what it made", async () => {
    const stuck: Recipe = {
      ...quick,
      install: async (context) => {
        const made = join(context.buildout.directory, "made");
        await context.created({ kind: "file", name: made });
        await writeFile(made, "");
      },
      uninstall: async () => await Promise.reject(new Error("the engine is gone")),
    };
    await open(config("a", "[a]\nrecipe = stuck"), { stuck });
    await buildout.install();
    expect(results(await buildout.uninstall({ parts: ["a"] }))).to.deep.equal([
      "a uninstall failed: Error: the engine is gone",
    ]);
    expect(results(await buildout.uninstall({ parts: ["a"], forget: true }))).to.deep.equal([
      "a forget done: asked for",
    ]);
    expect(await buildout.records()).to.have.length(0);
    expect(await buildout.list()).to.deep.equal(["buildout.cfg", "made"]);
  });

  it("keeps a state file that is a symbolic link where the link leads, with all that is beside it", async () => {
    await open(config("a", "[a]\nrecipe = quick\na = 1"));
    const kept = join(buildout.directory, "kept");
    await mkdir(kept);
    await symlink("middle", join(buildout.directory, ".installed.cfg"));
    await symlink("kept/state", join(buildout.directory, "middle"));
    await buildout.install();
    expect(await readdir(kept)).to.deep.equal(["state"]);
    await buildout.write(config("a", "[a]\nrecipe = quick\na = 2"));
    expect((await buildout.install()).counts.done).to.equal(1);
    expect(await readlink(join(buildout.directory, ".installed.cfg"))).to.equal("middle");
    expect(await readFile(join(kept, "state"), "utf8")).to.contain("option:a=2");
    await buildout.uninstall();
    expect(await readdir(kept)).to.deep.equal([]);
  });

  it("says that a state file cannot be read whose links go in a circle", async () => {
    await open(config("a", "[a]\nrecipe = quick"));
    await symlink(".installed.cfg", join(buildout.directory, ".installed.cfg"));
    expect(await refusal(() => buildout.plan())).to.contain("error[state/unreadable]: cannot read");
  });

  it("uninstalls everything without the configuration file, and leaves nothing of its own", async () => {
    await open(config("a b", "[a]\nrecipe = quick\n=> b", "[b]\nrecipe = quick"));
    await buildout.install();
    await buildout.remove("buildout.cfg");
    expect(results(await buildout.uninstall())).to.deep.equal([
      "a uninstall done: asked for",
      "b uninstall done: asked for",
    ]);
    expect(await buildout.list()).to.deep.equal([]);
  });

  it("takes no other state for one that a file names which is broken, missing, or said on the command line", async () => {
    await open(config("a", "[a]\nrecipe = quick"));
    await buildout.install();
    const { directory } = buildout;
    const other = (file: string, ...assignments: string[]): Buildout =>
      new Buildout({
        file,
        cwd: directory,
        assignments,
        env: {},
        home: directory,
        recipes: { quick: async () => await Promise.resolve({ default: quick }) },
      });
    await writeFile(join(directory, "other.cfg"), "[buildout]\ninstalled = other\nparts =\nbroken\n");
    for (const one of [other("other.cfg"), other("othr.cfg"), other("othr.cfg", "installed=other")]) {
      expect(await refusal(() => one.uninstall({ all: true }))).to.match(/^error\[config\//);
      expect(await refusal(() => one.status())).to.match(/^error\[config\//);
    }
    expect([...(await buildout.records()).keys()]).to.deep.equal(["a"]);
  });

  it("is taken back without its file, whatever that was called", async () => {
    await open(config("a", "[a]\nrecipe = quick"));
    await buildout.install();
    await buildout.remove("buildout.cfg");
    const { directory } = buildout;
    const where = { file: "app.cfg", cwd: directory, env: {}, home: directory, assignments: [] };
    const recipes = { quick: async () => await Promise.resolve({ default: quick }) };
    await new Buildout({ ...where, recipes }).uninstall({ all: true });
    expect(await buildout.list()).to.deep.equal([]);
  });

  it("runs a part that needs another one even if it failed", async () => {
    const after: Recipe = {
      ...quick,
      configure: (context) => context.needs("a", "reports on it", { evenIfFailed: true }),
    };
    await open(config("z a", "[z]\nrecipe = after", "[a]\nrecipe = s"), { after });
    expect((await buildout.plan()).steps.map(({ part, needs }) => [part, needs])).to.deep.equal([
      ["a", []],
      ["z", ["a"]],
    ]);
    const run = buildout.install();
    await script.fail("install a");
    expect(results(await run)).to.deep.equal([
      "a install failed: told to fail",
      "z install done: not installed yet",
    ]);
  });

  it("shares one value a run, and disposes of it", async () => {
    const log: string[] = [];
    const sharing: Recipe = {
      ...quick,
      install: async (context) => {
        await context.shared(
          "engine",
          () => log.push("made"),
          () => void log.push("disposed"),
        );
      },
    };
    await open(config("a b", "[a]\nrecipe = sharing", "[b]\nrecipe = sharing"), { sharing });
    await buildout.install({ jobs: 2 });
    expect(log).to.deep.equal(["made", "disposed"]);
  });

  it("ends when it is interrupted while all parts wait for a value that they share, and tells the maker", async () => {
    const interrupt = new AbortController();
    let told = false;
    const sharing: Recipe = {
      ...quick,
      install: async (context) =>
        await context.shared("engine", async (signal) => {
          setImmediate(() => interrupt.abort());
          await hang({ signal }).finally(() => (told = true));
        }),
    };
    await open(config("a b", "[a]\nrecipe = sharing", "[b]\nrecipe = sharing"), { sharing });
    expect((await buildout.install({ jobs: 2, signal: interrupt.signal })).interrupted).to.equal(true);
    expect(told).to.equal(true);
  });

  it("makes a shared value anew for a part that asks when the one that had it made has given up", async () => {
    let asked = 0;
    const given: string[] = [];
    const sharing: Recipe = {
      ...quick,
      install: async (context) => {
        if (context.part === "b") await beginsToEnd;
        given.push(await context.shared("engine", makes));
      },
    };
    let begin: (() => void) | undefined;
    const beginsToEnd = new Promise<void>((resolve) => (begin = resolve));
    const makes = async (signal: AbortSignal): Promise<string> => {
      if (asked++ > 0) return "made anew";
      await once(signal, "abort");
      begin!();
      // What is being made takes a moment to be put away.
      await new Promise((resolve) => setImmediate(resolve));
      throw signal.reason;
    };
    const parts = ["[a]\nrecipe = sharing\ntimeout = 1ms", "[b]\nrecipe = sharing"];
    await open(config("a b", ...parts), { sharing });
    expect(results(await buildout.install({ jobs: 2 }))).to.deep.equal([
      "a install failed: not done within 0.001 seconds",
      "b install done: not installed yet",
    ]);
    expect(given).to.deep.equal(["made anew"]);
  });

  it("waits for a shared value that others have given up no longer than its timeout allows", async () => {
    const sharing: Recipe = {
      ...quick,
      install: async (context) => {
        if (context.part === "b") await isGivenUp;
        await context.shared("engine", makes);
      },
    };
    let giveUp: (() => void) | undefined;
    const isGivenUp = new Promise<void>((resolve) => (giveUp = resolve));
    let end: (() => void) | undefined;
    const makes = async (signal: AbortSignal): Promise<void> => {
      await once(signal, "abort");
      giveUp!();
      // What does not heed its signal.
      await new Promise<void>((resolve) => (end = resolve));
    };
    const parts = ["[a]\nrecipe = sharing\ntimeout = 1ms", "[b]\nrecipe = sharing\ntimeout = 20ms"];
    await open(config("a b", ...parts), { sharing });
    const report = (event: Event): void => {
      if (event.type === "part-ended" && event.part === "b") end!();
    };
    expect(results(await buildout.install({ jobs: 2, report }))).to.include(
      "b install failed: not done within 0.02 seconds",
    );
  });

  it("fails a part that stays as it is where that cannot be recorded, and the run ends as any other", async () => {
    const journal = (): string => join(buildout.directory, ".installed.cfg.journal");
    let isBlocked = false;
    const blocks: Recipe = {
      ...quick,
      look: async () => {
        if (isBlocked) await mkdir(journal());
        return new Map();
      },
    };
    await open(config("a", "[a]\nrecipe = blocks"), { blocks });
    await buildout.install();
    await buildout.write(config("a b", "[a]\nrecipe = blocks\nkeep = true", "[b]\nrecipe = quick"));
    isBlocked = true;
    expect(results(await buildout.install())).to.deep.equal([
      `a none failed: cannot write ${journal()}: EISDIR: illegal operation on a directory, open '${journal()}'`,
      "b install skipped: the state cannot be written",
    ]);
  });

  it("never removes the folder that the buildout is in, whatever a recipe says it created", async () => {
    const greedy: Recipe = {
      ...quick,
      install: async (context) => {
        const { directory } = context.buildout;
        await context.created({ kind: "file", name: join(directory, "..") });
        await context.created({ kind: "file", name: directory });
      },
    };
    // Its parent is the test's own: should the engine ever remove it, nobody else's files go with it.
    await open("[buildout]\nparts = a\ndirectory = deep\n[a]\nrecipe = greedy\n", { greedy });
    const deep = join(buildout.directory, "deep");
    await mkdir(deep);
    await writeFile(join(deep, "file"), "");
    await buildout.install();
    expect((await buildout.uninstall()).ok).to.equal(true);
    await access(join(deep, "file"));
    await access(join(buildout.directory, "buildout.cfg"));
  });

  it("takes away the folders that a part made once they are empty, not with what others put there", async () => {
    const filing: Recipe = {
      ...quick,
      install: async (context) => {
        const folder = join(context.buildout.directory, "out", context.part);
        for (const name of [dirname(folder), folder]) await context.created({ kind: "folder", name });
        await context.created({ kind: "file", name: join(folder, "own") });
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, "own"), "");
      },
    };
    await open(config("a b", "[a]\nrecipe = filing", "[b]\nrecipe = filing"), { filing });
    await buildout.install();
    const out = join(buildout.directory, "out");
    await writeFile(join(out, "b", "somebody else's"), "");
    await buildout.uninstall();
    expect(await readdir(out, { recursive: true })).to.deep.equal(["b", "b/somebody else's"]);
  });

  it("repairs what has drifted, in the words of the recipe", async () => {
    const drifting: Recipe = {
      ...quick,
      look: async ({ records }) =>
        new Map(
          records.map(({ part }) => [part, [{ kind: "stopped" as const, message: `${part} is stopped` }]]),
        ),
    };
    await open(config("a", "[a]\nrecipe = drifting"), { drifting });
    await buildout.install();
    expect((await buildout.plan()).steps[0]).to.deep.include({ action: "update", reasons: ["a is stopped"] });
    expect((await buildout.open().status())[0]).to.deep.include({ part: "a", state: "drifted" });
  });

  it("looks at each part alone where one keeps them from being looked at together", async () => {
    const farAway: Recipe = {
      ...quick,
      look: async ({ records }) => {
        if (records.some(({ options }) => options["a"] === "far"))
          throw Object.assign(new Error("x"), { problem: { code: "s/far", message: "it is far away" } });
        return new Map([["c", [{ kind: "stopped", message: "c is stopped" }]]]);
      },
    };
    await open(config("a b c", "[a]\nrecipe = f", "[b]\nrecipe = f\na = far", "[c]\nrecipe = f"), {
      f: farAway,
    });
    await buildout.install();
    expect(results(await buildout.install({ jobs: 1 }))).to.deep.equal([
      "a none unchanged: undefined",
      "b none failed: it is far away",
      "c update done: c is stopped",
    ]);
  });

  it("leaves parts alone that nobody could look at, and those that need them", async () => {
    const blind: Recipe = {
      ...quick,
      look: async () => {
        throw Object.assign(new Error("x"), {
          problem: { code: "engine/unreachable", message: "no engine" },
        });
      },
    };
    await open(blindNeed("1"), { blind });
    await buildout.install();
    await buildout.write(blindNeed("2"));
    expect(results(await buildout.install())).to.deep.equal([
      "b none failed: no engine",
      "a none skipped: it needs b, which failed",
    ]);
    expect((await buildout.records()).get("a")!.options["a"]).to.equal("1");
    expect((await buildout.open().status()).map(({ part, state }) => `${part} ${state}`)).to.deep.equal([
      "b unknown",
      "a ok",
    ]);
  });
});
