import { Duplex, type Readable, type Writable } from "node:stream";
import type { Address } from "./address.js";
import { DockerError, systemCode } from "./errors.js";

type SshAddress = Extract<Address, { kind: "ssh" }>;
type Env = Readonly<Record<string, string | undefined>>;

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

/** A running ssh. */
interface Program {
  readonly input: Writable;
  readonly output: Readable;
  readonly ended: Promise<{ readonly failed: boolean; readonly why: string }>;
  readonly kill: () => void;
}

async function startSsh(address: SshAddress, env: Env): Promise<Program> {
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
  let words = "";
  child.stderr
    .setEncoding("utf8")
    .on("data", (chunk: string) => (words = (words + chunk).slice(-STDERR_LIMIT)));
  const ended = child.then((result) => ({
    failed: result.failed,
    why:
      systemCode(result) === "ENOENT"
        ? "the program is not installed"
        : words.trim() || (result.shortMessage ?? ""),
  }));
  return { input: child.stdin, output: child.stdout, ended, kill: () => void child.kill() };
}

/** sshd's MaxStartups refuses some when more than ten come at once. */
const STARTING = 6;

/** Lets a few at a time through: who has entered leaves when its connection stands. */
export class Gate {
  #free = STARTING;
  readonly #waiting: (() => void)[] = [];

  async enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((enter) => this.#waiting.push(enter));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

/**
 * One connection to the engine at the other end of ssh: the standard streams of `docker system dial-stdio` there, as
 * what http.Agent takes for a socket. It is there at once, so that the agent can count it, and ssh follows.
 */
export class SshConnection extends Duplex {
  readonly #address: SshAddress;
  readonly #env: Env;
  readonly #gate: Gate;
  #starting = false;
  #program: Program | undefined;

  constructor(address: SshAddress, env: Env, gate: Gate) {
    super({ allowHalfOpen: true });
    this.#address = address;
    this.#env = env;
    this.#gate = gate;
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#start().then(() => done(), done);
  }

  async #start(): Promise<void> {
    await this.#gate.enter();
    this.#starting = true;
    if (this.destroyed) return;
    const program = await startSsh(this.#address, this.#env);
    this.#program = program;
    program.output.once("data", () => this.#started());
    program.output.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) program.output.pause();
    });
    for (const end of ["end", "error"]) program.output.on(end, () => void this.#finish(program));
    program.input.on("error", () => void this.#finish(program));
  }

  /** It stands, or never will. */
  #started(): void {
    if (this.#starting) this.#gate.leave();
    this.#starting = false;
  }

  override _read(): void {
    this.#program?.output.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const program = this.#program;
    // What is wrong with a pipe that broke is told by the program's end.
    program?.input.write(chunk, (error) => (error ? void this.#finish(program) : done()));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#program?.input.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#started();
    this.#program?.kill();
    done(error);
  }

  async #finish({ ended }: Program): Promise<void> {
    const { failed, why } = await ended;
    if (this.destroyed) return;
    if (!failed) this.push(null);
    else this.destroy(sshFailed(this.#address.host, why));
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
