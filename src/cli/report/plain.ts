import type { Event } from "../../index.js";
import type { Output } from "../command.js";
import { Errors } from "./errors.js";
import { endText, pickedLines, summaryLines } from "./summary.js";
import type { Teller } from "./teller.js";

export interface PlainSettings {
  readonly out: Output;
  readonly err: Output;
  /** Below 0 without the parts' own lines, below -1 errors only; above 0 with parts that stay as they are. */
  readonly verbosity: number;
}

/** Lines for logs and pipes: each begins with the part that it is about. Diagnostics go to standard error: warnings as
 *  they come, errors last. */
export function plainReporter({ out, err, verbosity }: PlainSettings): Teller {
  const errors = new Errors();
  const last = (): void => {
    for (const text of errors.texts()) err.write(`${text}\n`);
  };
  const say = (line: string): void => void (verbosity > -2 && out.write(`${line}\n`));
  const report = (event: Event): void => {
    if (event.type === "part-started") say(`${event.part}: ${event.action}${because(event.reasons)}`);
    else if (event.type === "part-log") {
      if (verbosity > -1) say(`${event.part} | ${event.line}`);
    } else if (event.type === "part-ended") {
      if (event.end !== "unchanged" || verbosity > 0) say(`${event.part}: ${endText(event)}`);
    } else if (event.type === "versions-picked") for (const line of pickedLines(event)) say(line);
    else if (event.type === "diagnostic") {
      if (event.diagnostic.severity === "error") errors.add(event.diagnostic, event.text);
      else err.write(`${event.text}\n`);
    } else if (event.type === "run-ended") {
      for (const line of summaryLines(event.summary)) say(line);
      last();
    }
  };
  return { report, note: say, abandon: last };
}

function because(reasons: readonly string[]): string {
  return reasons.length === 0 ? "" : ` (${reasons.join("; ")})`;
}
