import {
  type Entry,
  type HistoryEntry,
  isSilent,
  openResolver,
  lineAt,
  place,
  type Resolver,
} from "../../index.js";
import { UsageError } from "../args.js";
import { EXIT, type Invocation, type Output } from "../command.js";
import { configuredBy, readConfiguration } from "../configuration.js";
import { asText, told } from "./query.js";

/** Shows options with their values and where these come from: all sections, or those named. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, globals, io } = invocation;
  const option = args.find((name) => name.includes(":"));
  if (option !== undefined)
    throw new UsageError(`annotate shows sections, and "${option}" is an option`, [
      `tsbuildout query ${option}`,
    ]);
  const config = await readConfiguration(invocation);
  const names = args.length > 0 ? [...new Set(args)] : [...config.sections.keys()].sort();
  const verbose = globals.verbosity > 0;
  // In the order of the files, where most sections refer to earlier ones.
  const sections = args.length > 0 ? names : [...config.sections.keys()];
  const resolver = await openResolver(config, {
    sections,
    env: io.env,
    cwd: io.cwd,
    defaults: verbose,
    configured: configuredBy(invocation),
  });
  resolver.check(sections);
  const shown: Shown = { resolver, names, verbose };
  await say(globals.json ? json(shown) : text(shown), io.out);
  return EXIT.done;
}

/** Whoever reads takes it while the next piece is made: all of it is never held in memory. */
async function say(pieces: Iterable<string>, out: Output): Promise<void> {
  let waiting = 0;
  for (const piece of pieces) {
    out.write(piece);
    waiting += piece.length;
    if (waiting < MOST_WAITING) continue;
    waiting = 0;
    await out.drained?.();
  }
}

/** In characters. */
const MOST_WAITING = 1 << 18;

interface Shown {
  readonly resolver: Resolver;
  readonly names: readonly string[];
  readonly verbose: boolean;
}

/** What is shown of a section, in order. */
function shownOf({ resolver, verbose }: Shown, section: string): Entry[] {
  const entries = resolver.entries(section);
  return verbose || section !== "buildout"
    ? entries
    : entries.filter(({ option, value }) => !isSilent(option, value));
}

/** Nothing that JSON escapes. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

// Put together by hand: for ten thousand parts, building objects only to turn them into text takes longer than
// everything before it.
function* json(shown: Shown): Generator<string> {
  yield '{"sections":{';
  let comma = "";
  for (const name of shown.names) {
    let found = `${comma}${quote(name)}:{`;
    comma = "";
    for (const entry of shownOf(shown, name)) {
      found += comma + optionJson(entry);
      comma = ",";
    }
    yield `${found}}`;
    comma = ",";
  }
  yield "}}\n";
}

/** What is said of thousands of options again is put together once. */
function memo(make: (name: string) => string): (name: string) => string {
  const made = new Map<string, string>();
  return (name) => {
    let known = made.get(name);
    if (known === undefined) made.set(name, (known = make(name)));
    return known;
  };
}

const opening = memo((option) => `${JSON.stringify(option)}:{"value":`);
const openingSource = memo((name) => `,"source":${JSON.stringify(name).slice(0, -1)}:`);

function optionJson({ option, resolved, value }: Entry): string {
  const { history } = value;
  const { secret, text } = resolved;
  const shown =
    text === null ? `null,"unknown":${JSON.stringify(resolved.unknown)}` : quote(told(text, secret));
  const source = sourceOf(value);
  const now = shown + source;
  const only = history[0];
  // Most values are written once, and without a reference: what was said of them is said again.
  const steps =
    history.length === 1 && only
      ? step(only, only.text === text ? now : hidden(only, secret) + source)
      : history.map((one) => step(one, hidden(one, secret) + sourceOf(one))).join(",");
  return `${opening(option)}${now},"history":[${steps}]}`;
}

function step({ operation }: HistoryEntry, said: string): string {
  return `{"operation":"${operation}","value":${said}}`;
}

function hidden({ text }: HistoryEntry, secret: boolean): string {
  return quote(told(text, secret));
}

function sourceOf({ span: { source, start } }: Pick<HistoryEntry, "span">): string {
  return source.lineless
    ? `,"source":${quote(source.name)}`
    : `${openingSource(source.name)}${lineAt(source, start)}"`;
}

function* text(shown: Shown): Generator<string> {
  let gap = "";
  for (const name of shown.names) {
    const found = shownOf(shown, name).map((entry) => {
      const { option, resolved, value } = entry;
      const after = shown.verbose ? history(entry) : `    ${sources(value.history)}\n`;
      return assignment(option, asText(resolved)) + after;
    });
    yield `${gap}[${name}]\n${found.join("")}`;
    gap = "\n";
  }
}

/** As it could stand in a file: several lines as a block. */
function assignment(option: string, text: string): string {
  return text.includes("\n")
    ? `${option} =\n${indented(text, "  ")}`
    : `${option} = ${text}`.trimEnd() + "\n";
}

function indented(text: string, margin: string): string {
  return text
    .split("\n")
    .map((line) => `${margin}${line}`.trimEnd() + "\n")
    .join("");
}

/** Where the value that counts was set, then what added to it and removed from it. */
function sources(history: readonly HistoryEntry[]): string {
  const from = history.findLastIndex(
    ({ operation }) => !["+=", "-=", "macro", "directory"].includes(operation),
  );
  return history
    .slice(Math.max(0, from))
    .filter(({ operation }) => operation !== "directory")
    .map(({ operation, span, text }) => {
      if (operation === "macro") return `copied as [${text}] by ${place(span)}`;
      return operation === "+=" || operation === "-=" ? `${operation} ${place(span)}` : place(span);
    })
    .join(", ");
}

/** The newest step first. */
function history({ resolved, value }: Entry): string {
  const steps = value.history.toReversed().map(({ operation, text, span }) => {
    const shown = operation === "macro" ? text : told(text, resolved.secret);
    const head = `    ${place(span)}: ${operation}`;
    return shown.includes("\n")
      ? `${head}\n${indented(shown, "      ")}`
      : `${head} ${shown}`.trimEnd() + "\n";
  });
  return steps.join("");
}
