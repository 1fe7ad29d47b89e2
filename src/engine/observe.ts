import { lstat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Drift, Problem } from "./contract.js";
import type { Runtime } from "./context.js";
import { kindOf } from "./given.js";
import { warningOf } from "./problem.js";
import type { Registry } from "./registry.js";
import type { StoredRecord } from "./state.js";

/** What was found of one recorded part. */
export interface Finding {
  readonly drift: readonly Drift[];
  /** Recorded files that are not there. */
  readonly missing: readonly string[];
  /** Why nobody could look: the engine does not answer. */
  readonly problem?: unknown;
}

export const NOTHING_FOUND: Finding = { drift: [], missing: [] };
const FILES_AT_ONCE = 64;

/** Looks at all recorded parts: their files, and one call for each recipe that can look. */
export async function observe(
  records: readonly StoredRecord[],
  registry: Registry,
  runtime: Runtime,
): Promise<Map<string, Finding>> {
  const findings = new Map<string, Finding>();
  const missing = await missingFiles(records, runtime.settings.info.directory);
  for (const [part, paths] of missing) findings.set(part, { drift: [], missing: paths });
  const byRecipe = groupByRecipe(records);
  await Promise.all(
    [...byRecipe].map(async ([spec, ofRecipe]) => {
      for (const [part, finding] of await lookAt(spec, ofRecipe, { registry, runtime })) {
        const { missing: paths } = findings.get(part) ?? NOTHING_FOUND;
        findings.set(part, { ...finding, missing: paths });
      }
    }),
  );
  return findings;
}

function groupByRecipe(records: readonly StoredRecord[]): Map<string, StoredRecord[]> {
  const groups = new Map<string, StoredRecord[]>();
  for (const record of records) {
    const group = groups.get(record.recipe);
    if (group) group.push(record);
    else groups.set(record.recipe, [record]);
  }
  return groups;
}

async function lookAt(
  spec: string,
  records: readonly StoredRecord[],
  { registry, runtime }: { registry: Registry; runtime: Runtime },
): Promise<Map<string, Omit<Finding, "missing">>> {
  const found = new Map<string, Omit<Finding, "missing">>();
  const look = async (some: readonly StoredRecord[]): Promise<void> => {
    try {
      const { recipe } = await registry.load(spec);
      if (!recipe.look) return;
      const { part: _, ...context } = runtime.context(spec);
      const warn = (problem: Problem): void => {
        const { part: _, ...warning } = warningOf(problem, { part: spec, span: () => undefined });
        runtime.report(warning);
      };
      const drifts = await recipe.look({ ...context, warn, records: some });
      requireDrifts(drifts);
      for (const [part, drift] of drifts) if (drift.length > 0) found.set(part, { drift });
    } catch (thrown) {
      // Nothing at all may be thrown, too: a bare `reject()`.
      const problem = thrown ?? new Error("it looked, and failed without a word");
      // What keeps one from being looked at, an engine that does not answer, is nothing to those that are elsewhere.
      if (some.length > 1) for (const record of some) await look([record]);
      else for (const { part } of some) found.set(part, { drift: [], problem });
    }
  };
  await look(records);
  return found;
}

/** Here, where what is wrong with one recipe is told of its own parts alone. */
function requireDrifts(given: unknown): void {
  const lists = given instanceof Map ? [...given.values()] : [undefined];
  if (lists.every((list) => Array.isArray(list) && list.every(isDrift))) return;
  throw new TypeError(`look gives a Map: part -> [{ kind, message }], not this ${kindOf(given)}`);
}

function isDrift(one: Partial<Drift> | null | undefined): boolean {
  return typeof one?.kind === "string" && typeof one.message === "string";
}

async function missingFiles(
  records: readonly StoredRecord[],
  directory: string,
): Promise<Map<string, string[]>> {
  const files = records.flatMap(({ part, resources }) =>
    resources.filter(({ kind }) => kind === "file").map(({ name }) => ({ part, name })),
  );
  const missing = new Map<string, string[]>();
  let next = 0;
  const look = async (): Promise<void> => {
    for (let file = files[next++]; file; file = files[next++]) {
      const { part, name } = file;
      if (await exists(resolve(directory, name))) continue;
      const known = missing.get(part);
      if (known) known.push(name);
      else missing.set(part, [name]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(FILES_AT_ONCE, files.length) }, look));
  return missing;
}

/** Only what the system says to be gone is: a folder that may not be looked into, or a file server that does not answer, is
 *  no reason to make a part anew. */
async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== "ENOENT" && code !== "ENOTDIR",
  );
}
