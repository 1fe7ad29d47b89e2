import { CARRIAGE_RETURN, LINE_FEED } from "./characters.js";

/** A text that positions point into: a file, a command-line argument, or a built-in default. */
export interface Source {
  /** How messages name it: a path relative to the current directory, a URL, or `command line`. */
  readonly name: string;
  readonly text: string;
  /** Set where lines mean nothing (an argument, a built-in default): the name alone says where. */
  readonly lineless?: true;
}

/** A piece of a source, as UTF-16 offsets; lines and columns are computed only when printed. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** The whole line, without its end. */
  readonly lineText: string;
}

// Asking for thousands of positions of one text (`annotate`) must not scan it from the top each time.
const lineTables = new WeakMap<Source, LineTable>();

interface LineTable {
  /** Where each line begins. */
  readonly starts: Uint32Array;
  /** The line that was asked for last, from 0: the next one is mostly near. */
  recent: number;
}

/** Where each line begins. */
export function lineStarts(source: Source): Uint32Array {
  return tableOf(source).starts;
}

function tableOf(source: Source): LineTable {
  const known = lineTables.get(source);
  if (known) return known;
  const table = { starts: new Uint32Array(startsOf(source.text)), recent: 0 };
  lineTables.set(source, table);
  return table;
}

function startsOf(text: string): number[] {
  const starts = [0];
  if (text.includes("\r"))
    for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) starts.push(index + end.length);
  else
    for (let feed = text.indexOf("\n"); feed >= 0; feed = text.indexOf("\n", feed + 1)) starts.push(feed + 1);
  return starts;
}

/** In lines. */
const NEAR = 16;

/** The line, from 1, of an offset. LF, CR and CRLF end lines. */
export function lineAt(source: Source, offset: number): number {
  const table = tableOf(source);
  const { starts, recent } = table;
  let low = 0;
  let high = starts.length;
  if (offset >= starts[recent]!) {
    low = recent;
    if (offset < (starts[low + NEAR] ?? 0)) high = low + NEAR;
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  table.recent = low;
  return low + 1;
}

/** Where a line, from 1, begins. */
export function lineStart(source: Source, line: number): number {
  return lineStarts(source)[line - 1] ?? source.text.length;
}

/** Line, column and text of the line of an offset. */
export function positionAt(source: Source, offset: number): Position {
  const line = lineAt(source, offset);
  const start = lineStart(source, line);
  const end = endBefore(lineStarts(source)[line], source.text);
  return { line, column: offset - start + 1, lineText: source.text.slice(start, end) };
}

/** Where a line ends, by where the next one starts (undefined after the last): a line may be long, and asked for often. */
export function endBefore(next: number | undefined, text: string): number {
  if (next === undefined) return text.length;
  return text.charCodeAt(next - 1) === LINE_FEED && text.charCodeAt(next - 2) === CARRIAGE_RETURN
    ? next - 2
    : next - 1;
}

/** What a span holds. */
export function textOf({ source, start, end }: Span): string {
  return source.text.slice(start, end);
}

/** Where something stands, as annotate and messages say it: `buildout.cfg:12`, or the bare name of a lineless source. */
export function place(span: Span): string {
  return span.source.lineless ? span.source.name : `${span.source.name}:${lineAt(span.source, span.start)}`;
}
