import type { Readable } from "node:stream";
import { reasonOf } from "./errors.js";

/** In characters. No program that is run here has near as much to say; one that has is ended. */
const MOST = 2 * 1024 * 1024;

export interface ProgramHow {
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Its standard input; nothing unless said. */
  readonly input?: string;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
}

/** How a program ended, and what it said. */
export interface ProgramEnd {
  readonly failed: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode?: number;
  /** What ended it. */
  readonly signal?: string;
  /** Of the system, where it could not be begun: `ENOENT`. */
  readonly code?: string | undefined;
  /** It was ended because what it says has no end. */
  readonly isMaxBuffer?: boolean;
  readonly cause?: unknown;
}

/**
 * Runs a program of the user's system to its end. When the signal fires it is ended, and what it has started itself (git's
 * ssh, a script's programs) is not waited for, though it holds the output open.
 * @throws the signal's reason alone
 */
export async function runToEnd(
  program: string,
  args: readonly string[],
  how: ProgramHow,
): Promise<ProgramEnd> {
  const { env, input, cwd, signal } = how;
  const { execa } = await import("execa");
  const running = execa(program, args, {
    env: env as Record<string, string>,
    extendEnv: false,
    reject: false,
    maxBuffer: MOST,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
    ...(cwd && { cwd }),
    ...(signal && { cancelSignal: signal }),
  });
  const outputs: readonly Readable[] = [running.stdout, running.stderr];
  const letGo = (): void => outputs.forEach((stream) => stream.destroy());
  signal?.addEventListener("abort", letGo, { once: true });
  const end = await running;
  signal?.removeEventListener("abort", letGo);
  signal?.throwIfAborted();
  return end;
}

/** How a program ended that failed, where it has not said why. */
export function endOf({
  signal,
  exitCode,
  cause,
}: Pick<ProgramEnd, "signal" | "exitCode" | "cause">): string {
  if (signal) return `it was ended by ${signal}`;
  return exitCode === undefined ? reasonOf(cause) : `exit code ${exitCode}`;
}
