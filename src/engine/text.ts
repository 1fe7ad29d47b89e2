/** A text that positions point into: a file, a command-line argument, or a built-in default. */
export interface Source {
  /** How messages name it: a path relative to the current directory, a URL, or `command line`. */
  readonly name: string;
  readonly text: string;
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

/** Line and column of an offset. LF, CR and CRLF end lines (LANGUAGE, rule 5). */
export function positionAt(source: Source, offset: number): Position {
  const { text } = source;
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < offset && i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 10 || (code === 13 && text.charCodeAt(i + 1) !== 10)) {
      line++;
      lineStart = i + 1;
    }
  }
  let lineEnd = lineStart;
  while (lineEnd < text.length && text.charCodeAt(lineEnd) !== 10 && text.charCodeAt(lineEnd) !== 13)
    lineEnd++;
  return { line, column: offset - lineStart + 1, lineText: text.slice(lineStart, lineEnd) };
}
