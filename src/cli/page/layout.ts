import type { RunPart } from "./data.js";

/** Where a part stands in the drawing: columns follow the order of need, rows keep neighbours together. */
export interface Place {
  readonly column: number;
  readonly row: number;
}

/** A part as far as the drawing is concerned. */
export type Placed = Pick<RunPart, "name" | "needs">;

/** A layered drawing: a part stands one column right of the last part that it needs. Linear in parts and needs. */
export function placeParts(parts: readonly Placed[]): ReadonlyMap<string, Place> {
  const columns = columnsOf(parts);
  const rows: number[] = [];
  const places = new Map<string, Place>();
  const inOrder = [...parts].sort((a, b) => columns.get(a.name)! - columns.get(b.name)!);
  for (const part of orderWithinColumns(inOrder, columns)) {
    const column = columns.get(part.name)!;
    const row = rows[column] ?? 0;
    rows[column] = row + 1;
    places.set(part.name, { column, row });
  }
  return places;
}

function columnsOf(parts: readonly Placed[]): Map<string, number> {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const columns = new Map<string, number>();
  const open = new Set<string>();
  for (const { name } of parts) {
    const stack = [name];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const needs = (byName.get(top)?.needs ?? [])
        .map((need) => need.part)
        .filter((need) => byName.has(need));
      const missing = columns.has(top) ? [] : needs.filter((need) => !columns.has(need) && !open.has(need));
      open.add(top);
      if (missing.length > 0) stack.push(...missing);
      else {
        stack.pop();
        if (!columns.has(top))
          columns.set(top, Math.max(-1, ...needs.map((need) => columns.get(need) ?? -1)) + 1);
      }
    }
  }
  return columns;
}

/** Within a column, parts stand at the mean height of what they need, so that arrows cross less. */
function orderWithinColumns(
  parts: readonly Placed[],
  columns: ReadonlyMap<string, number>,
): readonly Placed[] {
  const height = new Map<string, number>();
  const counts: number[] = [];
  const groups: Placed[][] = [];
  for (const part of parts) (groups[columns.get(part.name)!] ??= []).push(part);
  return groups.flatMap((group) => {
    const weight = new Map(
      group.map((part, index) => {
        const heights = part.needs.flatMap((need) => height.get(need.part) ?? []);
        return [part, heights.length > 0 ? heights.reduce((a, b) => a + b, 0) / heights.length : index];
      }),
    );
    const sorted = group.sort((a, b) => weight.get(a)! - weight.get(b)!);
    sorted.forEach((part, row) => height.set(part.name, row));
    counts.push(sorted.length);
    return sorted;
  });
}

/** The chain of parts that decided how long the run took: from the part that ended last, back through the need
 *  that ended last each time. Parts that did not run are not on it. */
export function criticalPath(parts: readonly RunPart[]): readonly string[] {
  const ran = new Map(parts.filter((part) => part.end !== undefined).map((part) => [part.name, part]));
  const latest = (names: Iterable<string>): RunPart | undefined => {
    let best: RunPart | undefined;
    for (const name of names) {
      const part = ran.get(name);
      if (part && (best === undefined || part.end! > best.end!)) best = part;
    }
    return best;
  };
  const path: string[] = [];
  const seen = new Set<string>();
  for (let part = latest(ran.keys()); part && !seen.has(part.name); ) {
    seen.add(part.name);
    path.unshift(part.name);
    part = latest(part.needs.map((need) => need.part));
  }
  return path;
}
