import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/**
 * Starts the system's ssh-agent and gives it key files (without passphrase: nobody is there to type one).
 * @throws DockerError `build/ssh`
 */
export async function startAgent(keyFiles: readonly string[], at: AgentAt): Promise<KeyAgent> {
  const { execa } = await import("execa");
  const folder = await mkdtemp(join(tmpdir(), "tsbuildout-ssh-"));
  const socket = join(folder, "agent");
  const env = {
    PATH: at.env["PATH"] ?? "/usr/bin:/bin",
    SSH_AUTH_SOCK: socket,
    SSH_ASKPASS_REQUIRE: "never",
  };
  const how = { env, extendEnv: false, reject: false, stdin: "ignore" } as const;
  // -D keeps it in the foreground: it ends with us, whatever happens.
  const agent = execa("ssh-agent", ["-D", "-a", socket], { ...how, cleanup: true });
  const close = async (): Promise<void> => {
    agent.kill();
    await agent;
    await rm(folder, { recursive: true, force: true });
  };
  const listening = agent.iterable({ from: "stdout" })[Symbol.asyncIterator]().next();
  // Its first line says that it listens; a program that is missing ends without one.
  const first = await listening;
  const added = first.done
    ? await agent
    : await execa("ssh-add", ["-q", ...keyFiles], { ...how, cancelSignal: at.signal });
  if (!first.done && !added.failed) return { socket, close };
  await close();
  throw new DockerError({
    code: "build/ssh",
    message: first.done ? "the program ssh-agent cannot be run" : `ssh-add takes ${keyFiles.join(", ")} not`,
    notes: added.stderr ? [added.stderr.trim()] : [],
    option: "ssh",
  });
}
