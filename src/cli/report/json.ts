import { type Diagnostic, noteText, positionAt } from "../../index.js";

/** A diagnostic as programs read it (docs/cli.md). */
export function diagnosticJson({ code, message, span, notes = [], help = [], part }: Diagnostic) {
  const place = span ? { file: span.source.name, ...placeOf(span) } : {};
  const texts = [...notes.map(noteText), ...help];
  return { code, message, ...place, notes: texts, ...(part === undefined ? {} : { part }) };
}

function placeOf(span: NonNullable<Diagnostic["span"]>) {
  if (span.source.lineless) return {};
  const { line, column } = positionAt(span.source, span.start);
  return { line, column };
}

/** The last line that a failed command prints on standard output with `--json`. */
export function errorLine(diagnostic: Diagnostic): string {
  return `${JSON.stringify({ error: diagnosticJson(diagnostic) })}\n`;
}
