import type { Problem } from "./contract.js";
import { type Diagnostic, reworded } from "./diagnostic.js";
import { problemOf, saidBy, toDiagnostics } from "./events.js";
import { requireProblem } from "./given.js";
import { withoutPasswords } from "./hidden.js";
import { withoutQuotes } from "./quotes.js";
import type { Span } from "./text.js";

/** In whose name something is said, and where its options stand. */
interface At {
  readonly part: string;
  span(option: string, said?: string): Span | undefined;
}

/** What was thrown in the name of a part, with the place of the option that the problem is about, else of the part. */
export function problemDiagnostics(thrown: unknown, at: At): readonly Diagnostic[] {
  const span = spanOf(problemOf(thrown), at);
  return toDiagnostics(thrown, at.part).map((diagnostic) =>
    hushed(withoutQuotes(span && !diagnostic.span ? { ...diagnostic, span } : diagnostic)),
  );
}

function hushed(diagnostic: Diagnostic): Diagnostic {
  return reworded(diagnostic, withoutPasswords);
}

/** What a recipe warns of, with its place in the same way. */
export function warningOf(problem: Problem, at: At): Diagnostic {
  requireProblem(problem);
  const span = spanOf(problem, at);
  return hushed({ severity: "warning", part: at.part, ...(span && { span }), ...saidBy(problem) });
}

function spanOf(problem: Pick<Problem, "option" | "message"> | undefined, at: At): Span | undefined {
  return (problem?.option !== undefined && at.span(problem.option, problem.message)) || at.span("recipe");
}
