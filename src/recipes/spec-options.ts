/** Options whose values the docker room reads: its complaints become complaints about the option. */
import { parseWordList } from "tsbuildout/docker";
import { option, OptionValueError, splitLines, type DecodeContext, type Option } from "tsbuildout/recipe";

type Settings = Omit<Parameters<typeof option.lines>[0], never>;
type Parse<T> = (text: string, context: DecodeContext) => T;

/** One entry a line; nothing written gives an empty list. */
export function linesOf<T>(kind: string, parse: Parse<T>, settings: Settings): Option<readonly T[]> {
  return {
    ...settings,
    kind,
    decode: (text, context) => splitLines(text).map((line) => asValue(() => parse(line, context))),
  };
}

/** One entry a word: for what never holds a blank. */
export function wordsOf<T>(kind: string, parse: Parse<T>, settings: Settings): Option<readonly T[]> {
  return {
    ...settings,
    kind,
    decode: (text, context) =>
      text
        .split(/\s+/)
        .filter((word) => word !== "")
        .map((word) => asValue(() => parse(word, context))),
  };
}

/** One entry; undefined where nothing is written. */
export function oneOf<T>(kind: string, parse: Parse<T>, settings: Settings): Option<T | undefined> {
  return option.custom<T, Settings>(kind, (text, context) => asValue(() => parse(text, context)), settings);
}

/** A text for a shell, in which `$${x}` stands for the shell's own `${x}`. */
export function unescaped<T>(made: Option<T>): Option<T> {
  return {
    ...made,
    decode: (text, context) =>
      made.decode(
        text.replaceAll("$${", () => "${"),
        context,
      ),
  };
}

/** A command: words as a shell splits them, or a JSON list of them. */
export function commandOf(settings: Settings): Option<readonly string[]> {
  const words = option.words(settings);
  return {
    ...words,
    decode: (text, context) => asValue(() => parseWordList(text)) ?? words.decode(text, context),
  };
}

/** A duration for which the docker CLI takes any negative number of seconds as "without end". */
export function orForever<T>(made: Option<T | number>): Option<T | number> {
  return {
    ...made,
    decode: (text, context) => (/^-\d+$/.test(text) ? Number(text) * 1000 : made.decode(text, context)),
  };
}

/** A problem of a spec (told by its name: the docker room may be another copy) is a problem of the option. */
function asValue<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Error && error.name === "SpecError" && "help" in error)
      throw new OptionValueError(error.message, error.help as readonly string[]);
    throw error;
  }
}

/** Pairs as the API takes them; a bare key has the empty text. */
export function recordOf(pairs: readonly (readonly [string, string | undefined])[]): Record<string, string> {
  return Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ""]));
}

/** Nothing is said of an empty list, so that the engine's own default stands. */
export function list<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}

/** Leaves out what is undefined, so that the engine's own default stands. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
