import { execInContainer, type Engine, type Output } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { withProxies } from "./proxies.js";
import { LineLog, Tail } from "./run-log.js";
import { scriptCommand } from "./run-script.js";
import { pathInContainer } from "./gentoo-files.js";

/** A container that a part works in. */
export interface Work {
  readonly engine: Engine;
  /** Its name on the engine. */
  readonly name: string;
}

export interface Execution {
  readonly cmd: readonly string[];
  /** Written to the process's standard input, which then ends. */
  readonly stdin?: Buffer;
  readonly env?: readonly string[];
  readonly user?: string | undefined;
  /** Log the output as it comes (default true). */
  readonly log?: boolean;
  /** Sees every line as well. */
  readonly onLine?: (line: string) => void;
}

export interface Executed {
  readonly code: number;
  /** Up to a megabyte of it: answers that are read are short. */
  readonly stdout: string;
  /** The last lines of both streams, as they came. */
  readonly last: readonly string[];
}

/** Runs a command in a work container to its end; any exit code is an answer. */
export async function execute(
  context: Pick<Context, "log" | "signal">,
  work: Work,
  what: Execution,
): Promise<Executed> {
  const log = new LineLog({
    log: (line, stream) => {
      if (what.log !== false) context.log(line, stream);
      what.onLine?.(line);
    },
  });
  const stdout = new Tail(1 << 20);
  const code = await execInContainer(work.engine, work.name, {
    cmd: what.cmd,
    ...(what.stdin ? { stdin: what.stdin } : {}),
    ...(what.env?.length ? { env: what.env } : {}),
    ...(what.user ? { user: what.user } : {}),
    signal: context.signal,
    onOutput: (output: Output) => {
      log.write(output);
      if (output.stream === "stdout") stdout.write(output.data);
    },
  }).finally(() => log.end());
  return { code, stdout: stdout.bytes().toString("utf8"), last: log.last };
}

/** A command that must succeed; `step` says what it does. @throws RecipeError `container/command-failed` */
export async function mustExecute(
  context: Context,
  work: Work,
  what: Execution & { readonly step: string },
): Promise<Executed> {
  context.progress({ step: what.step });
  const done = await execute(context, work, what);
  if (done.code === 0) return done;
  throw new RecipeError({
    code: "container/command-failed",
    message: `${what.step} failed in container ${work.name} with exit code ${done.code}`,
    notes: done.last,
  });
}

export interface Script {
  /** The option that it comes from: `build-script`. */
  readonly option: string;
  readonly text: string | undefined;
  /** With its own options, as `/bin/bash -e`. */
  readonly shell: readonly string[];
  readonly user: string | undefined;
  readonly env?: readonly string[];
}

/**
 * Runs a script in a work container, read from standard input. Nothing is done where there is none. The script has the
 * docker CLI's proxies, which the container has not: an image is made of that.
 * @throws RecipeError `script/failed`, `script/no-shell`
 */
export async function runScript(context: Context, work: Work, script: Script): Promise<void> {
  const { option, text, shell, user, env = [] } = script;
  if (!text?.trim()) return;
  context.progress({ step: option });
  const cmd = scriptCommand(text, shell);
  const stdin = Buffer.from(text.endsWith("\n") ? text : `${text}\n`);
  const variables = await withProxies(context, work.engine, env);
  const done = await execute(context, work, { cmd, stdin, user, env: variables });
  if (done.code !== 0) throw await scriptFailure(context, work, { option, program: cmd[0] ?? "", done });
}

interface Failure {
  readonly option: string;
  readonly program: string;
  readonly done: Executed;
}

async function scriptFailure(
  context: Context,
  work: Work,
  { option, program, done }: Failure,
): Promise<RecipeError> {
  // A runtime that finds no program to run says so in words of its own; these two exit codes are the same everywhere.
  const suspicious = (done.code === 126 || done.code === 127) && program.startsWith("/");
  if (suspicious && (await pathInContainer(work, program, context.signal)) === undefined)
    return new RecipeError({
      code: "script/no-shell",
      message: `container ${work.name} has no ${program} to run ${option} with`,
      help: [`name a shell that the image has, by ${option}-shell or shell`],
      option,
    });
  return new RecipeError({
    code: "script/failed",
    message: `${option} ended with exit code ${done.code}`,
    notes: done.last.length > 0 ? done.last : ["it wrote nothing"],
    option,
  });
}
