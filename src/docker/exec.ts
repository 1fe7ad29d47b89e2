import { setTimeout as delay } from "node:timers/promises";
import type { Duplex, Readable } from "node:stream";
import type { Engine } from "./engine.js";
import { DockerError, isCutOff } from "./errors.js";
import { feed } from "./feed.js";
import { outputs, type Output } from "./stream.js";

/** What is run in a container, and what goes in and comes out (https://docs.docker.com/reference/api/engine/, ContainerExec). */
export interface ExecOptions {
  /** A program and its arguments, which no shell reads. */
  readonly cmd: readonly string[];
  /** `name`, `1000` or `user:group`; the container's unless said. */
  readonly user?: string;
  /** `NAME=value` each. */
  readonly env?: readonly string[];
  /** Absolute; the container's unless said. */
  readonly workdir?: string;
  /** With a pseudo terminal: then all that it writes is standard output. */
  readonly tty?: boolean;
  readonly privileged?: boolean;
  /** Written to the process, whose input then ends. Without it the input is closed from the start. */
  readonly stdin?: Readable | Buffer;
  /** Awaited before more is read. */
  readonly onOutput?: (output: Output) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

interface ExecState {
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly Pid?: number;
  readonly CanRemove?: boolean;
}

/** Whether it has begun and is over. Before it begins, Docker gives no exit code, and podman gives 0; when it is over,
 *  Docker keeps its pid, and podman says that it can be removed. */
function isOver({ Running, ExitCode, Pid, CanRemove }: ExecState): boolean {
  if (Running || ExitCode === null) return false;
  return ExitCode !== 0 || Pid === undefined || Pid > 0 || CanRemove === true;
}

/** How long after the end of its output an engine may take to know how a process ended, in milliseconds. */
const LATEST = 10_000;

const FIRST_POLL = 50;
const LAST_POLL = 2000;
/** How long the output of a process that is over may still be on its way, in milliseconds without a byte. */
const QUIET = 1000;

/**
 * Runs a command in a running container and resolves with its exit code. The process goes on in the container when the
 * signal fires: the API has no way to end it.
 * (https://docs.docker.com/reference/api/engine/, Exec)
 */
export async function execInContainer(
  engine: Engine,
  container: string,
  options: ExecOptions,
): Promise<number> {
  const { signal, tty = false } = options;
  const abortable = signal ? { signal } : {};
  const created = await engine.request<{ Id: string }>({
    method: "POST",
    path: `/containers/${encodeURIComponent(container)}/exec`,
    json: execConfig(options),
    tells: "Id",
    ...abortable,
  });
  const path = `/exec/${created.Id}`;
  const connection = await engine.hijack({
    method: "POST",
    path: `${path}/start`,
    json: { Detach: false, Tty: tty },
    ...abortable,
  });
  const fed = feed(connection, options.stdin, signal);
  // It may fail long before anybody asks below, or when nobody does any more.
  fed.catch(() => undefined);
  const drained = drain(connection, options);
  try {
    // The end of the output may never come (a child that lives on holds it), so the process itself is asked as well.
    const code = await exitCode(engine, { path, connection, drained, signal });
    await fed;
    return code;
  } finally {
    connection.destroy();
  }
}

function execConfig(options: ExecOptions): object {
  return {
    AttachStdout: true,
    AttachStderr: true,
    AttachStdin: options.stdin !== undefined,
    Tty: options.tty ?? false,
    Cmd: options.cmd,
    ...(options.user ? { User: options.user } : {}),
    ...(options.env ? { Env: options.env } : {}),
    ...(options.workdir ? { WorkingDir: options.workdir } : {}),
    ...(options.privileged ? { Privileged: true } : {}),
  };
}

interface Drained {
  /** Settles at the output's end. */
  readonly end: Promise<void>;
  /** In seconds since the process began: `performance` takes Node 2 ms to load. */
  lastByte: number;
}

function drain(connection: Duplex, options: ExecOptions): Drained {
  const read = async (): Promise<void> => {
    try {
      for await (const output of outputs(connection, options.tty ?? false)) {
        drained.lastByte = process.uptime();
        await options.onOutput?.(output);
      }
    } catch (error) {
      // Podman closes the connection with the input that the process has left unread, which resets it.
      if (options.stdin === undefined || !isCutOff(error)) throw error;
    }
  };
  const drained: Drained = { lastByte: process.uptime(), end: Promise.resolve() };
  return Object.assign(drained, { end: read() });
}

interface Watched {
  readonly path: string;
  readonly connection: Duplex;
  readonly drained: Drained;
  readonly signal: AbortSignal | undefined;
}

async function exitCode(engine: Engine, watched: Watched): Promise<number> {
  const { drained, signal, connection } = watched;
  const waiting = new AbortController();
  let ended = false;
  const end = drained.end.finally(() => {
    ended = true;
    waiting.abort();
  });
  end.catch(() => undefined);
  for (let pause = FIRST_POLL; ; pause = Math.min(pause * 1.5, LAST_POLL)) {
    if (!ended) await delay(pause, undefined, { signal: waiting.signal }).catch(() => undefined);
    if (ended) await end;
    signal?.throwIfAborted();
    const state = await engine.request<ExecState>({
      path: `${watched.path}/json`,
      tells: "Running",
      ...(signal ? { signal } : {}),
    });
    if (isOver(state)) {
      await quiet(watched, waiting.signal);
      await (ended ? end : abandon(connection, end));
      return state.ExitCode ?? 0;
    }
    const silence = (process.uptime() - drained.lastByte) * 1000;
    if (ended && !state.Running && silence > LATEST) throw unknownEnd();
    if (ended) await delay(5);
  }
}

/** Resolves at the output's end, or once nothing has come for so long from now on: an engine may know that a process is
 *  over before it has handed on what that wrote last. */
async function quiet({ drained, signal }: Watched, end: AbortSignal): Promise<void> {
  for (let last; last !== drained.lastByte && !end.aborted; ) {
    last = drained.lastByte;
    await delay(QUIET, undefined, { signal: end }).catch(() => undefined);
    signal?.throwIfAborted();
  }
}

export function unknownEnd(): DockerError {
  return new DockerError({
    code: "engine/cut-off",
    message: "the engine does not say how a process in a container ended",
  });
}

/** Leaves an output that somebody other than the process still holds open. */
async function abandon(connection: Duplex, end: Promise<void>): Promise<void> {
  connection.destroy();
  await end.catch(() => undefined);
}
