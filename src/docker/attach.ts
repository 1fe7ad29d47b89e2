import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Readable } from "node:stream";
import type { Engine } from "./engine.js";
import { isNotFound } from "./errors.js";
import { unknownEnd } from "./exec.js";
import { feed } from "./feed.js";
import { jsonObject } from "./json-object.js";
import { readText } from "./request.js";
import { outputs, prematureEnd, type Output } from "./stream.js";

/** How a container is run to its end: what goes into it, and who is told what it writes. */
export interface AttachOptions {
  /** Whether the container has a TTY; asked of the engine where it is not said. */
  readonly tty?: boolean;
  /** For a container that was made with `OpenStdin`: is written to it, and then its input ends. */
  readonly stdin?: Readable | Buffer;
  /** Awaited before more is read. */
  readonly onOutput?: (output: Output) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** How long after the end of its output a container's exit may be on its way to us, in milliseconds. */
const LATE = 1000;

/**
 * Starts a created container and resolves with its exit code once it has ended and all of its output has been handed
 * on. Attached first, then waiting for its next exit, then started: nothing of a short life is missed.
 */
export async function runAttached(
  engine: Engine,
  container: string,
  options: AttachOptions = {},
): Promise<number> {
  const path = containerPath(container);
  const abortable = options.signal ? { signal: options.signal } : {};
  const tty = options.tty ?? (await hasTty(engine, container, options.signal));
  const stdin = options.stdin !== undefined;
  const connection = await engine.hijack({
    method: "POST",
    path: `${path}/attach`,
    query: { stream: true, stdout: true, stderr: true, stdin },
    ...abortable,
  });
  const over = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, over.signal]) : over.signal;
  try {
    const exit = await nextExit(engine, container, signal);
    await engine.request({ method: "POST", path: `${path}/start`, ...abortable });
    const fed = stdin ? feed(connection, options.stdin, options.signal) : Promise.resolve();
    const read = async (): Promise<void> => {
      for await (const output of outputs(connection, tty)) await options.onOutput?.(output);
    };
    const done = Promise.all([read(), fed]);
    const asked = done.then(async () => await lateExit(engine, container, signal));
    const [code] = await Promise.all([Promise.race([exitOf(exit), asked]), done]);
    return code;
  } finally {
    over.abort();
    connection.destroy();
  }
}

/**
 * Podman finds the next exit in its log of events. It misses one that comes before it has begun to read, or just before the
 * log is shortened (at a megabyte), and whoever waits then does so for ever: a while after the end of the output it is asked
 * how the container is.
 */
async function lateExit(engine: Engine, container: string, signal: AbortSignal): Promise<number> {
  await delay(LATE, undefined, { signal });
  try {
    const code = await waitContainer(engine, container, { signal });
    if (code >= 0) return code;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  // It has removed itself.
  await delay(LATE, undefined, { signal });
  throw unknownEnd();
}

/**
 * Waits until a container is not running and resolves with its exit code; at once where it is not running now.
 * @param condition `next-exit` waits for an exit that is still to come, `removed` for the container's removal
 */
export async function waitContainer(
  engine: Engine,
  container: string,
  options: {
    readonly condition?: "not-running" | "next-exit" | "removed";
    readonly signal?: AbortSignal;
  } = {},
): Promise<number> {
  return await exitOf(await waiting(engine, container, options));
}

/** Which of a container's log is read (https://docs.docker.com/reference/api/engine/, ContainerLogs). */
export interface LogOptions {
  /** Goes on until the container ends. */
  readonly follow?: boolean;
  /** Seconds since 1970, with a fraction. */
  readonly since?: number;
  /** How many of the last lines; all where it is not said. */
  readonly tail?: number;
  /** As in AttachOptions. */
  readonly tty?: boolean;
  readonly signal?: AbortSignal;
}

/** What a container has written, and with `follow` goes on writing until it ends. */
export async function* containerLogs(
  engine: Engine,
  container: string,
  options: LogOptions = {},
): AsyncGenerator<Output, void, undefined> {
  const { signal, follow = false, since, tail } = options;
  const tty = options.tty ?? (await hasTty(engine, container, signal));
  const body = await engine.stream({
    path: `${containerPath(container)}/logs`,
    query: { stdout: true, stderr: true, follow, since, tail: tail ?? "all" },
    waits: follow,
    ...(signal ? { signal } : {}),
  });
  yield* outputs(body, tty);
}

export function containerPath(container: string): string {
  return `/containers/${encodeURIComponent(container)}`;
}

async function hasTty(engine: Engine, container: string, signal?: AbortSignal): Promise<boolean> {
  const found = await engine.request<{ Config?: { Tty?: boolean } }>({
    path: `${containerPath(container)}/json`,
    tells: "Id",
    ...(signal ? { signal } : {}),
  });
  return found.Config?.Tty === true;
}

/** Resolves once the engine is waiting: it sends the answer's head at once and the body at the exit. */
async function nextExit(engine: Engine, container: string, signal?: AbortSignal): Promise<IncomingMessage> {
  return await waiting(engine, container, { condition: "next-exit", ...(signal ? { signal } : {}) });
}

async function waiting(
  engine: Engine,
  container: string,
  options: { readonly condition?: string; readonly signal?: AbortSignal },
): Promise<IncomingMessage> {
  return await engine.stream({
    method: "POST",
    path: `${containerPath(container)}/wait`,
    query: { condition: options.condition },
    waits: true,
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

async function exitOf(answer: IncomingMessage): Promise<number> {
  const text = await readText(answer).catch((error: unknown) => {
    throw prematureEnd(error);
  });
  const said: { readonly StatusCode?: number } | undefined = jsonObject(text);
  // An engine that is being stopped may end its answer without a word.
  if (said?.StatusCode === undefined) throw unknownEnd();
  return said.StatusCode;
}
