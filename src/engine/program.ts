import { resolve } from "node:path";
import type { Run } from "./contract.js";
import { RecipeError } from "./contract.js";

/** What running a program needs to know of the part that runs it. */
export interface ProgramHost {
  /** The buildout's directory: where programs run unless told otherwise. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  log(line: string, stream: "out" | "err"): void;
  /** After this many milliseconds an aborted program that has not ended is killed; 5000 unless said. */
  readonly grace?: number;
}

const LAST_LINES = 20;
/** Of a line among the last ones, in characters. */
const LONGEST = 2000;
/** What is kept of standard output for the recipe, in characters. A program may log more. */
const MOST = 100_000_000;
const GRACE = 5000;

/** Runs a program without a shell and logs its lines as they come. An abort ends its whole process group.
 *  Rejects with RecipeError `program/failed` (with its last lines) or `program/missing`; with the signal's
 *  reason where it was aborted. */
export async function runProgram(
  host: ProgramHost,
  program: string,
  args: readonly string[],
  how: Run = {},
): Promise<{ readonly stdout: string }> {
  host.signal.throwIfAborted();
  const { execa } = await import("execa");
  const lines: string[] = [];
  let said: string[] = [];
  let size = 0;
  const see = (stream: "out" | "err") =>
    function* (given: unknown): Generator<string> {
      const line = String(given);
      lines.push(line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line);
      if (lines.length > LAST_LINES) lines.shift();
      if (how.log !== false) host.log(line, stream);
      if (stream === "out") size += line.length + 1;
      if (size > MOST) said = [];
      else if (stream === "out") said.push(line);
      // What execa keeps it has a limit for, at which it kills the program.
      yield* [];
    };
  const child = execa(program, args, {
    cwd: resolve(host.directory, how.cwd ?? ""),
    env: { ...host.env, ...how.env },
    extendEnv: false,
    ...(how.input === undefined ? { stdin: "ignore" as const } : { input: how.input }),
    stdout: see("out"),
    stderr: see("err"),
    // Its own group, so that what it started goes with it.
    detached: true,
    cleanup: true,
    reject: false,
  });
  let ended = false;
  // Also where only something that it started is left: that holds its output open.
  const stop = (): void => endGroup(child.pid, host.grace ?? GRACE, () => !ended);
  host.signal.addEventListener("abort", stop, { once: true });
  try {
    const result = await child;
    host.signal.throwIfAborted();
    if (!result.failed) return size > MOST ? unkept(program) : { stdout: said.join("\n") };
    throw failure(program, result, lines);
  } finally {
    ended = true;
    host.signal.removeEventListener("abort", stop);
  }
}

/** Only a recipe that asks for what was printed has too much of it. */
function unkept(program: string): { readonly stdout: string } {
  return {
    get stdout(): never {
      throw new RecipeError({
        code: "program/failed",
        message: `${program} printed more than ${MOST / 1e6} MB, which is not kept`,
        help: ["have it write a file, and read that"],
      });
    },
  };
}

function endGroup(pid: number | undefined, grace: number, runs: () => boolean): void {
  if (pid === undefined) return;
  const send = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended by itself.
    }
  };
  send("SIGTERM");
  setTimeout(() => runs() && send("SIGKILL"), grace).unref();
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly shortMessage?: string | undefined;
}

function failure(program: string, result: Ended, lines: readonly string[]): RecipeError {
  if (result.code === "ENOENT")
    return new RecipeError({
      code: "program/missing",
      message: `cannot run ${program}: there is no such program`,
      help: [`install ${program}, or check PATH and the working directory`],
    });
  const how = result.signal ? `was ended by ${result.signal}` : `ended with exit code ${result.exitCode}`;
  const what = result.exitCode === undefined && !result.signal ? `cannot run: ${result.shortMessage}` : how;
  return new RecipeError({ code: "program/failed", message: `${program} ${what}`, notes: lines });
}
