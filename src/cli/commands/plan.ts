import { type Action, type Plan, renderDiagnostic, type Step } from "../../index.js";
import { EXIT, type Invocation } from "../command.js";
import { buildoutOf } from "../buildout.js";
import { tellAtOnce } from "../report/at-once.js";
import { reportDiagnostics } from "../report/failure.js";
import { paintFor } from "../report/paint.js";

/** Shows what install would do, and why; then what would fail. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, globals, io } = invocation;
  const plan = await buildoutOf(invocation).plan({
    parts: args,
    reinstall: options.get("reinstall")?.split("\n") ?? [],
    replace: options.get("replace")?.split("\n") ?? [],
    signal: io.signal,
    report: tellAtOnce(io),
    ...(globals.jobs !== undefined && { jobs: globals.jobs }),
  });
  const paint = paintFor(io.err, io.env);
  for (const warning of plan.warnings) io.err.write(`${renderDiagnostic(warning, paint)}\n`);
  const { steps, problems } = plan;
  io.out.write(globals.json ? `${JSON.stringify({ steps })}\n` : planText(plan, globals.verbosity));
  if (problems.length > 0)
    return reportDiagnostics(problems, { io, json: globals.json, debug: globals.debug });
  return options.has("exit-code") && plan.changes ? EXIT.changes : EXIT.done;
}

/** Each step with its reasons; parts that stay as they are only with -v. */
function planText({ steps, problems }: Plan, verbosity: number): string {
  const shown = steps.filter((step) => step.action !== "none" || verbosity > 0);
  const lines = shown.flatMap((step) => [
    heading(step),
    ...[...step.reasons, ...(step.notes ?? [])].map((line) => `    ${line}`),
  ]);
  const end = totals(steps) || (problems.length > 0 ? "" : "nothing to do");
  return [...lines, ...(end === "" ? [] : [end])].map((line) => `${line}\n`).join("");
}

const WORDS: Readonly<Record<Action, string>> = {
  install: "install",
  update: "update",
  reinstall: "reinstall",
  uninstall: "uninstall",
  forget: "leave what it made, and forget it",
  none: "unchanged",
  maybe: "depends on what is known only later",
};

function heading({ part, action, recipe }: Step): string {
  return `${part} (${recipe}): ${WORDS[action]}`;
}

function totals(steps: readonly Step[]): string {
  const count = (action: Action): number => steps.filter((step) => step.action === action).length;
  const pieces = (["install", "update", "reinstall", "uninstall", "forget"] as const)
    .filter((action) => count(action) > 0)
    .map((action) => `${count(action)} to ${action}`);
  if (count("maybe") > 0) pieces.push(`${count("maybe")} that may change`);
  if (count("none") > 0) pieces.push(`${count("none")} unchanged`);
  return pieces.join(", ");
}
