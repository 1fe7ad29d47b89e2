import type { Action, Event, PartResult, Reporter, Summary } from "../../index.js";
import type { Output } from "../command.js";

export interface PlainSettings {
  readonly out: Output;
  readonly err: Output;
  /** Below 0 without the parts' own lines, below -1 errors only; above 0 with parts that stay as they are. */
  readonly verbosity: number;
}

const PAST: Readonly<Record<Action, string>> = {
  install: "installed",
  update: "updated",
  reinstall: "reinstalled",
  uninstall: "uninstalled",
  forget: "kept",
  none: "unchanged",
  maybe: "unchanged",
};

/** Lines for logs and pipes: each begins with the part that it is about. Diagnostics go to standard error. */
export function plainReporter({ out, err, verbosity }: PlainSettings): Reporter {
  const say = (line: string): void => void (verbosity > -2 && out.write(`${line}\n`));
  return (event: Event) => {
    if (event.type === "part-started") say(`${event.part}: ${event.action}${because(event.reasons)}`);
    else if (event.type === "part-log") {
      if (verbosity > -1) say(`${event.part} | ${event.line}`);
    } else if (event.type === "part-ended") {
      if (event.end !== "unchanged" || verbosity > 0) say(ended(event));
    } else if (event.type === "diagnostic") err.write(`${event.text}\n`);
    else if (event.type === "run-ended") for (const line of summaryLines(event.summary)) say(line);
  };
}

function because(reasons: readonly string[]): string {
  return reasons.length === 0 ? "" : ` (${reasons.join("; ")})`;
}

function ended(event: Extract<Event, { type: "part-ended" }>): string {
  const { part, action, end, why, seconds } = event;
  if (end === "unchanged") return `${part}: unchanged`;
  if (end === "done") return `${part}: ${PAST[action]} in ${seconds.toFixed(1)} s`;
  return `${part}: ${end}${why === undefined ? "" : `: ${why}`}`;
}

/** What a run came to: the counts, then each part that did not succeed, with why. */
export function summaryLines({ counts, parts, interrupted, seconds }: Summary): string[] {
  const did = new Map<string, number>();
  for (const { end, action } of parts)
    if (end === "done") did.set(PAST[action], (did.get(PAST[action]) ?? 0) + 1);
  const pieces = [...did].map(([word, count]) => `${count} ${word}`);
  for (const end of ["unchanged", "failed", "skipped", "aborted"] as const)
    if (counts[end] > 0) pieces.push(`${counts[end]} ${end}`);
  const head = pieces.length === 0 ? "nothing to do" : pieces.join(", ");
  return [
    `${interrupted ? "interrupted: " : ""}${head} (${seconds.toFixed(1)} s)`,
    ...parts
      .filter(isBad)
      .map(({ part, end, why }) => `  ${part} ${end}${why === undefined ? "" : `: ${why}`}`),
  ];
}

function isBad({ end }: PartResult): boolean {
  return end === "failed" || end === "skipped" || end === "aborted";
}
