import type { Action, Event, PartResult, Summary } from "../../index.js";
import { type Palette, PLAIN } from "./colors.js";
import { names } from "./errors.js";

type Ended = Extract<Event, { type: "part-ended" }>;

const PAST: Readonly<Record<Action, string>> = {
  install: "installed",
  update: "updated",
  reinstall: "reinstalled",
  uninstall: "uninstalled",
  forget: "kept",
  none: "unchanged",
  maybe: "unchanged",
};

/** How a part came out, without its name. */
export function endText({ action, end, why, seconds }: Ended): string {
  if (end === "unchanged") return "unchanged";
  if (end === "done") return `${PAST[action]} in ${seconds.toFixed(1)} s`;
  return `${end}${why === undefined ? "" : `: ${why}`}`;
}

const SIGNS = { unchanged: "=", done: "✔", failed: "✘", skipped: "-", aborted: "!" } as const;

/** The line that stays of a part on a terminal; none for one that had nothing to do. */
export function endLine(event: Ended, palette: Palette): string | undefined {
  if (event.end === "unchanged") return undefined;
  const paint = {
    done: palette.green,
    failed: palette.red,
    skipped: palette.yellow,
    aborted: palette.yellow,
  }[event.end];
  const reason = event.end === "done" && event.why !== undefined ? palette.dim(` (${event.why})`) : "";
  return `${paint(SIGNS[event.end])} ${event.part} ${endText(event)}${reason}`;
}

/** What a run came to: the counts, then each part that did not succeed, with why. */
export function summaryLines(
  { counts, parts, interrupted, seconds }: Summary,
  palette: Palette = PLAIN,
): string[] {
  const did = new Map<string, number>();
  for (const { end, action } of parts)
    if (end === "done") did.set(PAST[action], (did.get(PAST[action]) ?? 0) + 1);
  const pieces = [...did].map(([word, count]) => `${count} ${word}`);
  const paint = {
    unchanged: palette.dim,
    failed: palette.red,
    skipped: palette.yellow,
    aborted: palette.yellow,
  };
  for (const end of ["unchanged", "failed", "skipped", "aborted"] as const)
    if (counts[end] > 0) pieces.push(paint[end](`${counts[end]} ${end}`));
  const none = parts.length > 0 && counts.unchanged === parts.length;
  const head =
    pieces.length === 0 ? "nothing to do" : `${none ? "nothing changed: " : ""}${pieces.join(", ")}`;
  return [`${interrupted ? "interrupted: " : ""}${head} (${seconds.toFixed(1)} s)`, ...badLines(parts)];
}

/** What did not succeed, and why; parts that ended alike have one line. */
function badLines(parts: readonly PartResult[]): string[] {
  const alike = new Map<string, string[]>();
  for (const { part, end, why } of parts.filter(isBad)) {
    const what = `${end}${why === undefined ? "" : `: ${why}`}`;
    const some = alike.get(what);
    if (some) some.push(part);
    else alike.set(what, [part]);
  }
  return [...alike].map(([what, some]) => `  ${names(some)} ${what}`);
}

/** Versions of recipe packages that nothing pinned, in the form in which they can be pinned. */
export function pickedLines({ versions }: Extract<Event, { type: "versions-picked" }>): string[] {
  return ["[versions]", ...Object.entries(versions).map(([name, version]) => `${name} = ${version}`)];
}

function isBad({ end }: PartResult): boolean {
  return end === "failed" || end === "skipped" || end === "aborted";
}
