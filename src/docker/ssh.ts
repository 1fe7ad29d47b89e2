import { Duplex, type Readable, type Writable } from "node:stream";
import type { Address } from "./address.js";
import { DockerError } from "./errors.js";

type SshAddress = Extract<Address, { kind: "ssh" }>;

/** What is kept of ssh's standard error: enough for its last words. */
const STDERR_LIMIT = 4096;

/** The arguments for the system's ssh, so that ~/.ssh/config, known_hosts and agents count as they do for the docker CLI. */
export function sshArguments(address: SshAddress): string[] {
  return [
    ...(address.user ? ["-l", address.user] : []),
    ...(address.port ? ["-p", address.port] : []),
    "-o",
    "ConnectTimeout=30",
    "-T",
    "--",
    address.host,
    "docker",
    ...(address.socket ? ["--host", `unix://${address.socket}`] : []),
    "system",
    "dial-stdio",
  ];
}

/** One connection to the engine at the other end of ssh: the standard streams of `docker system dial-stdio` there. */
export async function dialSsh(
  address: SshAddress,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Duplex> {
  const { execa } = await import("execa");
  const child = execa("ssh", sshArguments(address), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
    cleanup: true,
    extendEnv: false,
    env,
  });
  const words: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    words.push(chunk);
    while (words.length > 1 && words.join("").length > STDERR_LIMIT) words.shift();
  });
  const ended = child.then((result) => ({
    failed: result.failed,
    why: words.join("").trim() || result.shortMessage || "",
  }));
  return new SshConnection({
    input: child.stdin,
    output: child.stdout,
    ended,
    kill: () => void child.kill(),
    host: address.host,
  });
}

interface Pipes {
  readonly input: Writable;
  readonly output: Readable;
  readonly ended: Promise<{ failed: boolean; why: string }>;
  readonly kill: () => void;
  readonly host: string;
}

/** A child's standard streams as what http.Agent takes for a socket. */
class SshConnection extends Duplex {
  readonly #pipes: Pipes;

  constructor(pipes: Pipes) {
    super({ allowHalfOpen: true });
    this.#pipes = pipes;
    pipes.output.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) pipes.output.pause();
    });
    pipes.output.on("end", () => void this.#finish());
    pipes.output.on("error", (error) => this.destroy(error));
    // A broken pipe is told by the program's end, which knows why.
    pipes.input.on("error", () => void this.#finish());
  }

  override _read(): void {
    this.#pipes.output.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pipes.input.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#pipes.input.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pipes.kill();
    done(error);
  }

  async #finish(): Promise<void> {
    const { failed, why } = await this.#pipes.ended;
    if (this.destroyed) return;
    if (!failed) this.push(null);
    else this.destroy(sshFailed(this.#pipes.host, why));
  }

  // The part of net.Socket that http.Agent asks for. A child process needs none of it.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

function sshFailed(host: string, why: string): DockerError {
  return new DockerError({
    code: "engine/ssh-failed",
    message: `the ssh connection to ${host} ended`,
    notes: why ? why.split("\n").map((line) => `ssh: ${line.trim()}`) : [],
  });
}
