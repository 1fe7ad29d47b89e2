import { expect } from "chai";
import { once } from "node:events";
import { type Recipe } from "../../../src/engine/contract.js";
import type { Event } from "../../../src/engine/events.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, hang, quick, results } from "../../support/quick-parts.js";

describe("a value that parts share", () => {
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    buildout = await testBuildout({ config: text, recipes: { quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
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
});
