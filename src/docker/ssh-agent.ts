import { DockerError } from "./errors.js";

/** An ssh agent of our own, with some keys in it. */
export interface KeyAgent {
  readonly socket: string;
  close(): Promise<void>;
}

interface AgentAt {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** What the agent is started for: says its socket and its number, and lasts as long as its input, which is ours. */
const WHILE_WE_LIVE = 'echo "$SSH_AUTH_SOCK"; echo "$SSH_AGENT_PID"; exec cat >/dev/null';

/**
 * Starts the system's ssh-agent and gives it key files (without passphrase: nobody is there to type one). It ends with
 * the program that it is started for, and that one with us, even after a kill -9; its socket goes with it.
 * @throws DockerError `build/ssh`
 */
export async function startAgent(keyFiles: readonly string[], at: AgentAt): Promise<KeyAgent> {
  const { execa } = await import("execa");
  const env = { PATH: at.env["PATH"] ?? "/usr/bin:/bin", SSH_ASKPASS_REQUIRE: "never" };
  const how = { env, extendEnv: false, reject: false } as const;
  const program = execa("ssh-agent", ["sh", "-c", WHILE_WE_LIVE], { ...how, stdin: "pipe" });
  const lines = program.iterable({ from: "stdout" })[Symbol.asyncIterator]();
  // A program that is missing ends without a line.
  const { value: socket } = await lines.next();
  const { value: pid } = await lines.next();
  const close = async (): Promise<void> => {
    if (pid) endAgent(Number(pid));
    program.stdin.end();
    await program;
  };
  const adding = { ...how, env: { ...env, SSH_AUTH_SOCK: socket ?? "" }, cancelSignal: at.signal };
  const added = socket
    ? await execa("ssh-add", ["-q", ...keyFiles], { ...adding, stdin: "ignore" })
    : undefined;
  if (socket && added && !added.failed) return { socket, close };
  await close();
  throw new DockerError({
    code: "build/ssh",
    message: added ? `ssh-add does not take ${keyFiles.join(", ")}` : "the program ssh-agent cannot be run",
    // It ends its lines as a terminal would have them.
    notes: added?.stderr ? [added.stderr.replaceAll("\r", "").trim()] : [],
    option: "ssh",
  });
}

/** At once: by itself it sees up to ten seconds later that its program is gone. */
function endAgent(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    return;
  }
}
