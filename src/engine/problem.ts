import type { Diagnostic } from "./diagnostic.js";
import { problemOf, toDiagnostics } from "./events.js";
import type { Span } from "./text.js";

/** What was thrown in the name of a part, with the place of the option that the problem is about, else of the part. */
export function problemDiagnostics(
  thrown: unknown,
  at: { readonly part: string; span(option: string): Span | undefined },
): readonly Diagnostic[] {
  const option = problemOf(thrown)?.option;
  const span = (option !== undefined && at.span(option)) || at.span("recipe");
  return toDiagnostics(thrown, at.part).map((diagnostic) =>
    span && !diagnostic.span ? { ...diagnostic, span } : diagnostic,
  );
}
