import { Transform, type Readable, type TransformCallback } from "node:stream";
import { DockerError } from "./errors.js";

/** No line of the API is near this long; a longer one means that something else is speaking. */
const LINE_LIMIT = 64 * 1024 * 1024;

interface InStreamError {
  readonly error?: unknown;
  readonly errorDetail?: { readonly code?: number; readonly message?: unknown };
}

/**
 * Decodes a stream of JSON lines (build, pull, push, events) as it comes, one value at a time.
 * @param source an answer's body; destroyed when the loop over the values is left early
 * @throws DockerError `engine/stream-error` on an `errorDetail` (which comes with HTTP status 200), `engine/cut-off` where
 *   the stream ends within a value
 */
export async function* jsonLines<T = unknown>(source: Readable): AsyncGenerator<T, void, undefined> {
  for await (const line of lines(source)) {
    const value = decode(line);
    if (value === undefined) continue;
    throwInStream(value);
    yield value as T;
  }
}

async function* lines(source: Readable): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      let start = 0;
      // A newline byte is never a piece of another character, so lines are cut before they are decoded.
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        pieces.push(chunk.subarray(start, end));
        yield Buffer.concat(pieces);
        pieces = [];
        length = 0;
        start = end + 1;
      }
      pieces.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > LINE_LIMIT) throw cutOff(`a line of more than ${LINE_LIMIT} bytes`);
    }
  } catch (error) {
    throw prematureEnd(error);
  }
  yield Buffer.concat(pieces);
}

function decode(line: Buffer): unknown {
  const text = line.toString("utf8").trim();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw cutOff(`not JSON: ${text.slice(0, 200)}`, error);
  }
}

function throwInStream(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const { error, errorDetail } = value as InStreamError;
  const message = errorDetail?.message ?? error;
  if (!message) return;
  const statusCode = errorDetail?.code;
  throw new DockerError(
    {
      code: "engine/stream-error",
      message: typeof message === "string" ? message.trim() : JSON.stringify(message),
    },
    statusCode ? { statusCode } : {},
  );
}

/** The error for an answer of which the end is missing. */
export function cutOff(why: string, cause?: unknown): DockerError {
  return new DockerError(
    { code: "engine/cut-off", message: "the engine's answer was cut off", notes: [why] },
    { cause },
  );
}

const PREMATURE = new Set(["ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE", "EPIPE"]);

/** A connection that closed in the middle of an answer becomes `engine/cut-off`; anything else stays. */
export function prematureEnd(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return PREMATURE.has(code) ? cutOff("the connection closed in the middle of the answer", error) : error;
}

/** A piece of what a process in a container wrote. */
export interface Output {
  readonly stream: "stdout" | "stderr";
  readonly data: Buffer;
}

const HEADER = 8;

/**
 * Splits the engine's multiplexed stream (attach, exec and logs of a container without TTY) into `Output`s. A frame is
 * handed on as it comes, however long; nothing but a broken header is kept.
 * (https://docs.docker.com/reference/api/engine/, "Attach to a container")
 */
export class Demultiplexer extends Transform {
  #header = Buffer.alloc(0);
  #stream: Output["stream"] = "stdout";
  #left = 0;

  constructor() {
    super({ readableObjectMode: true });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#left > 0 ? this.#payload(chunk, at) : this.#head(chunk, at);
      if (at < 0) return done(cutOff("a frame of an unknown stream: is the container's TTY on?"));
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    const whole = this.#left === 0 && this.#header.length === 0;
    done(whole ? null : cutOff("the output ended within a frame"));
  }

  #payload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.push({ stream: this.#stream, data: chunk.subarray(at, end) } satisfies Output);
    this.#left -= end - at;
    return end;
  }

  /** Reads what the chunk has of a header; returns where to go on, or -1 for nonsense. */
  #head(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + HEADER - this.#header.length);
    this.#header = Buffer.concat([this.#header, chunk.subarray(at, end)]);
    if (this.#header.length < HEADER) return end;
    const kind = this.#header[0] ?? 0;
    if (kind > 2) return -1;
    this.#stream = kind === 2 ? "stderr" : "stdout";
    this.#left = this.#header.readUInt32BE(4);
    this.#header = Buffer.alloc(0);
    return end;
  }
}

/** The outputs of an attached stream; with a TTY there are no frames and everything is standard output. */
export async function* outputs(source: Readable, tty: boolean): AsyncGenerator<Output, void, undefined> {
  try {
    if (source.errored) throw source.errored;
    if (tty) {
      for await (const data of source as AsyncIterable<Buffer>) yield { stream: "stdout", data };
      return;
    }
    const frames = new Demultiplexer();
    source.on("error", (error) => frames.destroy(error));
    source.on(
      "close",
      () => source.readableEnded || frames.destroy(cutOff("the connection closed in the middle")),
    );
    for await (const output of source.pipe(frames) as AsyncIterable<Output>) yield output;
  } catch (error) {
    throw prematureEnd(error);
  } finally {
    source.destroy();
  }
}
