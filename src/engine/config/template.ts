import { LESS, OPENING_BRACE } from "../characters.js";
import { isSecretName } from "../secret-name.js";
import type { Diagnostic } from "../diagnostic.js";
import { type Span, textOf } from "../text.js";
import { spanWithin } from "./locate.js";
import { configError } from "./mistakes.js";
import type { Substitution, Value } from "./model.js";

/** A piece `$<section:option>` or `${section:option}` of a value. */
export interface Reference {
  /** The section that is meant: the one that holds the value where none is written. */
  readonly section: string;
  readonly option: string;
  /** What stands after `|` in `$<env:NAME|fallback>`. */
  readonly fallback?: string;
  readonly span: Span;
}

/** A value cut into plain texts and references, in order. */
export type Template = readonly (string | Reference)[];

/** Whether a text holds anything that looks like a reference. */
export function hasReference(text: string, substitution: Substitution): boolean {
  // Most texts hold no dollar sign at all.
  const at = text.indexOf("$");
  return at >= 0 && (text.includes("$<", at) || (substitution === "both" && text.includes("${", at)));
}

export interface ParsedTemplate {
  readonly template: Template;
  readonly mistakes: readonly Diagnostic[];
}

/**
 * Cuts a value of `section` into texts and references. `$$` is never collapsed: the text
 * is split on it from the left, and what stands between is looked at piece by piece. Malformed references are mistakes.
 */
export function parseTemplate(value: Value, section: string, substitution: Substitution): ParsedTemplate {
  const { text } = value;
  // Most that hold any are one sound reference and nothing else.
  if (whole.test(text))
    return { template: [new Written(value, section, text.slice(2, -1), 0)], mistakes: NONE };
  const cutter = new Cutter(value, section, substitution);
  cutter.run();
  return cutter;
}

const NONE: readonly never[] = [];

/** Of a sound reference, between its brackets. */
const INNER = "[-a-zA-Z0-9 ._]*:[-a-zA-Z0-9 ._]+";
const whole = new RegExp(`^\\$<${INNER}>$`);

/** A value with more malformed references than this is something else; the first ones tell it. */
const MOST_MISTAKES = 20;

class Cutter implements ParsedTemplate {
  readonly template: (string | Reference)[] = [];
  readonly mistakes: Diagnostic[] = [];
  private readonly value: Value;
  private readonly section: string;
  private readonly substitution: Substitution;
  /** Where the next `}` and `>` are, looked for again only when passed: a long line full of openers costs one search. */
  private brace = -1;
  private angle = -1;

  constructor(value: Value, section: string, substitution: Substitution) {
    this.value = value;
    this.section = section;
    this.substitution = substitution;
  }

  run(): void {
    const { text } = this.value;
    let plain = 0;
    let pieceEnd = endOfPiece(text, 0);
    for (let i = text.indexOf("$"); i >= 0; i = text.indexOf("$", i)) {
      if (i >= pieceEnd) {
        i = pieceEnd + 2;
        pieceEnd = endOfPiece(text, i);
        continue;
      }
      const close = this.closer(text, i);
      if (close >= pieceEnd) {
        i++;
        continue;
      }
      if (i > plain) this.template.push(text.slice(plain, i));
      this.reference(i, close + 1);
      plain = i = close + 1;
    }
    if (plain < text.length) this.template.push(plain === 0 ? text : text.slice(plain));
  }

  /** Where the reference that may open at `at` closes; beyond the text's end where none does: then it is text. */
  private closer(text: string, at: number): number {
    const next = text.charCodeAt(at + 1);
    if (next === LESS) {
      if (this.angle < at) this.angle = orBeyond(text.indexOf(">", at + 2));
      return this.angle;
    }
    if (next !== OPENING_BRACE || this.substitution === "angle") return Number.POSITIVE_INFINITY;
    if (this.brace < at) this.brace = orBeyond(text.indexOf("}", at + 2));
    return this.brace;
  }

  private reference(start: number, end: number): void {
    const inner = this.value.text.slice(start + 2, end - 1);
    const problem = malformed(inner, this.substitution);
    if (problem === undefined) this.template.push(new Written(this.value, this.section, inner, start));
    else if (this.mistakes.length < MOST_MISTAKES) this.mistakes.push(bad(problem, this.value, start, end));
  }
}

function orBeyond(index: number): number {
  return index < 0 ? Number.POSITIVE_INFINITY : index;
}

function endOfPiece(text: string, from: number): number {
  const at = text.indexOf("$$", from);
  return at < 0 ? text.length : at;
}

/** A reference as it stands in a value; where it stands in the file is worked out only for a message. */
class Written implements Reference {
  readonly section: string;
  readonly option: string;
  declare readonly fallback?: string;
  private readonly value: Value;
  private readonly start: number;
  private readonly end: number;

  constructor(value: Value, section: string, inner: string, start: number) {
    const colon = inner.indexOf(":");
    const bar = inner.indexOf("|", colon);
    this.section = colon === 0 ? section : inner.slice(0, colon);
    this.option = bar < 0 ? inner.slice(colon + 1) : inner.slice(colon + 1, bar);
    if (bar >= 0) this.fallback = inner.slice(bar + 1);
    this.value = value;
    this.start = start;
    this.end = start + inner.length + 3;
  }

  get span(): Span {
    return spanWithin(this.value, this.start, this.end);
  }
}

/** A name after `=>`. Where it stands is worked out only for a message. */
export class Dependency implements Reference {
  readonly section: string;
  readonly option = "";
  private readonly value: Value;
  private readonly start: number;
  /** The name stands in the value as it is written, not in what a reference there gave. */
  private readonly plain: boolean;

  constructor(value: Value, { text, start }: { text: string; start: number }, plain: boolean) {
    this.section = text;
    this.value = value;
    this.start = start;
    this.plain = plain;
  }

  get span(): Span {
    return this.plain
      ? spanWithin(this.value, this.start, this.start + this.section.length)
      : this.value.span;
  }
}

const sound = new RegExp(`^${INNER}$`);

/** Why what stands between the brackets is no reference, or undefined. */
function malformed(inner: string, substitution: Substitution): string | undefined {
  if (sound.test(inner)) return undefined;
  const colon = inner.indexOf(":");
  if (colon < 0) return "has no colon between section and option";
  const section = inner.slice(0, colon);
  const rest = inner.slice(colon + 1);
  const bar = rest.indexOf("|");
  const option = bar < 0 ? rest : rest.slice(0, bar);
  if (bar > 0 && section !== "env" && isName(option)) return "has a fallback, which only $<env:…> takes";
  if (bar > 0 && hasReference(rest.slice(bar), substitution))
    return "has a reference in its fallback: references do not nest";
  if (option === "") return "names no option";
  if (option.includes(":")) return "has more than one colon";
  if (!isName(section))
    return "has a character in its section's name that no reference can hold (a-z, A-Z, 0-9, blanks, . _ - are what it can)";
  return isName(option)
    ? undefined
    : "has a character in its option's name that no reference can hold (a-z, A-Z, 0-9, blanks, . _ - are what it can)";
}

/** One line end at the end of a name is taken for a part of it: there is no such option, and the message says so. */
function isName(name: string): boolean {
  return /^[-a-zA-Z0-9 ._]*\n?$/.test(name) && name !== "\n";
}

function bad(problem: string, value: Value, start: number, end: number): Diagnostic {
  const written = value.text.slice(start, end);
  const secret = value.history.some(({ nameSpan }) => nameSpan && isSecretName(textOf(nameSpan)));
  const short = secret
    ? `${written.slice(0, 2)}…${written.slice(-1)}`
    : written.length > 60
      ? `${written.slice(0, 60)}…`
      : written;
  const shell = /^\$\{[A-Za-z_][A-Za-z0-9_]*([:#%/^,@?+=-].*)?\}$/s.test(written);
  const help = shell
    ? [
        `write "$${short}" to hand it to a shell as it is`,
        'or set "substitution = angle" in [buildout], which leaves ${…} alone in the whole configuration',
      ]
    : ["a reference is $<section:option>; $<:option> means the section itself"];
  return configError("bad-interpolation", `the reference ${short} ${problem}`, {
    span: spanWithin(value, start, end),
    help,
  });
}
