import {
  type Config,
  type HistoryEntry,
  isSilent,
  openResolver,
  place,
  type Resolved,
  type Resolver,
  type Value,
} from "../../index.js";
import { EXIT, type Invocation, type Output } from "../command.js";
import { readConfiguration } from "../configuration.js";
import { asText } from "./query.js";

/** Shows options with their values and where these come from: all sections, or those named. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, globals, io } = invocation;
  const config = await readConfiguration(invocation);
  const names = args.length > 0 ? [...new Set(args)] : [...config.sections.keys()].sort();
  const verbose = globals.verbosity > 0;
  const resolver = await openResolver(config, {
    sections: names,
    env: io.env,
    cwd: io.cwd,
    defaults: verbose,
  });
  resolver.check(names);
  const shown: Shown = { config, resolver, names, verbose };
  const writer = new Writer(io.out);
  if (globals.json) await json(shown, writer);
  else await text(shown, writer);
  await writer.flush();
  return EXIT.done;
}

interface Shown {
  readonly config: Config;
  readonly resolver: Resolver;
  readonly names: readonly string[];
  readonly verbose: boolean;
}

interface Line {
  readonly option: string;
  readonly resolved: Resolved;
  readonly value: Value;
}

/** What is shown of a section, in order, each line as `write` has it. */
function lines({ config, resolver, verbose }: Shown, section: string, write: (line: Line) => string): string {
  const options = config.sections.get(section)?.options;
  let found = "";
  for (const [option, resolved] of resolver.section(section)) {
    const value = options?.get(option) ?? resolver.written(section, option);
    if (value && (verbose || section !== "buildout" || !isSilent(option, value)))
      found += write({ option, resolved, value });
  }
  return found;
}

/** One write for each line would cost more than everything else. */
class Writer {
  private readonly output: Output;
  private pending = "";

  constructor(output: Output) {
    this.output = output;
  }

  write(text: string): void {
    this.pending += text;
  }

  get full(): boolean {
    return this.pending.length > 1 << 17;
  }

  /** Whoever reads takes it while the next piece is made. */
  async flush(): Promise<void> {
    if (this.pending !== "") this.output.write(this.pending);
    this.pending = "";
    await this.output.drained?.();
  }
}

const HIDDEN = "***";

/** Nothing that JSON escapes. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

// Put together by hand: for ten thousand parts, building objects only to turn them into text takes longer than
// everything before it.
async function json(shown: Shown, writer: Writer): Promise<void> {
  writer.write('{"sections":{');
  let comma = "";
  for (const name of shown.names) {
    let between = "";
    const entries = lines(shown, name, (line) => {
      const text = between + entry(line);
      between = ",";
      return text;
    });
    writer.write(`${comma}${quote(name)}:{${entries}}`);
    comma = ",";
    if (writer.full) await writer.flush();
  }
  writer.write("}}\n");
}

function entry({ option, resolved, value }: Line): string {
  const { history } = value;
  const [only] = history;
  const source = quote(place(value.span));
  const steps =
    history.length === 1 && only
      ? step(only, resolved.secret, source)
      : history.map((s) => step(s, resolved.secret)).join(",");
  const unknown = resolved.text === null ? `,"unknown":${JSON.stringify(resolved.unknown)}` : "";
  const shown = resolved.text === null ? "null" : quote(resolved.secret ? HIDDEN : resolved.text);
  return `${quote(option)}:{"value":${shown}${unknown},"source":${source},"history":[${steps}]}`;
}

function step({ operation, text, span }: HistoryEntry, secret: boolean, source = quote(place(span))): string {
  return `{"operation":"${operation}","value":${quote(secret ? HIDDEN : text)},"source":${source}}`;
}

async function text(shown: Shown, writer: Writer): Promise<void> {
  let gap = "";
  for (const name of shown.names) {
    writer.write(`${gap}[${name}]\n`);
    gap = "\n";
    writer.write(
      lines(shown, name, (line) => {
        const { option, resolved, value } = line;
        const after = shown.verbose ? history(line) : `    ${sources(value.history)}\n`;
        return assignment(option, asText(resolved)) + after;
      }),
    );
    if (writer.full) await writer.flush();
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
function history({ resolved, value }: Line): string {
  const steps = value.history.toReversed().map(({ operation, text, span }) => {
    const shown = resolved.secret && operation !== "macro" ? HIDDEN : text;
    const head = `    ${place(span)}: ${operation}`;
    return shown.includes("\n")
      ? `${head}\n${indented(shown, "      ")}`
      : `${head} ${shown}`.trimEnd() + "\n";
  });
  return steps.join("");
}
