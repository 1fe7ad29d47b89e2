import { expect } from "chai";
import { assert, asyncProperty } from "fast-check";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Buildout } from "../../src/engine/buildout.js";
import type { Reporter } from "../../src/engine/events.js";
import { StateStore } from "../../src/engine/store.js";
import { recipesOf, World } from "./model.js";
import { configOf, NAMES, type PartSpec, scenario, type StepSpec, wantedOf } from "./spec.js";

const RUNS = Number(process.env["TSBUILDOUT_MODEL_RUNS"] ?? 2000);

/** One scenario being played: a folder, an engine, and the buildout between them. */
class Play {
  readonly world = new World();
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  open(): Buildout {
    const recipes = Object.fromEntries(
      Object.entries(recipesOf(this.world)).map(([name, recipe]) => [
        name,
        async () => ({ default: recipe }),
      ]),
    );
    return new Buildout({
      file: "buildout.cfg",
      cwd: this.directory,
      assignments: [],
      env: {},
      home: this.directory,
      recipes,
    });
  }

  async step(step: StepSpec): Promise<void> {
    await this.write(step.parts);
    this.vanish(step);
    this.world.faults = step.faults;
    const interrupt = new AbortController();
    let steps = 0;
    this.world.onStep = () => {
      if (++steps === step.interruptAt) interrupt.abort();
    };
    const { jobs, failFast, only } = step;
    const report = await this.reporter();
    const summary = await this.open().install({
      jobs,
      failFast,
      parts: only,
      signal: interrupt.signal,
      report,
    });
    await this.noteLookers();
    this.world.faults = new Map();
    this.world.onStep = () => {};
    expect(this.world.violations).to.deep.equal([]);
    await this.checkBooks();
    const ended = new Set(summary.parts.map(({ part }) => part));
    for (const name of wantedOf(step.parts, only.length > 0 ? only : undefined))
      expect(ended.has(name), `${name} ended`).to.equal(true);
    const clean = step.faults.size === 0 && !interrupt.signal.aborted;
    if (clean) expect(summary.ok, JSON.stringify(summary.parts)).to.equal(true);
  }

  /** A run in which nothing goes wrong brings everything in line, does what was planned, and leaves nothing to do. */
  async settle(specs: readonly PartSpec[]): Promise<void> {
    await this.write(specs);
    const report = await this.reporter();
    const plan = await this.open().plan();
    const summary = await this.open().install({ jobs: 2, report });
    expect(this.world.violations).to.deep.equal([]);
    expect(summary.ok, JSON.stringify(summary.parts)).to.equal(true);
    const did = new Map(summary.parts.map(({ part, action }) => [part, action]));
    for (const { part, action } of plan.steps)
      if (action === "maybe") expect(did.get(part)).to.be.oneOf(["none", "update", "reinstall"]);
      else expect(`${part} ${did.get(part)}`).to.equal(`${part} ${action}`);
    await this.checkBooks();
    this.checkThings(specs);
    const again = await this.open().plan();
    const moving = again.steps.filter(({ action, reasons }) => action !== "none" && !isRoutine(reasons));
    expect(moving.filter(({ action }) => action !== "maybe")).to.deep.equal([]);
  }

  async end(): Promise<void> {
    const report = await this.reporter();
    const summary = await this.open().uninstall({ all: true, jobs: 3, report });
    expect(this.world.violations).to.deep.equal([]);
    expect(summary.ok).to.equal(true);
    expect([...this.world.things.keys()].filter((name) => !this.world.left.has(name))).to.deep.equal([]);
    expect((await readdir(this.directory)).sort()).to.deep.equal(["buildout.cfg"]);
  }

  async records() {
    return StateStore.open(join(this.directory, ".installed.cfg")).state.records;
  }

  /** Everything on the engine is recorded, and everything recorded as installed is there. */
  async checkBooks(): Promise<void> {
    const recorded = new Set<string>();
    for (const { phase, resources, part } of (await this.records()).values())
      for (const { name } of resources) {
        recorded.add(name);
        if (phase === "installed" && !this.vanished.has(name))
          expect(this.world.things.has(name), `${part} is there`).to.equal(true);
      }
    const strays = [...this.world.things.keys()].filter(
      (name) => !recorded.has(name) && !this.world.left.has(name),
    );
    expect(strays, "things that nobody keeps book of").to.deep.equal([]);
  }

  /** The plain model: for each wanted part one thing, made of the values that the file and the other things give. */
  checkThings(specs: readonly PartSpec[]): void {
    const kept = [...this.world.things]
      .filter(([name]) => !this.world.left.has(name))
      .map(([, thing]) => thing);
    const byPart = new Map(kept.map((thing) => [thing.part, thing]));
    expect([...byPart.keys()].sort()).to.deep.equal([...wantedOf(specs)].sort());
    expect(kept.length).to.equal(byPart.size);
    for (const [part, thing] of byPart) {
      const spec = specs[NAMES.indexOf(part as "a")]!;
      const value = {
        v: (name: string) => byPart.get(name)!.v,
        made: (name: string) => `made-${byPart.get(name)!.made}`,
      };
      const line = ({ to, what }: (typeof spec.refs)[number]): string => {
        if (what === "same") return `${to}=same`;
        if (what === "made") return `${to}=${value.made(to)}`;
        return `${to}=${what === "id" ? "id-" : ""}${value.v(to)}`;
      };
      const ofOption = (option: string): string[] =>
        spec.refs.filter((ref) => ref.option === option).map(line);
      const refs = [...ofOption("fixed"), ...ofOption("loose")].join("\n");
      expect({ v: thing.v, w: thing.w, refs: thing.refs }).to.deep.equal({ v: spec.v, w: spec.w, refs });
    }
  }

  async write(specs: readonly PartSpec[]): Promise<void> {
    await writeFile(join(this.directory, "buildout.cfg"), configOf(specs));
  }

  /** Only what its recipe looks at can be found missing. */
  vanish({ vanish, parts }: StepSpec): void {
    for (const [name, thing] of this.world.things) {
      const recipe = parts[NAMES.indexOf(thing.part as "a")]!.recipe;
      if (vanish.includes(thing.part as "a") && this.lookers.has(name) && recipe === "look")
        if (this.world.things.delete(name)) this.vanished.add(name);
    }
  }

  readonly vanished = new Set<string>();
  readonly lookers = new Set<string>();

  /** Things that are looked after by a recipe that looks. */
  async noteLookers(): Promise<void> {
    this.lookers.clear();
    for (const { recipe, resources } of (await this.records()).values())
      if (recipe === "look") for (const { name } of resources) this.lookers.add(name);
  }

  /** Notes at once which things are left on purpose: from then on nobody asks them. */
  async reporter(): Promise<Reporter> {
    const before = await this.records();
    return (event) => {
      if (event.type !== "part-started" || event.action !== "forget") return;
      for (const { name } of before.get(event.part)!.resources) this.world.left.add(name);
    };
  }
}

function isRoutine(reasons: readonly string[]): boolean {
  return reasons.every((reason) => reason === "its recipe updates at every run");
}

async function play(steps: readonly StepSpec[]): Promise<void> {
  // In memory: what is tested is what is done, not how long a disk takes to keep it.
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const directory = await mkdtemp(join(place, "tsbuildout-model-"));
  try {
    const game = new Play(directory);
    for (const step of steps) await game.step(step);
    await game.settle(steps.at(-1)!.parts);
    await game.end();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const QUIET: Omit<StepSpec, "parts"> = {
  faults: new Map(),
  interruptAt: 0,
  jobs: 1,
  vanish: [],
  only: [],
  failFast: false,
};

/** Parts that are not listed, apart from what is said of some. */
function partsWith(said: Readonly<Record<string, Partial<PartSpec>>>): readonly PartSpec[] {
  const unlisted: PartSpec = { listed: false, recipe: "bare", v: "1", w: "1", keep: true, refs: [] };
  return NAMES.map((name) => ({ ...unlisted, ...said[name] }));
}

const using = (to: "a" | "c", option: "fixed" | "loose"): PartSpec["refs"] => [{ to, what: "v", option }];

/** Scenarios that went wrong once, each in a run of many thousands. */
const MET: readonly (readonly StepSpec[])[] = [
  // An update that gives `c` a use of `a` is cut off when it is all but done; then `a` is made anew.
  (["1", "1", "2"] as const).map((v, i) => ({
    ...QUIET,
    interruptAt: [0, 5, 1][i]!,
    parts: partsWith({
      a: { v },
      c: { listed: true, recipe: "look", refs: i > 0 ? using("a", "loose") : [] },
    }),
  })),
  // `c`, which has to be made anew, is used by `e`, which is not wanted any more and cannot go.
  [
    { ...QUIET, parts: partsWith({ e: { listed: true, keep: false, refs: using("c", "fixed") } }) },
    { ...QUIET, parts: partsWith({}), interruptAt: 1, only: ["a"] },
    {
      ...QUIET,
      parts: partsWith({ c: { listed: true, refs: [{ to: "a", what: "same", option: "fixed" }] } }),
      faults: new Map([["e", "uninstall"]]),
    },
  ],
];

describe("lifecycle against a model", function () {
  this.timeout(600_000);

  it(`keeps engine, records and file in line through edits, failures and interrupts (${RUNS} runs)`, async () => {
    await assert(asyncProperty(scenario, play), { numRuns: RUNS, examples: MET.map((steps) => [steps]) });
  });
});
