import type { Diagnostic } from "../diagnostic.js";
import type { Span } from "../text.js";
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

const BRACE = 123;
const ANGLE = 60;

/** Whether a text holds anything that looks like a reference. */
export function hasReference(text: string, substitution: Substitution): boolean {
  return text.includes("$<") || (substitution === "both" && text.includes("${"));
}

export interface ParsedTemplate {
  readonly template: Template;
  readonly mistakes: readonly Diagnostic[];
}

/**
 * Cuts a value of `section` into texts and references (LANGUAGE, rules 24 and 25). `$$` is never collapsed: the text
 * is split on it from the left, and what stands between is looked at piece by piece. Malformed references are mistakes.
 */
export function parseTemplate(value: Value, section: string, substitution: Substitution): ParsedTemplate {
  const { text } = value;
  if (!hasReference(text, substitution)) return { template: [text], mistakes: [] };
  const parts: (string | Reference)[] = [];
  const mistakes: Diagnostic[] = [];
  let plain = 0;
  for (const { start, end } of references(text, substitution)) {
    if (start > plain) parts.push(text.slice(plain, start));
    plain = end;
    const problem = malformed(text.slice(start + 2, end - 1));
    if (problem === undefined) parts.push(new Written(value, section, start, end));
    else if (mistakes.length < MOST_MISTAKES) mistakes.push(bad(problem, value, start, end));
  }
  if (plain < text.length) parts.push(text.slice(plain));
  return { template: parts, mistakes };
}

/** A value with more malformed references than this is something else; the first ones tell it. */
const MOST_MISTAKES = 20;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where references stand. An unterminated one is text. */
function* references(text: string, substitution: Substitution): Generator<Range> {
  let pieceEnd = endOfPiece(text, 0);
  // The next closing bracket of each kind: looked for again only when it is passed, so that a long line full of
  // openers without a closer costs one search.
  const closers = { "}": -2, ">": -2 };
  const closer = (close: "}" | ">", from: number): number => {
    if (closers[close] !== -1 && closers[close] < from) closers[close] = text.indexOf(close, from);
    return closers[close];
  };
  for (let i = text.indexOf("$"); i >= 0; i = text.indexOf("$", i)) {
    if (i >= pieceEnd) {
      i = pieceEnd + 2;
      pieceEnd = endOfPiece(text, i);
      continue;
    }
    const next = text.charCodeAt(i + 1);
    const close = next === ANGLE ? ">" : next === BRACE && substitution === "both" ? "}" : undefined;
    const end = close === undefined ? -1 : closer(close, i + 2);
    if (end < 0 || end >= pieceEnd) i++;
    else {
      yield { start: i, end: end + 1 };
      i = end + 1;
    }
  }
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

  constructor(value: Value, section: string, start: number, end: number) {
    const inner = value.text.slice(start + 2, end - 1);
    const colon = inner.indexOf(":");
    const bar = inner.indexOf("|", colon);
    this.section = inner.slice(0, colon) || section;
    this.option = bar < 0 ? inner.slice(colon + 1) : inner.slice(colon + 1, bar);
    if (bar >= 0) this.fallback = inner.slice(bar + 1);
    this.value = value;
    this.start = start;
    this.end = end;
  }

  get span(): Span {
    return spanWithin(this.value, this.start, this.end);
  }
}

/** Why what stands between the brackets is no reference, or undefined. */
function malformed(inner: string): string | undefined {
  const colon = inner.indexOf(":");
  if (colon < 0) return "has no colon between section and option";
  const section = inner.slice(0, colon);
  const rest = inner.slice(colon + 1);
  const bar = rest.indexOf("|");
  const option = bar >= 0 && section === "env" ? rest.slice(0, bar) : rest;
  if (option === "") return "names no option";
  if (option.includes(":")) return "has more than one colon";
  if (!isName(section)) return "has a character in its section's name that no reference can hold";
  return isName(option) ? undefined : "has a character in its option's name that no reference can hold";
}

/** One line end at the end of a name is taken for a part of it: there is no such option, and the message says so. */
function isName(name: string): boolean {
  return /^[-a-zA-Z0-9 ._]*\n?$/.test(name) && name !== "\n";
}

function bad(problem: string, value: Value, start: number, end: number): Diagnostic {
  const written = value.text.slice(start, end);
  const short = written.length > 60 ? `${written.slice(0, 60)}…` : written;
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
