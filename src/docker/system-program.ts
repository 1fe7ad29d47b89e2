import type { Readable } from "node:stream";

export interface ProgramHow {
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Its standard input; nothing unless said. */
  readonly input?: string;
  readonly cwd?: string;
  /** In characters; a program that says more is ended. */
  readonly most?: number;
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
  /** It was ended because it said more than `most`. */
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
  const { env, input, cwd, most, signal } = how;
  const { execa } = await import("execa");
  const running = execa(program, args, {
    env: env as Record<string, string>,
    extendEnv: false,
    reject: false,
    ...(most !== undefined && { maxBuffer: most }),
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
