import { resolve } from "node:path";
import { splitWords } from "./words.js";

/** What decoding an option's text may need besides the text. */
export interface DecodeContext {
  /** The buildout's directory, absolute: relative paths start there. */
  readonly directory: string;
  readonly home: string;
}

/** One option of a recipe. What an option says is said here once: the schema drives decoding, validation,
 *  suggestions, defaults, the reference pages and redaction. */
export interface Option<T> {
  /** How reference pages name the form of the value: `string`, `boolean`, `lines`, … */
  readonly kind: string;
  readonly doc: string;
  /** In the language itself, so it may hold references: `$<buildout:parts-directory>/x`. Visible to other parts. */
  readonly default?: string;
  readonly required?: boolean;
  /** Never printed, recorded only as a keyed hash; secrecy follows the value through interpolation. */
  readonly secret?: boolean;
  /** A change is applied by the recipe's update; anything else takes an uninstall and an install. */
  readonly inPlace?: boolean;
  /** Other names of the same option; a reference to any of the names finds the value. */
  readonly aliases?: readonly string[];
  readonly choices?: readonly string[];
  /** Throws OptionValueError for a text that does not fit. */
  decode(text: string, context: DecodeContext): T;
}

/** Option's name -> option, of one recipe. */
export type Schema = Readonly<Record<string, Option<unknown>>>;
/** The decoded values of a schema's options. */
export type OptionsOf<S extends Schema> = {
  readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never;
};

/** A value that does not fit its option; the engine adds the option's name and its place in the file. */
export class OptionValueError extends Error {
  override readonly name = "OptionValueError";
  readonly help: readonly string[];
  constructor(message: string, help: readonly string[] = []) {
    super(message);
    this.help = help;
  }
}

export type Settings = Omit<Partial<Option<unknown>>, "kind" | "doc" | "decode"> & { readonly doc: string };
/** Settings by their right names alone: the compiler lets others pass where it works out what they are. */
type Exactly<C> = C & Readonly<Record<Exclude<keyof C, keyof Settings>, never>>;
/** An option with a default, or a required one, always has a value. */
type Value<T, C> = C extends { readonly default: string } | { readonly required: true } ? T : T | undefined;

function scalar<T>(kind: string, parse: (text: string, context: DecodeContext) => T) {
  return <const C extends Settings>(settings: Exactly<C>): Option<Value<T, C>> => {
    // In plain JavaScript there may be none.
    const option = { ...settings };
    return {
      ...option,
      kind,
      decode: (text, context) =>
        (text === "" && option.default === undefined ? undefined : parse(text, context)) as Value<T, C>,
    };
  };
}

/** One for all: of the lists that a recipe knows, a part has few, and there may be many parts. */
const EMPTY: readonly never[] = Object.freeze([]);

function list<T>(kind: string, parse: (text: string) => T[]) {
  return (settings: Settings): Option<readonly T[]> => ({
    ...settings,
    kind,
    decode: (text) => (text === "" ? EMPTY : parse(text)),
  });
}

function fail(message: string, ...help: string[]): never {
  throw new OptionValueError(message, help);
}

/** Whether a text says yes in the way of every boolean option; one that is not set says neither yes nor no. */
export function isTrue(text: string | undefined): boolean {
  return /^(true|yes|on|1)$/i.test(text ?? "");
}

/** Whether it says no in that way; an empty text says neither. */
export function isFalse(text: string | undefined): boolean {
  return /^(false|no|off|0)$/i.test(text ?? "");
}

function parseBoolean(text: string): boolean {
  if (isTrue(text)) return true;
  if (isFalse(text) || text === "") return false;
  return fail(`"${text}" is neither true nor false`, "write true or false");
}

function parseInteger(text: string): number {
  return /^[-+]?\d+$/.test(text) ? Number(text) : fail(`"${text}" is not a whole number`);
}

function parseNumber(text: string): number {
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : fail(`"${text}" is not a number`);
}

const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90`, `1m30s`, `500ms` -> milliseconds; a bare number counts seconds. */
export function parseDuration(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h|d))+$/.test(text))
    return fail(`"${text}" is not a duration`, "write seconds, or a number with ms, s, m, h or d: 1m30s");
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)/g))
    sum += Number(number) * MILLISECONDS[unit!]!;
  return sum;
}

/** `512m`, `.5g`, `64 KiB`, `1e6` -> bytes, in powers of 1024, as the docker CLI reads and rounds them; -1 stays. */
export function parseSize(text: string): number {
  if (text === "-1") return -1;
  const match = /^(\+?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([bkmgtp]?)(i?b)?$/i.exec(text);
  if (!match)
    return fail(`"${text}" is not a size`, "write bytes, or a number with b, k, m, g, t or p: 512m");
  return Math.floor(Number(match[1]) * 1024 ** "bkmgtp".indexOf((match[2] || "b").toLowerCase()));
}

function parsePath(text: string, context: DecodeContext): string {
  const path = text === "~" || text.startsWith("~/") ? context.home + text.slice(1) : text;
  return resolve(context.directory, path);
}

/** The lines of a value, trimmed, without empty ones. */
export function splitLines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function parseWords(text: string): string[] {
  try {
    return splitWords(text);
  } catch (error) {
    return fail((error as Error).message, "close the quotation, or protect the quote with a backslash");
  }
}

/**
 * `KEY=VALUE` a line, split at the first `=`; a bare KEY has no value here (it comes from the environment). A value is taken
 * as it stands, so that `KEY = VALUE`, written like an option, would be another key than the one that is meant.
 */
function parsePairs(text: string): (readonly [string, string | undefined])[] {
  return splitLines(text).map((line) => {
    const at = line.indexOf("=");
    if (at === 0) return fail(`"${line}" has no name before "="`, "write NAME=VALUE, one a line");
    if (at < 0 && /\s/.test(line)) return fail(`"${line}" has no "="`, "write NAME=VALUE, one a line");
    if (at < 0) return [line, undefined];
    const name = line.slice(0, at);
    if (/\s$/.test(name))
      return fail(`"${name.trimEnd()}" has a blank before its "="`, "write NAME=VALUE, one a line");
    return [name, line.slice(at + 1)];
  });
}

/** The builders of options. Values: in bytes (size), milliseconds (duration), absolute paths (path). */
export const option = {
  string: scalar("string", (text) => text),
  boolean: scalar("boolean", parseBoolean),
  integer: scalar("integer", parseInteger),
  number: scalar("number", parseNumber),
  duration: scalar("duration", parseDuration),
  size: scalar("size", parseSize),
  path: scalar("path", parsePath),
  /** A script, as written; `$$` becomes `$`. */
  script: scalar("script", (text) => text.replaceAll("$$", () => "$")),
  /** Words as a shell splits them. */
  words: list("words", parseWords),
  /** One entry a line, trimmed, without empty lines. */
  lines: list("lines", splitLines),
  /** `KEY=VALUE` a line; undefined where a line has only KEY. */
  pairs: list("pairs", parsePairs),
  choice<const V extends string, const C extends Settings>(
    choices: readonly V[],
    settings: Exactly<C>,
  ): Option<Value<V, C>> {
    const parse = (text: string): V =>
      choices.find((choice) => choice === text) ??
      fail(`"${text}" is not one of ${choices.join(", ")}`, `write one of ${choices.join(", ")}`);
    return { ...scalar("choice", parse)(settings), choices };
  },
  /** Any other form: `parse` throws OptionValueError, which may say what to do, or an Error. An empty text without default gives undefined. */
  custom<T, const C extends Settings>(
    kind: string,
    parse: (text: string, context: DecodeContext) => T,
    settings: Exactly<C>,
  ): Option<Value<T, C>> {
    return scalar(kind, parse)(settings);
  },
};
