// Starts programs for the bench, in a process of its own that holds nothing: to fork one that holds the content of large
// files takes 30 ms and more, which each side would be charged with.
import { spawn } from "node:child_process";

export interface Asked {
  readonly id: number;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: string;
}

export interface Answered {
  readonly id: number;
  /** Null where a signal ended it, or where it could not be started. */
  readonly code: number | null;
  readonly output: string;
  /** The end of what it wrote on standard error, or why it could not be started. */
  readonly errors: string;
}

function run({ id, program, args, cwd, env, input }: Asked): void {
  const child = spawn(program, args, { cwd, env });
  let output = "";
  let errors = "";
  const answer = (code: number | null): void =>
    void process.send?.({ id, code, output, errors } satisfies Answered);
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(input);
  child.on("error", ({ message }) => (errors += message));
  child.on("close", answer);
}

// The bench's end ends this as well: nothing else keeps it.
process.on("message", (asked: Asked) => run(asked));
