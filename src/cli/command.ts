import type { Globals } from "./args.js";

/** Everything that the command line touches of the world; tests hand in their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  readonly home: string;
  readonly out: Output;
  readonly err: Output;
  /** All of standard input. */
  readonly input: (signal: AbortSignal) => Promise<Uint8Array>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Hides the secrets that the run knows in what surfaces past every report; set by whoever opens the buildout. */
  readonly hush?: { text(text: string): string };
  /** The parts that are worked on just now, for whoever tells of an end that nobody asked for. */
  readonly underWay?: Set<string>;
  /** To be called before V8 is told flags: what it has compiled is kept apart by them. */
  readonly flagsChange?: (flags: string) => void;
}

export interface Output {
  write(text: string): unknown;
  /** Resolves when what was written has been taken: who has much to say waits, or all of it is held in memory. */
  drained?(): Promise<void>;
  /** Whether a person sees it at once. */
  readonly isTTY: boolean;
  /** Of a terminal; absent elsewhere. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** One call of the program, taken apart. */
export interface Invocation {
  readonly globals: Globals;
  /** What stands after the command and is neither option nor assignment. */
  readonly args: readonly string[];
  /** The command's own options by their long name; a switch has the text "true", a repeated option one text a line. */
  readonly options: ReadonlyMap<string, string>;
  /** `section:option=value`, `+=`, `-=`, as written. */
  readonly assignments: readonly string[];
  /** The configuration, where it is not in a file: `-c -`. */
  readonly input?: Uint8Array;
  readonly io: Io;
}

/** An option of the command line. */
export interface OptionSpec {
  /** Without dashes. */
  readonly long: string;
  /** One letter. */
  readonly short?: string;
  /** What help calls its value; absent for a switch. */
  readonly value?: string;
  readonly doc: string;
}

/** A module of src/cli/commands: resolves to the exit code. Throws DiagnosticError for what the user can mend. */
interface CommandModule {
  run(invocation: Invocation): Promise<number>;
}

export interface CommandSpec {
  readonly name: string;
  /** What follows the name in help: `[section ...]`. */
  readonly usage: string;
  readonly doc: string;
  readonly options?: readonly OptionSpec[];
  /** How many arguments it takes; any number where absent. */
  readonly arguments?: { readonly least: number; readonly most: number };
  readonly load: () => Promise<CommandModule>;
}

/** What ends a command: see docs/cli.md. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  locked: 3,
  /** `plan --exit-code`: something would change. */
  changes: 4,
  internal: 70,
  interrupted: 130,
} as const;
