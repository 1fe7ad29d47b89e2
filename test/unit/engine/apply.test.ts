import { expect } from "chai";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Recipe, type UpdateContext } from "../../../src/engine/contract.js";
import type { Event } from "../../../src/engine/events.js";
import { type Schema } from "../../../src/engine/schema.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, hang, quick, refuse, results } from "../../support/quick-parts.js";
import { Script } from "../../support/scripted.js";

/** What `a` reads is known once `b` has been worked on. */
const readLater = (b: string): string =>
  config("a", "[a]\nrecipe = reader\n=> b", `[b]\nrecipe = s\nb = ${b}`);

function throwsAtEndOfA(event: Event): void {
  if (event.type === "part-ended" && event.part === "a") throw new Error("the reporter broke");
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
});
