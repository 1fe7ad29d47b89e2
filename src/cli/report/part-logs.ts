/** How much of a part's log is kept for the case that it fails, in characters. The run folder has all of it. */
const KEPT = 4_000_000;

/** The logs of running parts, bounded: of a log that is too long the end is kept, which says why it failed. */
export class PartLogs {
  readonly #logs = new Map<string, { lines: string[]; size: number; dropped: number }>();

  add(part: string, line: string): void {
    let log = this.#logs.get(part);
    if (!log) this.#logs.set(part, (log = { lines: [], size: 0, dropped: 0 }));
    log.lines.push(line);
    log.size += line.length + 1;
    if (log.size > 2 * KEPT) shrink(log);
  }

  drop(part: string): void {
    this.#logs.delete(part);
  }

  of(part: string): readonly string[] {
    const log = this.#logs.get(part);
    if (!log) return [];
    if (log.size > KEPT) shrink(log);
    const gap = log.dropped > 0 ? [`… ${log.dropped} lines before: tsbuildout logs ${part}`] : [];
    return [...gap, ...log.lines];
  }
}

function shrink(log: { lines: string[]; size: number; dropped: number }): void {
  let first = 0;
  while (log.size > KEPT && first < log.lines.length - 1) log.size -= log.lines[first++]!.length + 1;
  log.lines = log.lines.slice(first);
  log.dropped += first;
}
