import type { CommandSpec, OptionSpec } from "./command.js";
import { DEFAULT_COMMAND } from "./commands.js";
import { globalOptions } from "./options.js";

/** What the options that every command knows say. */
export interface Globals {
  readonly config: string;
  readonly verbosity: number;
  readonly userDefaults: boolean;
  readonly debug: boolean;
  readonly json: boolean;
  readonly plain: boolean;
  /** Undefined: as many as the engine room thinks fit. */
  readonly jobs: number | undefined;
  readonly failFast: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

export interface Parsed {
  readonly globals: Globals;
  /** As typed; undefined where none is. */
  readonly command: string | undefined;
  readonly args: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly assignments: readonly string[];
}

/** A command line that cannot be understood. */
export class UsageError extends Error {
  readonly help: readonly string[];

  constructor(message: string, help: readonly string[] = []) {
    super(message);
    this.help = help;
  }
}

interface Given {
  readonly spec: OptionSpec;
  readonly value: string;
}

/**
 * Takes a command line apart. Options and assignments may stand before and after the command; after `--` everything
 * is an argument. Throws UsageError.
 */
export function parseArguments(argv: readonly string[], commands: readonly CommandSpec[]): Parsed {
  const reader = new ArgumentReader(argv, commands);
  reader.read();
  const known = new Set(globalOptions);
  const own = new Map<string, string>();
  for (const { spec, value } of reader.given) {
    const before = own.get(spec.long);
    if (!known.has(spec))
      own.set(spec.long, before === undefined || !spec.value ? value : `${before}\n${value}`);
  }
  return {
    globals: globalsOf(reader.given),
    command: reader.command,
    args: reader.args,
    options: own,
    assignments: [...reader.assignments, ...assigned(reader.given)],
  };
}

class ArgumentReader {
  readonly given: Given[] = [];
  readonly args: string[] = [];
  readonly assignments: string[] = [];
  command: string | undefined;
  private readonly rest: string[];
  private readonly commands: readonly CommandSpec[];
  private specs: readonly OptionSpec[];

  constructor(argv: readonly string[], commands: readonly CommandSpec[]) {
    this.rest = [...argv];
    this.commands = commands;
    this.specs = globalOptions;
    // A command's own option may stand before it, so the command is looked for first.
    this.useOptionsOf(argv.find((arg) => commands.some(({ name }) => name === arg)) ?? DEFAULT_COMMAND);
  }

  read(): void {
    for (let arg = this.rest.shift(); arg !== undefined; arg = this.rest.shift()) {
      if (arg === "--") {
        this.args.push(...this.rest.splice(0));
        if (this.command === undefined) this.command = this.args.shift();
      } else if (arg.startsWith("--")) this.long(arg);
      else if (arg.startsWith("-") && arg !== "-") this.short(arg);
      else if (arg.includes("=")) this.assignments.push(arg);
      else if (this.command === undefined) this.useOptionsOf((this.command = arg));
      else this.args.push(arg);
    }
  }

  private useOptionsOf(name: string | undefined): void {
    const own = this.commands.find((command) => command.name === name)?.options ?? [];
    // A letter that a command has for itself means its own option: `report -o FILE`.
    this.specs = [...own, ...globalOptions];
  }

  private long(arg: string): void {
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    const spec = this.specs.find(({ long }) => long === name);
    if (!spec) throw this.unknown(`--${name}`);
    if (spec.value === undefined && equals >= 0) throw new UsageError(`--${name} takes no value`);
    const value = equals < 0 ? this.valueOf(spec, `--${name}`) : arg.slice(equals + 1);
    this.given.push({ spec, value });
  }

  /** Letters may be written together, a value directly behind its letter: `-vv`, `-Uc prod.cfg`, `-j4`. */
  private short(arg: string): void {
    for (let i = 1; i < arg.length; i++) {
      const letter = arg.charAt(i);
      const spec = this.specs.find(({ short }) => short === letter);
      if (!spec) throw this.unknown(i === 1 ? this.goOption(arg) : `-${letter}`);
      const attached = arg.slice(i + 1);
      if (spec.value !== undefined && attached !== "") {
        this.given.push({ spec, value: attached });
        return;
      }
      this.given.push({ spec, value: this.valueOf(spec, `-${letter}`) });
    }
  }

  /** What to call an option that there is not: `-replace=web`, as Go programs write it, is no `-r`. */
  private goOption(arg: string): string {
    const name = arg.split("=", 1)[0]!;
    return this.specs.some(({ long }) => `-${long}` === name) ? name : arg.slice(0, 2);
  }

  /** Of a command that there is not, its options say nothing. */
  private unknown(written: string): UsageError {
    const { command, commands, specs } = this;
    if (command !== undefined && command !== "help" && !commands.some(({ name }) => name === command))
      return noCommand(command, commands);
    const error = new UsageError(`there is no option ${written}`);
    return Object.assign(error, { option: written, options: specs.map(({ long }) => `--${long}`) });
  }

  private valueOf(spec: OptionSpec, written: string): string {
    if (spec.value === undefined) return "true";
    const value = this.rest.shift();
    if (value === undefined) throw new UsageError(`${written} needs a value: ${written} ${spec.value}`);
    return value;
  }
}

/** @param commands which there are */
export function noCommand(name: string, commands: readonly CommandSpec[]): UsageError {
  const meant = name.includes(":")
    ? `an option is set by ${name}=VALUE, and shown by tsbuildout query ${name}`
    : `a part is installed by tsbuildout install ${name}`;
  const error = new UsageError(`there is no command "${name}"`, [
    meant,
    "tsbuildout --help lists the commands",
  ]);
  return Object.assign(error, { option: name, options: commands.map((command) => command.name) });
}

function globalsOf(given: readonly Given[]): Globals {
  const last = (long: string) => given.findLast(({ spec }) => spec.long === long)?.value;
  const count = (long: string) => given.filter(({ spec }) => spec.long === long).length;
  const modes = given.filter(({ spec }) => spec.long === "keep-going" || spec.long === "fail-fast");
  return {
    config: last("config") ?? "buildout.cfg",
    verbosity: count("verbose") - count("quiet"),
    userDefaults: last("no-user-defaults") === undefined,
    debug: last("debug") !== undefined,
    json: last("json") !== undefined,
    plain: last("plain") !== undefined,
    jobs: jobs(last("jobs")),
    failFast: modes.at(-1)?.spec.long === "fail-fast",
    help: last("help") !== undefined,
    version: last("version") !== undefined,
  };
}

function jobs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`-j takes a number from 1, not "${text}"`);
  return Number(text);
}

const meanings: Readonly<Record<string, (value: string) => string>> = {
  newest: () => "buildout:newest=true",
  "no-newest": () => "buildout:newest=false",
  offline: () => "buildout:offline=true",
  online: () => "buildout:offline=false",
  timeout: (seconds) => `buildout:socket-timeout=${seconds}`,
};

/** Some options are short for an assignment. */
function assigned(given: readonly Given[]): string[] {
  return given.flatMap(({ spec, value }) => {
    if (spec.long === "timeout" && !(Number(value) > 0))
      throw new UsageError(`-t takes a number of seconds, not "${value}"`);
    const meaning = meanings[spec.long];
    return meaning ? [meaning(value)] : [];
  });
}
