import { type Event, now, type Reporter, type Summary } from "../../index.js";
import { EXIT, type Invocation } from "../command.js";
import { palette } from "./colors.js";
import { wantsColour } from "./paint.js";
import { plainReporter } from "./plain.js";
import type { Teller } from "./teller.js";
import { ttyReporter } from "./tty.js";

type Outcome = Pick<Summary, "ok" | "interrupted">;

interface RunReport extends Teller {
  /** Gives the exit code. */
  readonly finish: (outcome: Outcome) => number;
}

/** Does a run, reported in the form that the command line asks for. @returns the exit code */
export async function reported(
  invocation: Invocation,
  run: (report: Reporter) => Promise<Outcome>,
): Promise<number> {
  const { report, note, finish, abandon } = reportOf(invocation);
  const { signal, underWay } = invocation.io;
  const watched: Reporter = (event) => {
    if (event.type === "part-started") underWay?.add(event.part);
    else if (event.type === "part-ended") underWay?.delete(event.part);
    report(event);
  };
  const told = (): void => note("interrupted: what is under way is undone; once more ends at once");
  signal.addEventListener("abort", told, { once: true });
  try {
    return finish(await run(watched));
  } catch (error) {
    abandon();
    throw error;
  } finally {
    signal.removeEventListener("abort", told);
  }
}

function reportOf(invocation: Invocation): RunReport {
  const { globals, io } = invocation;
  if (globals.json) return jsonReport((line) => io.out.write(line));
  return { ...personReporter(invocation), finish: exitCode };
}

function personReporter({ globals: { plain, verbosity }, io }: Invocation): Teller {
  const { out, env } = io;
  if (plain || verbosity < 0 || !out.isTTY || env["CI"] || env["TERM"] === "dumb")
    return plainReporter({ ...io, verbosity });
  return ttyReporter({
    terminal: {
      get columns() {
        return out.columns ?? 80;
      },
      get rows() {
        return out.rows ?? 24;
      },
      write: (text) => void out.write(text),
    },
    palette: palette(wantsColour(out, env)),
    verbose: verbosity > 0,
    now,
    later: (milliseconds, call) => {
      const timer = setTimeout(call, milliseconds).unref();
      return () => clearTimeout(timer);
    },
  });
}

function exitCode({ ok, interrupted }: Outcome): number {
  if (interrupted) return EXIT.interrupted;
  return ok ? EXIT.done : EXIT.failed;
}

/** One event a line; where the run failed, a last line with what failed first (docs/cli.md). */
function jsonReport(write: (line: string) => void): RunReport {
  let first: Extract<Event, { type: "diagnostic" }>["diagnostic"] | undefined;
  const report: Reporter = (event) => {
    if (event.type === "diagnostic" && event.diagnostic.severity === "error") first ??= event.diagnostic;
    write(`${JSON.stringify(event)}\n`);
  };
  const finish: RunReport["finish"] = (summary) => {
    const code = exitCode(summary);
    if (code !== EXIT.done) write(`${JSON.stringify({ error: failure(first, summary.interrupted) })}\n`);
    return code;
  };
  return { report, note: () => {}, finish, abandon: () => {} };
}

function failure(
  diagnostic: Extract<Event, { type: "diagnostic" }>["diagnostic"] | undefined,
  interrupted: boolean,
) {
  if (interrupted) return { code: "interrupted", message: "the run was interrupted", notes: [] };
  if (!diagnostic) return { code: "part/skipped", message: "not all parts could be worked on", notes: [] };
  const { code, message, part, file, line, column, notes, help } = diagnostic;
  return { code, message, part, file, line, column, notes: [...notes, ...help] };
}
