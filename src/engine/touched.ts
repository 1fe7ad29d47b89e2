import { globMatcher } from "./glob.js";
import type { Need, Part } from "./part.js";
import { splitLines } from "./schema.js";

/** What a set of changed files means for the parts of a buildout. */
export interface Touched {
  /** Parts whose option `triggers` takes in a changed file, with the first such file. */
  readonly by: ReadonlyMap<string, string>;
  /** Those and all that need them, directly or not. */
  readonly concerned: readonly string[];
}

/** The option's globs, a line each; none where the part says nothing of files. */
function triggersOf({ texts }: Part): readonly string[] {
  return splitLines(texts.get("triggers")?.text ?? "");
}

/** Whether any part says which files concern it: otherwise nobody can be left out for the files that changed. */
export function hasTriggers(parts: readonly Part[]): boolean {
  return parts.some((part) => triggersOf(part).length > 0);
}

/** @param changed paths relative to the buildout's folder, with slashes */
export async function touchedParts(
  parts: readonly Part[],
  needs: ReadonlyMap<string, readonly Need[]>,
  changed: readonly string[],
): Promise<Touched> {
  const by = new Map<string, string>();
  for (const part of parts) {
    const globs = triggersOf(part);
    if (globs.length === 0) continue;
    const path = changed.find(await globMatcher(globs));
    if (path !== undefined) by.set(part.name, path);
  }
  const concerned = new Set<string>();
  // Parts come in the order of need, so that one pass reaches everything downstream.
  for (const { name } of parts)
    if (by.has(name) || (needs.get(name) ?? []).some(({ part }) => concerned.has(part))) concerned.add(name);
  return { by, concerned: [...concerned] };
}
