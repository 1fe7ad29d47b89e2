import type { Diagnostic } from "../diagnostic.js";
import { afterLineEnd, lineEnd, type Source, type Span } from "../text.js";
import { dedent } from "./block.js";
import { type Header, readHeader } from "./header.js";
import { badLine, noHeader } from "./mistakes.js";
import { type Operator, Piece, type Value } from "./model.js";
import { isSpace, skipSpace, strip, stripEnd, trimmedEnd } from "./space.js";

/** What one file says about one option. All `+=` apply before all `-=`, whatever their order (LANGUAGE, rule 9). */
export interface Change {
  readonly set: Value | undefined;
  readonly add: Piece | undefined;
  readonly remove: Piece | undefined;
}

/** A section as one file has it, all its occurrences in the file together. */
export interface ScannedSection {
  readonly name: string;
  readonly header: Span;
  readonly changes: Map<string, Change>;
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

/** A value under construction; its lines are joined raw and dedented at the end, as they may come in several goes. */
interface Draft {
  readonly operation: Operator;
  readonly name: string;
  raw: string;
  readonly at: [number, number, number, number];
}

type DraftKey = "set" | "add" | "remove";
type Drafts = Partial<Record<DraftKey, Draft>>;

interface DraftSection {
  readonly name: string;
  readonly header: Span;
  readonly options: Map<string, Drafts>;
}

class Scanner {
  readonly source: Source;
  readonly text: string;
  readonly decide: Decide;
  readonly sections = new Map<string, DraftSection>();
  readonly mistakes: Diagnostic[] = [];
  private unseen = 0;
  private section: DraftSection | undefined;
  /** The option that an indented line continues. It survives the header of a skipped section, as in zc.buildout. */
  private option: Draft | undefined;
  private block = false;
  private skipping = false;
  private headerMissed = false;

  constructor(source: Source, decide: Decide) {
    this.source = source;
    this.text = source.text;
    this.decide = decide;
  }

  run(): ScannedFile {
    const { text } = this;
    const carriageReturns = text.includes("\r");
    for (let start = text.charCodeAt(0) === 0xfeff ? 1 : 0; start < text.length; ) {
      const end = lineEnd(text, start, carriageReturns);
      this.line(start, end);
      start = afterLineEnd(text, end);
    }
    if (this.unseen > 0) this.mistakes.push(uncounted(this.unseen, this.source));
    return { source: this.source, sections: finish(this.source, this.sections), mistakes: this.mistakes };
  }

  private line(start: number, end: number): void {
    const first = start < end ? this.text.charCodeAt(start) : 10;
    if (first === 35 || first === 59) return;
    if (isSpace(first) && this.section && this.option) {
      if (!this.skipping) this.continuation(this.option, start, end);
      return;
    }
    const header = first === 91 ? readHeader(this.text, start, end) : undefined;
    if (header) this.header(header, start);
    else if (!this.section) this.beforeHeader(start, end);
    else if (!this.optionLine(this.section, start, end)) this.unreadable(start, end);
  }

  private continuation(option: Draft, start: number, end: number): void {
    const from = this.block ? start : skipSpace(this.text, start, end);
    const to = trimmedEnd(this.text, from, end);
    if (to === from && !this.block) return;
    option.raw += `\n${this.text.slice(from, to)}`;
    if (to > from) option.at[3] = to;
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
      section = { name: header.name, header: span, options: new Map() };
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

  private optionLine(section: DraftSection, start: number, end: number): boolean {
    const found = readOption(this.text, start, end);
    if (!found) return false;
    if (this.skipping) return true;
    const { name, operation } = found;
    const from = skipSpace(this.text, found.valueStart, end);
    const to = trimmedEnd(this.text, from, end);
    const text = this.text.slice(from, to);
    this.block = from === to;
    const at: Draft["at"] = [start, start + found.nameLength, from, to];
    this.option = put(section, { operation, name, raw: text, at });
    return true;
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

/** Reads `name =`, `name +=`, `name -=` or `=>`; undefined where the line does not start an option. */
function readOption(text: string, start: number, end: number): OptionStart | undefined {
  if (text.charCodeAt(start) === 61 && text.charCodeAt(start + 1) === 62 && start + 1 < end)
    return { name: DEPENDENCIES, nameLength: 2, operation: "=", valueStart: start + 2 };
  let i = start;
  while (i < end && isNamePart(text.charCodeAt(i))) i++;
  const nameEnd = i;
  if (nameEnd === start) return undefined;
  i = skipSpace(text, i, end);
  if (i >= end) return undefined;
  const code = text.charCodeAt(i);
  if (code === 61) return tight(text, start, nameEnd, i + 1);
  if ((code !== 43 && code !== 45) || i + 1 >= end || text.charCodeAt(i + 1) !== 61) return undefined;
  const operation = code === 43 ? "+=" : "-=";
  return { name: text.slice(start, nameEnd), nameLength: nameEnd - start, operation, valueStart: i + 2 };
}

/** `name+=x` means the same as `name += x`; a name of the sign alone stays a name. */
function tight(text: string, start: number, nameEnd: number, valueStart: number): OptionStart {
  const last = text.charCodeAt(nameEnd - 1);
  const signed = (last === 43 || last === 45) && nameEnd - start > 1;
  const end = signed ? nameEnd - 1 : nameEnd;
  const operation = !signed ? "=" : last === 43 ? "+=" : "-=";
  return { name: text.slice(start, end), nameLength: end - start, operation, valueStart };
}

// Everything but white space and { } [ ] = :
function isNamePart(code: number): boolean {
  switch (code) {
    case 58:
    case 61:
    case 91:
    case 93:
    case 123:
    case 125:
      return false;
    default:
      return !isSpace(code);
  }
}

const keyOf: Record<Operator, DraftKey> = { "=": "set", "+=": "add", "-=": "remove" };

/** Files an option: `=` discards what came before it, a second `+=` or `-=` goes on with the first one's lines. */
function put(section: DraftSection, draft: Draft): Draft {
  const drafts = section.options.get(draft.name);
  if (!drafts || draft.operation === "=") {
    section.options.set(draft.name, { [keyOf[draft.operation]]: draft });
    return draft;
  }
  const earlier = drafts[keyOf[draft.operation]];
  if (!earlier) {
    drafts[keyOf[draft.operation]] = draft;
    return draft;
  }
  earlier.raw = stripEnd(earlier.raw) + (draft.raw === "" ? "" : `\n${draft.raw}`);
  for (let i = 0; i < 4; i++) earlier.at[i] = draft.at[i] ?? 0;
  return earlier;
}

function finish(source: Source, drafts: Map<string, DraftSection>): Map<string, ScannedSection> {
  const sections = new Map<string, ScannedSection>();
  for (const { name, header, options } of drafts.values()) {
    const changes = new Map<string, Change>();
    for (const [option, { set, add, remove }] of options)
      changes.set(option, {
        set: set && piece(source, set),
        add: add && piece(source, add),
        remove: remove && piece(source, remove),
      });
    sections.set(name, { name, header, changes });
  }
  return sections;
}

function piece(source: Source, { operation, raw, at }: Draft): Piece {
  return new Piece(operation, raw.charCodeAt(0) === 10 ? dedent(raw) : raw, source, at);
}

/** Lines as the command line gives them: nothing is dedented. */
export function argumentPiece(operation: Operator, source: Source, at: Piece["at"]): Piece {
  return new Piece(operation, strip(source.text.slice(at[2], at[3])), source, at);
}
