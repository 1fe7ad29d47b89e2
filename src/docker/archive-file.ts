/** Archives on the host, told by their first bytes, and single files within them. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Duplex, type Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { compressionOf, decompress, type Compression } from "./compression.js";
import { DigestCache } from "./digest-cache.js";
import { DockerError, reasonOf } from "./errors.js";
import type { TreeEntry } from "./tree.js";
import { packTree, type ExtraFile } from "./tree-pack.js";

/** What a file is that archives are read from: a plain tar, or one that is compressed; of that only the first bytes are known. */
export type ArchiveKind = "tar" | Exclude<Compression, "none">;

/** What a file is by its first 512 bytes; undefined for anything that is not an archive. */
function archiveKind(head: Buffer): ArchiveKind | undefined {
  const packed = compressionOf(head);
  if (packed !== "none") return packed;
  return head.toString("latin1", 257, 262) === "ustar" ? "tar" : undefined;
}

/** What a file is by its first 512 bytes; undefined for anything that is not an archive, a folder included. @throws the system's error where there is none */
export async function archiveKindOf(path: string): Promise<ArchiveKind | undefined> {
  if (!(await stat(path)).isFile()) return undefined;
  const file = await open(path);
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return archiveKind(head.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** A file within an archive is read whole: nothing that is looked for is longer than this. */
const LIMIT = 16 * 1024 * 1024;

export interface ReadTarHow {
  /** For PATH: with it the system's programs unpack what Node cannot. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/**
 * Reads a file out of a tar, packed by gzip or not at all, or by whatever there is a program for.
 * @param names what it may be called, without a leading `./`; the first that comes is taken
 * @returns undefined where there is none, and for archives that cannot be unpacked
 * @throws DockerError `archive/broken`, `archive/no-program`
 */
export async function readTarFile(
  path: string,
  names: readonly string[],
  how: ReadTarHow = {},
): Promise<Buffer | undefined> {
  const { signal } = how;
  const kind = await archiveKindOf(path);
  if (!kind || (kind !== "tar" && kind !== "gzip" && !how.env)) return undefined;
  const { extract } = await import("tar-stream");
  const file = createReadStream(path, signal ? { signal } : {});
  const entries = extract();
  // Its errors come out of the loop below.
  pipeline([file, ...unpacking(kind, how), entries]).catch(() => undefined);
  try {
    for await (const entry of entries) {
      const { name, size } = entry.header;
      if (names.includes(name.replace(/^(\.?\/)+/, "")) && size <= LIMIT) return await buffer(entry);
      entry.resume();
    }
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof DockerError ? error : broken(path, error);
  } finally {
    file.destroy();
  }
}

function unpacking(kind: ArchiveKind, how: ReadTarHow): Duplex[] {
  if (kind === "tar") return [];
  if (kind === "gzip") return [createGunzip()];
  return [Duplex.from((source: AsyncIterable<Buffer>) => decompress(source, { env: {}, ...how }))];
}

function broken(path: string, error: unknown): DockerError {
  const problem = { code: "archive/broken", message: `${path} cannot be read: ${reasonOf(error)}` };
  return new DockerError(problem, { cause: error });
}

/** A tar of files that are in memory. */
export function packFiles(files: readonly ExtraFile[]): Readable {
  return packTree("/", [], { uid: 0, gid: 0, extra: files });
}

/**
 * The digest of a file's content. What was hashed before is known by size, times and inode.
 * @param cachePath a file that keeps what is known
 * @returns `sha256:…`
 */
export async function fileDigest(path: string, cachePath: string, signal?: AbortSignal): Promise<string> {
  const found = await stat(path, { bigint: true });
  const cache = await DigestCache.open(cachePath);
  const entry: TreeEntry = {
    path,
    type: "file",
    mode: 0,
    uid: 0,
    gid: 0,
    size: Number(found.size),
    mtimeNs: found.mtimeNs,
    ctimeNs: found.ctimeNs,
    inode: String(found.ino),
    links: 1,
    device: 0,
  };
  let digest = cache.get(entry);
  if (digest === undefined) {
    digest = await hashFile(path, signal);
    cache.set(entry, digest);
  }
  await cache.save();
  return digest;
}

async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, signal ? { signal } : {});
  return `sha256:${hash.digest("hex")}`;
}
