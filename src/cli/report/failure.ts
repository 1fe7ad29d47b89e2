import {
  type Diagnostic,
  DiagnosticError,
  didYouMean,
  renderDiagnostic,
  toDiagnostics,
} from "../../index.js";
import { UsageError } from "../args.js";
import { bugMessage, bugText } from "../bug.js";
import { EXIT, type Io } from "../command.js";
import { Errors } from "./errors.js";
import { paintFor } from "./paint.js";
import { errorLine } from "./json.js";

export interface FailureReport {
  readonly io: Io;
  readonly json: boolean;
  /** `-D`: with stack traces. */
  readonly debug: boolean;
}

/** Reports what ended a command, and gives the exit code that belongs to it. */
export function reportFailure(error: unknown, to: FailureReport): number {
  if (error instanceof DiagnosticError) return reportDiagnostics(error.diagnostics, to, error);
  if (error instanceof UsageError) return reportDiagnostics([usage(error)], to, error);
  if (to.io.signal.aborted) {
    const message = "interrupted";
    if (to.json) to.io.out.write(errorLine({ severity: "error", code: "interrupted", message }));
    else to.io.err.write(`${message}\n`);
    return EXIT.interrupted;
  }
  const diagnostics = toDiagnostics(error);
  const isBug = diagnostics.some(({ code }) => code === "internal/bug");
  return isBug ? reportBug(error, to) : reportDiagnostics(diagnostics, to, error as Error);
}

/** Prints diagnostics, all of them to standard error; with `--json` the first error as the last line of standard output. */
export function reportDiagnostics(
  diagnostics: readonly Diagnostic[],
  to: FailureReport,
  error?: Error,
): number {
  const paint = paintFor(to.io.err, to.io.env);
  const errors = new Errors();
  for (const diagnostic of diagnostics) errors.add(diagnostic, renderDiagnostic(diagnostic, paint));
  to.io.err.write(`${errors.texts().join("\n\n")}\n`);
  if (to.debug && error?.stack) to.io.err.write(`${error.stack}\n`);
  const first = diagnostics.find(({ severity }) => severity === "error") ?? diagnostics[0];
  if (to.json && first) to.io.out.write(errorLine(first));
  return first?.code.startsWith("lock/") ? EXIT.locked : EXIT.usage;
}

/** What zc.buildout, Compose, Terraform and bake call what we have. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["bootstrap", "install"],
  ["build", "install"],
  ["start", "install"],
  ["update", "install"],
  ["up", "install"],
  ["apply", "install"],
  ["down", "uninstall --all"],
  ["destroy", "uninstall --all"],
  ["rm", "uninstall"],
  ["stop", "uninstall"],
  ["restart", "install --reinstall PART"],
  ["ls", "status"],
  ["ps", "status"],
  ["show", "status -v"],
  ["output", "query"],
  ["config", "annotate"],
  ["validate", "check"],
  ["version", "--version"],
  ["--force-recreate", "--reinstall PART"],
  ["--no-cache", "PART:no-cache=true"],
  ["--set", "SECTION:OPTION=VALUE"],
  ["--dry-run", "plan"],
  ["--target", "install PART"],
  ["--parallel", "--jobs"],
  ["--file", "--config"],
  ["-f", "-c"],
]);

function usage(error: UsageError & { option?: string; options?: readonly string[] }): Diagnostic {
  const { option, options = [] } = error;
  const ours = option && ELSEWHERE.get(option);
  const near = option && !ours ? didYouMean(option, options) : [];
  const help = ours ? [`did you mean "${ours}"?`, ...error.help] : near.length > 0 ? near : error.help;
  return {
    severity: "error",
    code: "usage/arguments",
    message: error.message,
    help: help.length > 0 ? help : ["tsbuildout --help lists commands and options"],
  };
}

function reportBug(error: unknown, { io, json }: FailureReport): number {
  const hush = (text: string): string => io.hush?.text(text) ?? text;
  io.err.write(hush(bugText(error)));
  const message = hush(bugMessage(error));
  if (json) io.out.write(errorLine({ severity: "error", code: "internal", message }));
  return EXIT.internal;
}
