import type { Diagnostic } from "./diagnostic.js";
import { hasHole } from "./hole.js";
import { hideSpan } from "./hidden.js";
import { factsOf } from "./facts.js";
import { ENGINE_OPTIONS, type EngineOptions, type Text } from "./part.js";
import { withoutQuotes } from "./quotes.js";
import type { LoadedRecipe } from "./registry.js";
import { type DecodeContext, type Option, OptionValueError, type Schema, splitLines } from "./schema.js";
import { suggest } from "./suggest.js";
import type { Span } from "./text.js";

/** Where to look up and point to a part's options. */
export interface OptionSource {
  readonly name: string;
  readonly texts: ReadonlyMap<string, Text>;
  span(option: string, said?: string): Span | undefined;
  /** Where the option's name is written. */
  nameSpan(option: string): Span | undefined;
}

export interface Decoded {
  readonly values: Readonly<Record<string, unknown>>;
  /** Options that wait for another part. */
  readonly unknown: ReadonlySet<string>;
  readonly mistakes: readonly Diagnostic[];
  /** Of values that fit, and hardly say what is meant. */
  readonly warnings: readonly Diagnostic[];
}

/** Decodes what the schema declares; collects every mistake. Options with holes are left out and named. */
export function decodeOptions(schema: Schema, source: OptionSource, context: DecodeContext): Decoded {
  const values: Record<string, unknown> = {};
  const unknown = new Set<string>();
  const mistakes: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  for (const name of Object.keys(schema)) {
    const option = schema[name]!;
    const text = source.texts.get(name)?.text;
    if (text !== undefined && hasHole(text)) unknown.add(name);
    else if (option.required && (text === undefined || text === "")) mistakes.push(missing(name, source));
    else {
      const value = decodeOne(name, option, text, { source, context, mistakes });
      if (value !== undefined) values[name] = value;
      if (option.kind === "pairs" && text?.includes(" ")) warnings.push(...crowded(name, text, source));
    }
  }
  return { values, unknown, mistakes, warnings };
}

/** Words that are all pairs, as `docker run -e` and a shell have them one after the other: `A=1 B=2`. */
const PAIRS = /^[A-Za-z_][\w.-]*=[^\s=,"']*(?:\s+[A-Za-z_][\w.-]*=[^\s=,"']*)+$/;

/** What is one pair whose value has others in it: written on one line, where each has its own. */
function crowded(name: string, text: string, source: OptionSource): Diagnostic[] {
  const lines = splitLines(text).filter((line) => PAIRS.test(line));
  return lines.map((line) => {
    const [first = "", second = ""] = line.split(/\s+/).map((pair) => pair.slice(0, pair.indexOf("=")));
    const span = source.span(name, `"${line}"`);
    return {
      severity: "warning",
      code: "option/one-line",
      message: `${name}: the value of ${first} has the rest of the line in it, ${second}= and all`,
      part: source.name,
      ...(span && { span }),
      help: ["write NAME=VALUE, one a line"],
    };
  });
}

function decodeOne(
  name: string,
  option: Option<unknown>,
  text: string | undefined,
  to: { source: OptionSource; context: DecodeContext; mistakes: Diagnostic[] },
): unknown {
  try {
    // Lists decode an empty text to an empty list, others to undefined.
    return option.decode(text ?? "", to.context);
  } catch (error) {
    if (!isValueError(error)) throw error;
    const shown = option.secret ? `${name} has a value that does not fit` : `${name}: ${error.message}`;
    to.mistakes.push(
      mistake(to.source, name, { code: "option/value", message: shown, help: error.help ?? [] }),
    );
    return undefined;
  }
}

/** By name: a recipe package may bring its own copy of the class. A plain Error is one somebody threw on purpose. */
function isValueError(error: unknown): error is Error & { readonly help?: OptionValueError["help"] } {
  return error instanceof Error && ["OptionValueError", "Error"].includes(error.name);
}

function missing(name: string, source: OptionSource): Diagnostic {
  return mistake(source, name, {
    code: "option/required",
    message: `[${source.name}] needs the option ${name}`,
    help: [],
  });
}

function mistake(
  source: OptionSource,
  option: string,
  what: { code: string; message: string; help: readonly string[] },
): Diagnostic {
  const span = source.span(option, what.message) ?? source.span("recipe");
  return withoutQuotes({ severity: "error", ...what, part: source.name, ...(span && { span }) });
}

const ENGINE_NAMES = Object.keys(ENGINE_OPTIONS);
const PLAIN: EngineOptions = { keep: false, keepOnError: false, timeout: undefined, replace: false };
const KEPT: EngineOptions = { ...PLAIN, keep: true };

/** The engine's own options of a part. */
export function decodeEngineOptions(
  loaded: LoadedRecipe,
  source: OptionSource,
  context: DecodeContext,
): { engine: EngineOptions; mistakes: readonly Diagnostic[] } {
  const keep = loaded.recipe.keep ?? false;
  if (!ENGINE_NAMES.some((name) => source.texts.has(name)))
    return { engine: keep ? KEPT : PLAIN, mistakes: [] };
  const { values, unknown, mistakes } = decodeOptions(ENGINE_OPTIONS, source, context);
  const late = [...unknown].map((name) =>
    mistake(source, name, {
      code: "option/value",
      message: `${name} cannot wait for another part's install`,
      help: [],
    }),
  );
  const given = source.texts.get("keep")?.text;
  const engine: EngineOptions = {
    keep: given === undefined ? keep : values["keep"] === true,
    keepOnError: values["keep-on-error"] === true,
    timeout: values["timeout"] as number | undefined,
    replace: values["replace"] === true,
  };
  return { engine, mistakes: [...mistakes, ...late] };
}

/** Options that nobody declares and nobody refers to: most likely misspelt. */
export function unknownOptions(
  loaded: LoadedRecipe,
  source: OptionSource,
  settings: { readonly strict: boolean; isReferred(option: string): boolean },
): Diagnostic[] {
  const { known, secretNames } = factsOf(loaded.recipe);
  const own = settings.strict ? [] : (loaded.recipe.ownNames ?? []);
  const strangers: string[] = [];
  for (const name of source.texts.keys())
    if (!known.has(name) && !settings.isReferred(name) && !own.some((start) => name.startsWith(start)))
      strangers.push(name);
  return strangers.map((name) => {
    const span = source.nameSpan(name);
    const meant = suggest(name, known);
    const help = meant === undefined ? [] : [`did you mean "${meant}"?`];
    const value = source.span(name);
    // A secret under a misspelt name is one all the same.
    if (value && meant !== undefined && secretNames.has(meant)) hideSpan(value);
    return {
      // A name may be the user's own, for references that come later.
      severity: settings.strict ? "error" : "warning",
      code: "option/unknown",
      message: `${loaded.spec} has no option "${name}"`,
      part: source.name,
      ...(span && { span }),
      help,
    };
  });
}
