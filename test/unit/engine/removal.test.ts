import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { once } from "node:events";
import { access, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Recipe } from "../../../src/engine/contract.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { OwnCopy, config, quick, refusal, refuse, results, safe } from "../../support/quick-parts.js";
import { Script } from "../../support/scripted.js";

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

describe("what is taken away", () => {
  let script: Script;
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    script = new Script();
    buildout = await testBuildout({ config: text, recipes: { s: script.recipe, quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
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

  it("takes away what is found to be made anew only when all that needs it is gone, whoever takes that away", async () => {
    const log: string[] = [];
    const letGo = new AbortController();
    const logged: Recipe = { ...quick, uninstall: async ({ part }) => void log.push(part) };
    const user: Recipe = {
      ...quick,
      uninstall: async () => {
        if (!letGo.signal.aborted) await once(letGo.signal, "abort");
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

  it("leaves a folder that was there before, with all that is in it, though a recipe says it created it", async () => {
    const greedy: Recipe = {
      ...quick,
      install: async (context) => {
        const folder = join(context.buildout.directory, "out");
        await context.created({ kind: "file", name: folder });
        await mkdir(join(folder, "deep"), { recursive: true });
        // In what is its own a part may do as it likes, also what it makes before it says so.
        await writeFile(join(folder, "deep/own"), "");
        await context.created({ kind: "file", name: join(folder, "deep") });
        await context.created({ kind: "file", name: folder });
      },
    };
    await open(config("a", "[a]\nrecipe = greedy"), { greedy });
    const out = join(buildout.directory, "out");
    await mkdir(out);
    await writeFile(join(out, "precious"), "");
    expect(results(await buildout.install())).to.deep.equal([
      `a install failed: ${out} is a folder that is there already, with something in it that is not this part's`,
    ]);
    expect(await readdir(out)).to.deep.equal(["precious"]);
    await buildout.remove("out/precious");
    expect((await buildout.install()).ok).to.equal(true);
    expect((await buildout.uninstall()).ok).to.equal(true);
    expect(await buildout.list()).to.deep.equal(["buildout.cfg"]);
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
});
