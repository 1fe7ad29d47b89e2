import { Readable } from "node:stream";
import { DockerError, systemCode } from "./errors.js";

/** The kinds of compression that are told apart; `none` is anything else. */
export type Compression = "none" | "gzip" | "bzip2" | "xz" | "zstd";

/** The first bytes of each format (its own documentation), as latin1. */
const MAGIC: readonly (readonly [Compression, string])[] = [
  ["gzip", "\x1f\x8b"],
  ["bzip2", "BZh"],
  ["xz", "\xfd7zXZ\x00"],
  ["zstd", "\x28\xb5\x2f\xfd"],
];

/** What the system's programs are run with, which compress and decompress. */
export interface CompressionOptions {
  /** For PATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** How a file is compressed, by its first bytes: names lie. */
export function compressionOf(start: Buffer): Compression {
  const text = start.toString("latin1", 0, 8);
  return MAGIC.find(([, magic]) => text.startsWith(magic))?.[0] ?? "none";
}

/**
 * The plain bytes of a stream, whatever it is compressed with, by the system's program.
 * @throws (in the stream) DockerError `archive/no-program`, `archive/broken`
 */
export async function* decompress(
  source: AsyncIterable<Buffer>,
  options: CompressionOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const { start, rest } = await peek(source);
  const behind = { [Symbol.asyncIterator]: () => rest };
  const kind = compressionOf(start);
  const whole = async function* (): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    yield* behind;
  };
  try {
    if (kind === "none") yield* whole();
    else yield* through({ program: kind, args: ["-d", "-c"], does: "read the archive" }, whole(), options);
  } finally {
    // Who stops reading at the start, or has no program for it, has not come to the rest.
    rest.return?.().catch(() => undefined);
  }
}

/** Compresses a stream by the system's program. @throws (in the stream) DockerError `archive/no-program` */
export async function* compress(
  source: AsyncIterable<Buffer>,
  kind: Exclude<Compression, "none">,
  options: CompressionOptions,
): AsyncGenerator<Buffer, void, undefined> {
  yield* through({ program: kind, args: ["-c"], does: "compress" }, source, options);
}

/** Enough of a stream to tell its format, and what follows. */
async function peek(source: AsyncIterable<Buffer>): Promise<{ start: Buffer; rest: AsyncIterator<Buffer> }> {
  const rest = source[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < 8) {
    const next = await rest.next();
    if (next.done) break;
    start = Buffer.concat([start, next.value]);
  }
  return { start, rest };
}

interface Command {
  /** Called like the format. */
  readonly program: string;
  readonly args: readonly string[];
  /** For messages: what it is to do. */
  readonly does: string;
}

async function* through(
  command: Command,
  source: AsyncIterable<Buffer>,
  options: CompressionOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const { execa } = await import("execa");
  const { program, args } = command;
  let fault: unknown;
  const watched = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* source;
    } catch (error) {
      fault = error;
      throw error;
    }
  };
  const child = execa(program, args, {
    input: Readable.from(watched(), { objectMode: false }),
    buffer: { stdout: false, stderr: true },
    maxBuffer: 100_000,
    encoding: "buffer",
    env: options.env,
    extendEnv: false,
    reject: false,
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
    const result = await child;
    options.signal?.throwIfAborted();
    if (!result.failed) return;
    // A source that broke is what the program choked on.
    if (fault !== undefined) throw fault;
    throw systemCode(result) === "ENOENT"
      ? missing(command)
      : failed(command, Buffer.from(result.stderr).toString());
  } finally {
    child.kill();
  }
}

function missing({ program, does }: Command): DockerError {
  return new DockerError({
    code: "archive/no-program",
    message: `the program ${program} is needed to ${does}, and is not installed`,
    help: [`install ${program}`],
  });
}

function failed({ program, does }: Command, stderr: string): DockerError {
  const said = stderr.split("\n").map((line) => line.trim());
  const notes = said.filter(Boolean).slice(-5);
  return new DockerError({ code: "archive/broken", message: `${program} cannot ${does}`, notes });
}
