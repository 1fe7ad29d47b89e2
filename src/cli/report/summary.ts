import type { Event, Summary } from "../../index.js";
import type { Palette } from "./colors.js";
import { formatSeconds } from "./width.js";

type Ended = Extract<Event, { type: "part-ended" }>;

const DID: Readonly<Record<string, string>> = {
  install: "installed",
  update: "updated",
  reinstall: "reinstalled",
  uninstall: "uninstalled",
  forget: "left in place and forgotten",
  none: "unchanged",
};

/** The line that stays of a part; none for one that had nothing to do. */
export function endLine(event: Ended, palette: Palette): string | undefined {
  const why = event.why === undefined || event.why === "" ? "" : `: ${event.why}`;
  const time = event.seconds >= 0.05 ? palette.dim(`  ${formatSeconds(event.seconds)}`) : "";
  const lines: Readonly<Record<Ended["end"], string | undefined>> = {
    unchanged: undefined,
    done: `${palette.green("✔")} ${event.part} ${DID[event.action] ?? event.action}${palette.dim(why)}${time}`,
    failed: `${palette.red("✘")} ${event.part} failed${why}${time}`,
    skipped: `${palette.yellow("-")} ${event.part} skipped${why}`,
    aborted: `${palette.yellow("!")} ${event.part} aborted${why}${time}`,
  };
  return lines[event.end];
}

/** What changed, what went wrong, and how long it took, in one line. */
export function summaryLines(summary: Summary, palette: Palette): string[] {
  const done = new Map<string, number>();
  for (const { action, end } of summary.parts)
    if (end === "done") done.set(DID[action] ?? action, (done.get(DID[action] ?? action) ?? 0) + 1);
  const { failed, skipped, aborted, unchanged } = summary.counts;
  const pieces = [
    ...(failed > 0 ? [palette.red(`${failed} failed`)] : []),
    ...(aborted > 0 ? [palette.yellow(`${aborted} aborted`)] : []),
    ...(skipped > 0 ? [palette.yellow(`${skipped} skipped`)] : []),
    ...[...done].map(([did, n]) => `${n} ${did}`),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
  ];
  const nothing = done.size === 0 && failed + aborted + skipped === 0;
  const text = nothing
    ? `nothing to do${unchanged > 0 ? `: ${unchanged} unchanged` : ""}`
    : pieces.join(", ");
  const head = summary.interrupted ? palette.yellow("interrupted: ") : "";
  return [`${head}${text} ${palette.dim(`(${formatSeconds(summary.seconds)})`)}`];
}
