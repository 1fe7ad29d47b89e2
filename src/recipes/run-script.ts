import { execInContainer, type Call } from "tsbuildout/docker";
import { quoteWord, RecipeError, type Context } from "tsbuildout/recipe";
import { LineLog } from "./run-log.js";

export interface Script {
  /** As written; a first line `#!…` names its interpreter. */
  readonly text: string;
  /** Words of the shell where the script names none. */
  readonly shell: readonly string[];
  readonly user?: string | undefined;
  /** Id or name. */
  readonly container: string;
  /** What the script belongs to, for messages: the option and the container's name. */
  readonly option: string;
  readonly name: string;
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly privileged?: boolean;
}

const POSIX_SHELLS = new Set(["sh", "ash", "dash", "bash", "ksh", "mksh", "zsh"]);

/**
 * Reads the whole script before it runs the first command, which may itself read standard input. By the shell alone where
 * there is no `cat`: an image may have a shell and nothing else.
 */
export const READ_ALL = `eval "$(if command -v cat >/dev/null 2>&1; then exec cat; fi
while IFS= read -r l || [ -n "$l" ]; do printf '%s\\n' "$l"; done)
"`;

/**
 * The command that runs a script which comes on its standard input: nothing is written into the container, which may be
 * read-only, and nothing secret is on a command line.
 */
export function scriptCommand(text: string, shell: readonly string[]): readonly string[] {
  const words = shebangOf(text) ?? shell;
  return POSIX_SHELLS.has(programOf(words)) ? [...words, "-c", READ_ALL] : [...words, "/dev/stdin"];
}

/** Words of the first line; as the kernel has it, all behind the program is one argument. */
function shebangOf(text: string): readonly string[] | undefined {
  const match = /^#![ \t]*(\S+)(?:[ \t]+([^\n]*?))?[ \t\r]*(?:\n|$)/.exec(text);
  if (!match) return undefined;
  return match[2] ? [match[1] ?? "", match[2]] : [match[1] ?? ""];
}

/** The name of the program that reads the script, looking through `env`, `busybox` and a chroot's words. */
function programOf(words: readonly string[]): string {
  const names = words
    .flatMap((word) => word.replace(/^-S\s*/, "").split(/\s+/))
    .filter((word) => word !== "" && !word.startsWith("-") && !word.includes("="))
    .map((word) => word.slice(word.lastIndexOf("/") + 1));
  const [first = "", second] = names;
  return (first === "env" || first === "busybox") && second ? second : first;
}

/** The script ended with something else than 0. */
export class ScriptFailed extends RecipeError {
  readonly exitCode: number;

  constructor(problem: RecipeError["problem"], exitCode: number) {
    super(problem);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a script in a running container; what it writes goes to the part's log.
 * @throws ScriptFailed `container/script-failed` with the exit code and the last lines
 */
export async function runScript(context: Context, call: Call, script: Script): Promise<void> {
  const command = scriptCommand(script.text, script.shell);
  const log = new LineLog(context);
  const code = await execInContainer(call.engine, script.container, {
    cmd: command,
    stdin: Buffer.from(script.text),
    onOutput: log.write,
    ...(script.user ? { user: script.user } : {}),
    ...(script.env ? { env: script.env } : {}),
    ...(script.workdir ? { workdir: script.workdir } : {}),
    ...(script.privileged ? { privileged: true } : {}),
    ...(call.signal ? { signal: call.signal } : {}),
  }).finally(() => log.end());
  if (code !== 0) throw failed(script, command, { code, last: log.last });
}

function failed(
  script: Script,
  command: readonly string[],
  end: { code: number; last: readonly string[] },
): ScriptFailed {
  const missing = end.code === 126 || end.code === 127;
  const problem = {
    code: "container/script-failed",
    message: `${script.option} in container ${script.name} ended with exit code ${end.code}`,
    notes: end.last.length > 0 ? [`its last lines were:\n${end.last.join("\n")}`] : ["it wrote nothing"],
    help: missing
      ? [`see that the container has what runs it: ${command.slice(0, -1).map(quoteWord).join(" ")}`]
      : [],
    option: script.option,
  };
  return new ScriptFailed(problem, end.code);
}
