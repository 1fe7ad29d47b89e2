import type { Section } from "./config/model.js";
import type { SectionReference } from "./config/resolve.js";
import type { Recipe } from "./contract.js";
import { factsOf } from "./facts.js";
import { MASK } from "./redact.js";
import { isSecretName } from "./secret-name.js";
import { lineAt, lineStart, type Source, type Span } from "./text.js";

/** What stands in a source and must not be shown, because a recipe's schema says that it is secret. */
const hidden = new WeakMap<Source, Span[]>();

/** `name = value` with its operator, or what was meant to be; on the command line with its section. */
const OPTION = /^\s*(?:[^\s=:[\]]+:(?=\S))?([^\s=:[\]<>!~]+?)\s*(?:[-+<>!~]?=|:\s)\s*/;
/**
 * In an address. It may hold an `@` itself, or a slash, with which it is no address any more and comes up in a message; not
 * what begins with a port. And who gives a web server a name alone gives a token.
 */
const PASSWORD = /(?<=:\/\/[^\s/@:]*:)(?:[^\s/]+|(?!\d+\b)[^\s@"'<>]+)(?=@)|(?<=https?:\/\/)[^\s/@:]+(?=@)/g;
/** In what has any of these, or a name of a secret. */
const MAYBE = /pass|secret|token|credential|key|@/i;
/** In the midst of a line: `o=username=me,password=…`, `export TOKEN=…`, `?user=me&password=…`. */
const NAME = /(?<![^\s,;&?"'=])([^\s,;&?"'=]{1,80})=/g;
const VALUE = /"[^"]*"|'[^']*'|[^\s,;&"']+/y;
/** What stands in for a variable of the environment. */
const FALLBACK = /(?<=\$[<{]env:([\w .-]+)\|)[^>}]+/g;
/** Values have a few lines; further up nobody looks for the option that a line belongs to. */
const FURTHEST = 200;
/** A reference shows no secret, unless it has a fallback. */
const REFERENCE = /(\$[<{][\w .-]*:[\w .-]+[>}])/;

interface Within {
  readonly sections: ReadonlyMap<string, Section>;
  readonly references: (section: string) => readonly SectionReference[];
}

/** Hides what a part's secret options say, and what they refer to, wherever that was written. */
export function hideSecrets(part: string, recipe: Recipe | undefined, within: Within): void {
  for (const option of recipe ? factsOf(recipe).secretNames : []) hideOption(part, option, within);
}

function hideOption(part: string, name: string, { sections, references }: Within): void {
  const seen = new Set<string>();
  const hide = (section: string, option: string): void => {
    const value = sections.get(section)?.options.get(option);
    if (!value || seen.has(`${section}\n${option}`)) return;
    seen.add(`${section}\n${option}`);
    for (const { span } of [value, ...value.history]) hideSpan(span);
    for (const { option: from, reference } of references(section))
      if (from === option) hide(reference.section, reference.option);
  };
  hide(part, name);
}

/** What these sections refer to that is a secret by its name alone, a variable or an option of a plain section: what a
 *  container is given it may print. */
export function* namedSecrets(
  names: Iterable<string>,
  { sections, references }: Within,
  env: Readonly<Record<string, string | undefined>>,
): Iterable<string> {
  for (const name of names)
    for (const { reference } of sections.has(name) ? references(name) : []) {
      const { section, option } = reference;
      if (!isSecretName(option)) continue;
      const options = sections.get(section)?.options;
      const variable = section === "env" && !options ? env[option] : undefined;
      const text = variable ?? (options?.has("recipe") ? undefined : options?.get(option)?.text);
      if (text !== undefined) yield text;
    }
}

export function hideSpan(span: Span): void {
  const known = hidden.get(span.source);
  if (!known) hidden.set(span.source, [span]);
  else if (!known.some(({ start, end }) => start === span.start && end === span.end)) known.push(span);
}

/** A line, or a source without lines, with what is marked in it. */
export interface Marked {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The same without secrets; what is marked stays marked. @param offset where the text begins in its source */
export function withoutSecrets(source: Source, offset: number, { text, start, end }: Marked): Marked {
  const ranges = rangesIn(source, offset, text);
  if (ranges.length === 0) return { text, start, end };
  const before = masked(text, ranges, 0, start);
  const inside = masked(text, ranges, start, end);
  const after = masked(text, ranges, end, text.length);
  const from = before.length;
  return { text: before + inside + after, start: from, end: from + inside.length };
}

/**
 * A value with something else in the place of the secrets that stand in its midst: what follows a name that says that it
 * is one (`DB_PASSWORD=…`), and passwords of addresses.
 */
export function replaceSecrets(text: string, replace: (secret: string) => string): string {
  if (!mayHaveSecrets(text)) return text;
  const lines = text.split("\n").map((line) => {
    const own = OPTION.exec(line);
    if (!own || !isSecretName(own[1]!)) return replaceRanges(line, secretsIn(line), replace);
    return own[0].length < line.length ? own[0] + replace(line.slice(own[0].length)) : line;
  });
  return lines.join("\n");
}

/** A value with `***` in the place of each of those. */
export function openly(text: string): string {
  return replaceSecrets(text, () => MASK);
}

/** Whether there is anything to look for: in most values there is not. */
function mayHaveSecrets(text: string): boolean {
  return /[=:]/.test(text) && MAYBE.test(text);
}

type Range = readonly [from: number, to: number];

/** How a secret that is written out may come to be printed: without its quotes, and without what follows it on a line of
 *  a script. Not `postgres` or `changeme`, which would blot out what has nothing to do with it and hides nothing from
 *  anybody, and not a shell's `$(…)`, which is not the secret itself. */
export function spellings(secret: string): string[] {
  VALUE.lastIndex = 0;
  return [secret, VALUE.exec(secret)?.[0] ?? ""]
    .map((text) => text.replace(/^(["'])(.*)\1$/s, "$2"))
    .filter((text) => text.length >= 8 && /[^a-z]/i.test(text) && !text.includes("$"));
}

/** Passwords of addresses, and what follows a name of a secret, in order. */
function secretsIn(line: string): Range[] {
  const found: Range[] = [];
  for (const { index, 0: password } of line.matchAll(PASSWORD)) found.push([index, index + password.length]);
  for (const { index, 0: before, 1: name } of line.matchAll(NAME)) {
    if (!isSecretName(name!)) continue;
    VALUE.lastIndex = index + before.length;
    if (VALUE.test(line)) found.push([index + before.length, VALUE.lastIndex]);
  }
  return found.sort(([a], [b]) => a - b);
}

/** What a recipe or an engine says, without the passwords that stand in its midst: those of others, too, of which no file
 *  tells. */
export function withoutPasswords(text: string): string {
  if (!mayHaveSecrets(text)) return text;
  return text
    .split("\n")
    .map((line) => replaceRanges(line, secretsIn(line), () => MASK))
    .join("\n");
}

function replaceRanges(line: string, ranges: readonly Range[], replace: (secret: string) => string): string {
  let out = "";
  let at = 0;
  for (const [from, to] of ranges) {
    if (to <= at) continue;
    out += line.slice(at, Math.max(at, from)) + replace(line.slice(Math.max(at, from), to));
    at = to;
  }
  return out + line.slice(at);
}

/** The pieces of a line that are secret, in order. */
function rangesIn(source: Source, offset: number, text: string): Range[] {
  const said = (hidden.get(source) ?? []).flatMap(({ start, end }): Range[] => {
    const range: Range = [Math.max(0, start - offset), Math.min(text.length, end - offset)];
    return range[0] < range[1] ? [range] : [];
  });
  const named = secretFrom(source, offset, text);
  const ranges: Range[] = [...said, ...secretsIn(text)];
  if (named !== undefined) ranges.push([named, text.length]);
  for (const { index, 0: fallback, 1: variable } of text.matchAll(FALLBACK))
    if (isSecretName(variable!)) ranges.push([index, index + fallback.length]);
  return ranges.sort(([a], [b]) => a - b);
}

/** Where the secret begins in a line of an option that is one by its name. */
function secretFrom(source: Source, offset: number, text: string): number | undefined {
  const own = OPTION.exec(text);
  if (own && isSecretName(own[1]!)) return own[0].length;
  // A line that is nothing at all may have lost its indentation.
  if (source.lineless || (own?.index === 0 && !/^\s/.test(text)) || /^\[[^\]]*\]/.test(text))
    return undefined;
  const last = lineAt(source, offset) - 1;
  for (let line = last; line > Math.max(0, last - FURTHEST); line--) {
    const start = lineStart(source, line);
    const above = source.text.slice(start, start + 400);
    if (/^[#;\s]/.test(above)) continue;
    return isSecretName(OPTION.exec(above)?.[1] ?? "") ? text.search(/\S|$/) : undefined;
  }
  return undefined;
}

function masked(text: string, ranges: readonly Range[], from: number, to: number): string {
  let out = "";
  let at = from;
  for (const [start, end] of ranges) {
    if (end <= at || start >= to) continue;
    out +=
      text.slice(at, Math.max(at, start)) + maskedPiece(text.slice(Math.max(at, start), Math.min(to, end)));
    at = Math.min(to, end);
  }
  return out + text.slice(at, to);
}

function maskedPiece(secret: string): string {
  return secret
    .split(REFERENCE)
    .map((piece, i) => (i % 2 === 1 ? piece : piece.replace(/\S.*\S|\S/s, MASK)))
    .join("");
}
