import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { once } from "node:events";
import { type Recipe, RecipeError } from "../../../src/engine/contract.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { OwnCopy, config, hang, quick, results } from "../../support/quick-parts.js";
import { Script } from "../../support/scripted.js";

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

describe("a part's timeout", () => {
  let script: Script;
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    script = new Script();
    buildout = await testBuildout({ config: text, recipes: { s: script.recipe, quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
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
});
