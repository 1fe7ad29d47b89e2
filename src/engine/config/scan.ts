import {
  BYTE_ORDER_MARK,
  EQUALS,
  GREATER,
  HASH,
  LINE_FEED,
  MINUS,
  OPENING_BRACKET,
  PLUS,
  SEMICOLON,
} from "../characters.js";
import type { Diagnostic } from "../diagnostic.js";
import { endBefore, lineStarts, type Source, type Span } from "../text.js";
import { dedent } from "./block.js";
import { type Header, readHeader } from "./header.js";
import { badLine, noHeader } from "./mistakes.js";
import { type Operator, Piece, type Value } from "./model.js";
import { isSpace, nameEnders, skipName, skipSpace, stripEnd, trimmedEnd } from "./space.js";

/** The `+=` and `-=` of one file to one option: all that is added, then all that is removed. */
export interface Amendment {
  readonly add: Piece | undefined;
  readonly remove: Piece | undefined;
}

/** What is said about a section: the last `=` of each option, then what follows it. */
export interface Said {
  readonly sets: ReadonlyMap<string, Value>;
  readonly amendments: ReadonlyMap<string, Amendment> | undefined;
}

/** A section as one file has it, all its occurrences in the file together. */
export interface ScannedSection extends Said {
  readonly name: string;
  readonly header: Span;
  readonly sets: Map<string, Piece>;
  amendments: Map<string, Amendment> | undefined;
}

export interface ScannedFile {
  readonly source: Source;
  readonly sections: Map<string, ScannedSection>;
  readonly mistakes: readonly Diagnostic[];
}

/** Decides a header's condition: whether the section counts, or what is wrong with the condition. */
export type Decide = (condition: string, span: Span) => boolean | Diagnostic;

/** More bad lines than this in one file are counted, not shown: then it is hardly a configuration file. */
const MOST_MISTAKES = 50;

/** Reads a file's text into sections. Total: a text of any kind gives a result, with what is wrong in `mistakes`. */
export function scan(source: Source, decide: Decide): ScannedFile {
  return new Scanner(source, decide).run();
}

class Scanner {
  readonly source: Source;
  readonly text: string;
  readonly decide: Decide;
  readonly sections = new Map<string, ScannedSection>();
  readonly mistakes: Diagnostic[] = [];
  /** Thousands of sections have options of the same names: one string of each is kept. */
  private readonly names = new Map<string, string>();
  private unseen = 0;
  private section: ScannedSection | undefined;
  /** The option that an indented line continues. It survives the header of a skipped section, as in zc.buildout. */
  private option: Piece | undefined;
  private block = false;
  /** Values that began with an empty line: only when all their lines are read, their margin is known. */
  private readonly blocks: Piece[] = [];
  private skipping = false;
  private headerMissed = false;

  constructor(source: Source, decide: Decide) {
    this.source = source;
    this.text = source.text;
    this.decide = decide;
  }

  run(): ScannedFile {
    const { text } = this;
    const starts = lineStarts(this.source);
    let start = text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0;
    for (let line = 1; start < text.length; line++) {
      const next = starts[line];
      this.line(start, endBefore(next, text));
      start = next ?? text.length;
    }
    if (this.unseen > 0) this.mistakes.push(uncounted(this.unseen, this.source));
    for (const piece of this.blocks) if (piece.text.startsWith("\n")) piece.text = dedent(piece.text);
    return { source: this.source, sections: this.sections, mistakes: this.mistakes };
  }

  private line(start: number, end: number): void {
    const first = start < end ? this.text.charCodeAt(start) : LINE_FEED;
    if (first === HASH || first === SEMICOLON) return;
    if (isSpace(first) && this.section && this.option) {
      if (!this.skipping) this.continuation(this.option, start, end);
      return;
    }
    const header = first === OPENING_BRACKET ? readHeader(this.text, start, end) : undefined;
    if (header) this.header(header, start);
    else if (!this.section) this.beforeHeader(start, end);
    else if (!this.optionLine(this.section, start, end)) this.unreadable(start, end);
  }

  private continuation(option: Piece, start: number, end: number): void {
    const from = this.block ? start : skipSpace(this.text, start, end);
    const to = trimmedEnd(this.text, from, end);
    if (to === from && !this.block) return;
    option.text += `\n${this.text.slice(from, to)}`;
    if (to > from) option.end = to;
  }

  private header(header: Header, start: number): void {
    const span = { source: this.source, start, end: header.end };
    this.skipping = false;
    this.headerMissed = false;
    if (header.condition !== undefined && header.condition !== "") {
      const from = header.conditionStart;
      const at = { source: this.source, start: from, end: from + header.condition.length };
      const answer = this.decide(header.condition, at);
      if (typeof answer === "object") this.mistake(answer);
      this.skipping = answer === false;
      if (this.skipping) return;
    }
    let section = this.sections.get(header.name);
    if (!section) {
      section = { name: header.name, header: span, sets: new Map(), amendments: undefined };
      this.sections.set(header.name, section);
    }
    this.section = section;
    this.option = undefined;
  }

  /** Before the first header one message is enough: every option after it is wrong for the same reason. */
  private beforeHeader(start: number, end: number): void {
    const from = skipSpace(this.text, start, end);
    if (from === end || this.headerMissed) return;
    this.headerMissed = true;
    this.mistake(
      noHeader({ source: this.source, start: from, end: trimmedEnd(this.text, from, end) }, this.skipping),
    );
  }

  private optionLine(section: ScannedSection, start: number, end: number): boolean {
    const found = readOption(this.text, start, end);
    if (!found) return false;
    if (this.skipping) return true;
    const from = skipSpace(this.text, found.valueStart, end);
    const to = trimmedEnd(this.text, from, end);
    this.block = from === to;
    const { source } = this;
    const at = { source, nameStart: start, nameEnd: start + found.nameLength, start: from, end: to };
    this.option = put(
      section,
      this.once(found.name),
      new Piece(found.operation, this.text.slice(from, to), at),
    );
    if (this.block) this.blocks.push(this.option);
    return true;
  }

  private once(name: string): string {
    const known = this.names.get(name);
    if (known !== undefined) return known;
    this.names.set(name, name);
    return name;
  }

  private unreadable(start: number, end: number): void {
    const from = skipSpace(this.text, start, end);
    if (from === end) return;
    const span = { source: this.source, start: from, end: trimmedEnd(this.text, from, end) };
    const open = this.option ? undefined : this.section?.name;
    this.mistake(
      badLine(span, { indented: from > start, ...(open === undefined ? {} : { emptySection: open }) }),
    );
  }

  private mistake(diagnostic: Diagnostic): void {
    if (this.mistakes.length < MOST_MISTAKES) this.mistakes.push(diagnostic);
    else this.unseen++;
  }
}

function uncounted(count: number, source: Source): Diagnostic {
  const message = `${count} more lines of ${source.name} cannot be read`;
  return { severity: "error", code: "config/parse-error", message };
}

interface OptionStart {
  readonly name: string;
  /** As written: `=>` stands for a longer name. */
  readonly nameLength: number;
  readonly operation: Operator;
  readonly valueStart: number;
}

/** The option that depends on parts without using a value of theirs: `=> a b`. */
export const DEPENDENCIES = "<part-dependencies>";

const OPTION_NAME_ENDERS = nameEnders("{}[]=:");

/** Reads `name =`, `name +=`, `name -=` or `=>`; undefined where the line does not start an option. */
function readOption(text: string, start: number, end: number): OptionStart | undefined {
  if (text.charCodeAt(start) === EQUALS && text.charCodeAt(start + 1) === GREATER && start + 1 < end)
    return { name: DEPENDENCIES, nameLength: 2, operation: "=", valueStart: start + 2 };
  const nameEnd = skipName(text, OPTION_NAME_ENDERS, start, end);
  if (nameEnd === start) return undefined;
  const i = skipSpace(text, nameEnd, end);
  if (i >= end) return undefined;
  const code = text.charCodeAt(i);
  if (code === EQUALS) return tight(text, start, nameEnd, i + 1);
  if ((code !== PLUS && code !== MINUS) || i + 1 >= end || text.charCodeAt(i + 1) !== EQUALS)
    return undefined;
  const operation = code === PLUS ? "+=" : "-=";
  return { name: text.slice(start, nameEnd), nameLength: nameEnd - start, operation, valueStart: i + 2 };
}

/** `name+=x` means the same as `name += x`; a name of the sign alone stays a name. */
function tight(text: string, start: number, nameEnd: number, valueStart: number): OptionStart {
  const last = text.charCodeAt(nameEnd - 1);
  const signed = (last === PLUS || last === MINUS) && nameEnd - start > 1;
  const end = signed ? nameEnd - 1 : nameEnd;
  const operation = !signed ? "=" : last === PLUS ? "+=" : "-=";
  return { name: text.slice(start, end), nameLength: end - start, operation, valueStart };
}

/** Files an option: `=` discards what came before it, a second `+=` or `-=` goes on with the first one's lines. */
function put(section: ScannedSection, name: string, piece: Piece): Piece {
  if (piece.operation === "=") {
    section.sets.set(name, piece);
    section.amendments?.delete(name);
    return piece;
  }
  const before = section.amendments?.get(name);
  const earlier = piece.operation === "+=" ? before?.add : before?.remove;
  if (earlier) return continued(earlier, piece);
  section.amendments ??= new Map();
  section.amendments.set(name, {
    add: piece.operation === "+=" ? piece : before?.add,
    remove: piece.operation === "-=" ? piece : before?.remove,
  });
  return piece;
}

function continued(earlier: Piece, piece: Piece): Piece {
  earlier.text = stripEnd(earlier.text) + (piece.text === "" ? "" : `\n${piece.text}`);
  earlier.nameStart = piece.nameStart;
  earlier.nameEnd = piece.nameEnd;
  earlier.start = piece.start;
  earlier.end = piece.end;
  return earlier;
}
