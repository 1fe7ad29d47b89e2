import { closeSync, openSync, readSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { DockerError } from "./errors.js";
import { textOf, unreadable } from "./tree.js";

/** What is read and sent at once. */
export const CHUNK = 1024 * 1024;
/** Files up to this size are read in one go and share a chunk with their neighbours. */
export const SMALL = 128 * 1024;

/** As `hostPath` gives it: texts are ASCII. */
type HostPath = string | Buffer;

/** Where a byte goes that should not be there: a file that has grown has one. */
const PROBE = Buffer.alloc(1);

/**
 * Reads a small file in one go.
 * @param into as long as the file was when it was listed
 * @throws DockerError `folder/unreadable`, `folder/changed` where it has another length by now
 */
export function readSmall(path: HostPath, into: Buffer): void {
  try {
    const file = openSync(path, "r");
    try {
      if (readFully(file, into) < into.length || readSync(file, PROBE, 0, 1, null) > 0) throw changed(path);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw error instanceof DockerError ? error : unreadable(bytesOf(path), error);
  }
}

/** A file of which so many bytes are read, in buffers that begin with so many free bytes. */
export interface LargeFile {
  readonly path: HostPath;
  readonly size: number;
  readonly headroom?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A large file in chunks; one is read while the one before it is on its way.
 * @throws DockerError `folder/unreadable`, `folder/changed` where it is shorter by now
 */
export async function* largeChunks(what: LargeFile): AsyncGenerator<Buffer, void, undefined> {
  const { path, size, headroom = 0, signal } = what;
  const file = await open(path, "r").catch((error: unknown) => {
    throw unreadable(bytesOf(path), error);
  });
  try {
    let next = readChunk(file, size, headroom);
    for (let left = size; left > 0; ) {
      const chunk = await next;
      if (chunk.length === headroom) throw changed(path);
      left -= chunk.length - headroom;
      next = readChunk(file, left, headroom);
      // Settled here even where nobody comes back for it.
      next.catch(() => undefined);
      signal?.throwIfAborted();
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

function readFully(file: number, into: Buffer): number {
  let total = 0;
  while (total < into.length) {
    const read = readSync(file, into, total, into.length - total, null);
    if (read === 0) break;
    total += read;
  }
  return total;
}

async function readChunk(file: FileHandle, left: number, headroom: number): Promise<Buffer> {
  if (left === 0) return Buffer.alloc(0);
  const buffer = Buffer.allocUnsafe(headroom + Math.min(CHUNK, left));
  const { bytesRead } = await file.read(buffer, headroom, buffer.length - headroom, null);
  return buffer.subarray(0, headroom + bytesRead);
}

function bytesOf(path: HostPath): string {
  return path.toString("latin1");
}

function changed(path: HostPath): DockerError {
  return new DockerError({
    code: "folder/changed",
    message: `${textOf(bytesOf(path))} changed while it was read`,
    help: ["run again when nothing writes to the folder"],
  });
}
