import type { Diagnostic } from "../diagnostic.js";
import type { Source, Span } from "../text.js";

export type Operator = "=" | "+=" | "-=";

/** One step that made a value what it is, oldest first in a history. */
export interface HistoryEntry {
  /** `macro`: copied by `<=` from the section that `text` names. `directory`: made absolute. */
  readonly operation: Operator | "macro" | "default" | "computed" | "directory";
  /** What was assigned, added or removed, before any reference is resolved. */
  readonly text: string;
  readonly span: Span;
  /** The option's name where it was written; absent for what no file says. */
  readonly nameSpan?: Span;
}

/** An option's unresolved text and where it comes from. */
export interface Value {
  readonly text: string;
  /** The text of the last assignment or addition. */
  readonly span: Span;
  readonly history: readonly HistoryEntry[];
}

/** A section after all files are merged, macros copied and conditions applied; references are not resolved. */
export interface Section {
  readonly name: string;
  /** The first header that opened it, `[name]`; absent where the command line or the engine made it. */
  readonly header?: Span | undefined;
  readonly options: ReadonlyMap<string, Value>;
  /** The sections that it copies directly, in the order of `<=`. */
  readonly macros: readonly string[];
  /** Mistakes that harm only those who need this section, such as a missing macro. */
  readonly mistakes: readonly Diagnostic[];
}

export interface Config {
  readonly sections: ReadonlyMap<string, Section>;
  /** The buildout directory, absolute. */
  readonly directory: string;
  /** The main file: an absolute path or a URL. */
  readonly file: string;
  readonly substitution: Substitution;
  readonly warnings: readonly Diagnostic[];
  /** The local files that were read, absolute, each once, the main file included. */
  readonly files: readonly string[];
}

/** Which spellings of a reference are read: `$<a:b>` always, `${a:b}` unless `[buildout] substitution = angle`. */
export type Substitution = "both" | "angle";

/** Where an option stands: the name, then the value. */
export interface Written {
  readonly source: Source;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly start: number;
  readonly end: number;
}

/** A written step. A class, because a large configuration has tens of thousands: spans are made when asked for. */
export class Piece implements HistoryEntry, Value {
  readonly operation: Operator;
  /** While its lines are still being read, the raw lines. */
  text: string;
  readonly source: Source;
  nameStart: number;
  nameEnd: number;
  start: number;
  end: number;

  constructor(operation: Operator, text: string, at: Written) {
    this.operation = operation;
    this.text = text;
    this.source = at.source;
    this.nameStart = at.nameStart;
    this.nameEnd = at.nameEnd;
    this.start = at.start;
    this.end = at.end;
  }

  get span(): Span {
    return { source: this.source, start: this.start, end: this.end };
  }

  get nameSpan(): Span {
    return { source: this.source, start: this.nameStart, end: this.nameEnd };
  }

  withText(text: string): Piece {
    return new Piece(this.operation, text, this);
  }

  /** An option that is written once is its own whole history. */
  get history(): readonly HistoryEntry[] {
    return [this];
  }
}

/** A value put together from steps; its span is that of the last step that was written somewhere. */
export class Composed implements Value {
  readonly text: string;
  readonly history: readonly HistoryEntry[];

  constructor(text: string, history: readonly HistoryEntry[]) {
    this.text = text;
    this.history = history;
  }

  get span(): Span {
    for (let i = this.history.length - 1; i >= 0; i--) {
      const entry = this.history[i];
      if (entry && entry.operation !== "macro" && entry.operation !== "-=") return entry.span;
    }
    const last = this.history.at(-1);
    return last ? last.span : { source: nowhere, start: 0, end: 0 };
  }
}

const nowhere: Source = { name: "default", text: "", lineless: true };

/** A value that the engine itself provides. */
export function provided(text: string, operation: "default" | "computed"): Value {
  const source: Source = { name: operation, text, lineless: true };
  return new Composed(text, [{ operation, text, span: { source, start: 0, end: text.length } }]);
}
