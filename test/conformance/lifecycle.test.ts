import { expect } from "chai";
import { readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Buildout } from "../../src/engine/buildout.js";
import { DiagnosticError } from "../../src/engine/diagnostic.js";
import type { Event } from "../../src/engine/events.js";
import { StateStore } from "../../src/engine/store.js";
import { stubsOfVersion } from "../support/stubs.js";
import { temporaryFolder, writeFiles } from "../support/tmp.js";

interface Outcome {
  readonly events: readonly string[];
  readonly installed: readonly string[];
  readonly paths: readonly string[];
  readonly error: string | null;
}

interface Step {
  readonly files: Readonly<Record<string, string | null>>;
  readonly args: readonly string[];
  readonly recipesVersion?: string;
  readonly expect: Outcome;
}

interface Sequence {
  readonly name: string;
  readonly about: string;
  readonly steps: readonly Step[];
}

/** Where we differ on purpose: the letter in our list of differences, and what changes in which step (from 0). */
interface Deviation {
  readonly letter: string;
  readonly steps: Readonly<Record<number, Partial<Outcome>>>;
}

const keptAfterFailedUpdate = "e: a failed update keeps the part's record and objects, and is tried again";

const deviations: Readonly<Record<string, Deviation>> = {
  "update-fails": {
    letter: keptAfterFailedUpdate,
    steps: {
      1: { installed: ["a", "b", "c"], paths: [".installed.cfg", "parts/a", "parts/b", "parts/c"] },
      2: { events: ["update a", "update b"], error: "recipe-error" },
    },
  },
  "update-fails-once": {
    letter: keptAfterFailedUpdate,
    steps: {
      1: { installed: ["a", "b"], paths: [".installed.cfg", "fail-a", "parts/a", "parts/b"] },
      2: { events: ["update a", "update b"] },
    },
  },
  "update-fails-new-part-waits": {
    letter: keptAfterFailedUpdate,
    steps: { 1: { installed: ["a"], paths: [".installed.cfg", "parts/a"] } },
  },
};

const projectFolder = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const sequences = JSON.parse(
  readFileSync(join(projectFolder, "test/conformance/lifecycle.json"), "utf8"),
) as readonly Sequence[];

/** Runs one step the way zc.buildout ran it: one part at a time, stopping at the first failure. */
async function runStep(directory: string, step: Step, version: string): Promise<Outcome> {
  const events: Event[] = [];
  const recipes = Object.fromEntries(
    Object.entries(stubsOfVersion(version)).map(([name, recipe]) => [
      name,
      async () => ({ default: recipe }),
    ]),
  );
  const buildout = new Buildout({
    file: "buildout.cfg",
    cwd: directory,
    assignments: step.args.filter((arg) => arg.includes("=")),
    env: {},
    home: directory,
    // A recipe that nobody has must not be looked for in npm's registry.
    offline: true,
    recipes,
  });
  const parts = step.args.filter((arg) => !arg.includes("="));
  const error = await errorOf(() =>
    buildout.install({ parts, jobs: 1, failFast: true, report: (event) => events.push(event) }),
  );
  return {
    events: events.flatMap((event) =>
      event.type === "part-started" ? [`${event.action} ${event.part}`] : [],
    ),
    installed: await installed(directory),
    paths: await paths(directory),
    error,
  };
}

async function errorOf(run: () => Promise<{ readonly ok: boolean }>): Promise<string | null> {
  try {
    return (await run()).ok ? null : "recipe-error";
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    const code = error.diagnostics.find((diagnostic) => diagnostic.severity === "error")?.code ?? "";
    if (/^(recipe|package)\//.test(code)) return "missing-recipe";
    return code.startsWith("stub/") ? "recipe-error" : code.replace(/^config\//, "");
  }
}

async function installed(directory: string): Promise<string[]> {
  const { state } = StateStore.open(join(directory, ".installed.cfg"));
  return [...state.records.keys()].sort();
}

/** All files and all empty directories, as the suite lists them. */
async function paths(directory: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    const name = relative(directory, folder);
    if (entries.length === 0 && name !== "parts") found.push(`${name}/`);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path);
      else found.push(relative(directory, path));
    }
  };
  await walk(directory);
  return found.filter((path) => path !== "buildout.cfg").sort();
}

async function prepare(directory: string, files: Step["files"]): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    if (text === null) await rm(join(directory, path), { recursive: true, force: true });
    else await writeFiles(directory, { [path]: text });
  }
}

describe("lifecycle conformance", () => {
  for (const sequence of sequences) {
    const deviation = deviations[sequence.name];
    it(`${sequence.name}: ${sequence.about}${deviation ? ` (differs, ${deviation.letter})` : ""}`, async () => {
      const directory = await temporaryFolder();
      let version = "1";
      for (const [index, step] of sequence.steps.entries()) {
        version = step.recipesVersion ?? version;
        await prepare(directory, step.files);
        const outcome = await runStep(directory, step, version);
        expect(outcome, `run ${index + 1}`).to.deep.equal({ ...step.expect, ...deviation?.steps[index] });
      }
    });
  }
});
