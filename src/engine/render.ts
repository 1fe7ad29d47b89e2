import type { Diagnostic, Note } from "./diagnostic.js";
import { type Marked, withoutSecrets } from "./hidden.js";
import { type Position, type Span, place, positionAt } from "./text.js";

/** More of a line than this tells a reader nothing; a 1 MB line must not fill the terminal. */
const WIDEST_EXCERPT = 120;

/** Messages have a few lines; what is longer than this quotes something that nobody typed. */
const LONGEST_MESSAGE = 4000;

/** What a colouring reporter puts around pieces of a message; without it the text is plain. */
export interface Paint {
  readonly severity: (text: string, severity: Diagnostic["severity"]) => string;
  readonly faint: (text: string) => string;
  readonly mark: (text: string) => string;
}

const plain: Paint = { severity: (text) => text, faint: (text) => text, mark: (text) => text };

/**
 * A diagnostic as a person reads it: what, where, the line with a caret, notes and help.
 * Returns lines joined by LF without a final one. Pure: asks no terminal.
 */
export function renderDiagnostic(diagnostic: Diagnostic, paint: Paint = plain): string {
  const { severity, code, span, part } = diagnostic;
  const where = part === undefined ? "" : ` (part ${part})`;
  const lines = [
    `${paint.severity(`${severity}[${code}]`, severity)}: ${visible(bounded(diagnostic.message))}${where}`,
  ];
  const position = span && !span.source.lineless ? positionAt(span.source, span.start) : undefined;
  const gutter = " ".repeat(position ? String(position.line).length : 2);
  if (span) lines.push(...excerpt(span, position, gutter, paint));
  for (const note of diagnostic.notes ?? [])
    lines.push(`${gutter} = note: ${inset(visible(noteText(note)), gutter)}`);
  for (const help of diagnostic.help ?? []) lines.push(`${gutter} = help: ${visible(help)}`);
  return lines.join("\n");
}

/** Further lines of a note (the last ones of a log) stand below its beginning. */
function inset(text: string, gutter: string): string {
  return text.replaceAll("\n", `\n${gutter}   `);
}

/** A note with its place, on one line. */
export function noteText(note: Note): string {
  return note.span ? `${note.message} (${place(note.span)})` : note.message;
}

function excerpt(span: Span, position: Position | undefined, gutter: string, paint: Paint): string[] {
  if (!position) {
    if (span.source.text === "") return [`${gutter} ${span.source.name}`];
    const { before, marked, after } = clip(
      withoutSecrets(span.source, 0, { text: span.source.text, start: span.start, end: span.end }),
    );
    return underlined({ head: `${gutter} ${span.source.name}`, label: gutter, before, marked, after }, paint);
  }
  const { line, column, lineText } = position;
  const start = column - 1;
  const end = Math.min(lineText.length, start + span.end - span.start);
  const { before, marked, after } = clip(
    withoutSecrets(span.source, span.start - start, { text: lineText, start, end }),
  );
  const head = `${gutter} ${span.source.name}:${line}:${column}`;
  return underlined({ head, label: String(line), before, marked, after }, paint);
}

interface Excerpt {
  readonly head: string;
  /** What stands left of the bar: the line's number, or blanks as wide. */
  readonly label: string;
  readonly before: string;
  readonly marked: string;
  readonly after: string;
}

function underlined({ head, label, before, marked, after }: Excerpt, paint: Paint): string[] {
  const bar = paint.faint("|");
  const left = visible(before);
  const carets = "^".repeat(Math.max(1, Array.from(visible(marked)).length));
  // Tabs stay tabs in the padding, so that the caret lands under the text whatever their width.
  const padding = Array.from(left, (c) => (c === "\t" ? c : " ")).join("");
  return [
    head,
    `${paint.faint(label)} ${bar} ${left}${visible(marked)}${visible(after)}`.trimEnd(),
    `${" ".repeat(label.length)} ${bar} ${padding}${paint.mark(carets)}`,
  ];
}

/** Cuts a long line to a window around what is marked. */
function clip({ text: line, start, end }: Marked) {
  const marked =
    end - start > WIDEST_EXCERPT ? `${line.slice(start, start + WIDEST_EXCERPT)}…` : line.slice(start, end);
  const room = Math.max(20, WIDEST_EXCERPT - marked.length);
  const half = room >> 1;
  const before = start > room ? `…${line.slice(start - half, start)}` : line.slice(0, start);
  const rest = Math.max(half, room - before.length);
  const after = line.length - end > rest ? `${line.slice(end, end + rest)}…` : line.slice(end);
  return { before, marked, after };
}

/** A name may be a broken file's line of a megabyte: the two ends of it say as much. */
function bounded(text: string): string {
  if (text.length <= LONGEST_MESSAGE) return text;
  const half = LONGEST_MESSAGE >> 1;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** Control characters of a broken file must not reach the terminal. */
function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, "�");
}
