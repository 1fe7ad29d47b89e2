import { main } from "../../src/cli/main.js";
import type { Io, Output } from "../../src/cli/command.js";

export interface InProcess {
  readonly cwd: string;
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Standard input. */
  readonly input?: string;
}

/** Runs the command line in this process, with streams that are no terminal: quicker than a process each. */
export async function runCli(
  argv: readonly string[],
  { cwd, home = cwd, env = {}, signal, input = "" }: InProcess,
) {
  const out = collector();
  const err = collector();
  const io: Io = {
    cwd,
    home,
    env,
    out,
    err,
    input: async () => Buffer.from(input),
    signal: signal ?? new AbortController().signal,
  };
  const code = await main(argv, io);
  return { code, stdout: out.text(), stderr: err.text() };
}

function collector(): Output & { text: () => string } {
  let collected = "";
  return {
    isTTY: false,
    write: (text) => (collected += text),
    text: () => collected,
  };
}
