import { spawn } from "node:child_process";
import { join } from "node:path";

/** The project's folder: this file runs from dist/test/support. */
export const projectFolder = join(import.meta.dirname, "../../..");

export interface CliResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  /** Added to the environment, which has this process's PATH and engine and nothing of the user's settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads on standard input; nothing by default. */
  readonly input?: string;
  /** Number of the user who runs it, for tests that run as root; otherwise this process's user does. */
  readonly user?: number;
}

export interface CliRun {
  readonly done: Promise<CliResult>;
  /** All that it has written on either stream so far matches: resolves; ends before: rejects. */
  readonly prints: (pattern: RegExp) => Promise<void>;
  /** The same, with what matched. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly signal: (name: NodeJS.Signals) => void;
}

/** Runs the bundled `tsbuildout` to its end. */
export function tsbuildout(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return startTsbuildout(args, options).done;
}

/** Starts the bundled `tsbuildout`, for tests that interrupt it. */
export function startTsbuildout(args: readonly string[], options: CliOptions): CliRun {
  const program = join(projectFolder, "dist/bundle/tsbuildout.cjs");
  const env = { ...testEnvironment(options.cwd), ...options.env };
  const as = options.user !== undefined && process.geteuid?.() === 0 ? { uid: options.user } : {};
  const child = spawn(program, [...args], { cwd: options.cwd, env, ...as });
  const text = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (chunk: string) => (text[stream] += chunk));
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(options.input ?? "");
  const done = new Promise<CliResult>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
  const prints = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(text.stdout + text.stderr)) resolve();
      };
      child.stdout.on("data", look);
      child.stderr.on("data", look);
      child.on("close", () => reject(new Error(`ended without ${pattern}:\n${text.stdout}${text.stderr}`)));
      look();
    });
  const printed = async (pattern: RegExp): Promise<RegExpExecArray> => {
    await prints(pattern);
    return pattern.exec(text.stdout + text.stderr)!;
  };
  return { done, prints, printed, signal: (name) => child.kill(name) };
}

/**
 * HOME is the test's own folder: defaults and credentials of whoever runs the tests must not show. What the program
 * compiled is not kept there, where a test may look at all files.
 */
export function testEnvironment(home: string): Record<string, string> {
  const kept = ["PATH", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "TMPDIR", "LANG"];
  const own = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const XDG_CACHE_HOME = join(projectFolder, "dist/cache");
  return { ...Object.fromEntries(own), HOME: home, XDG_CACHE_HOME, NO_COLOR: "1" };
}
