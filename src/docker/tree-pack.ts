import { Readable } from "node:stream";
import { paddingOf, type TarEntry } from "./tar-header.js";
import { END_OF_ARCHIVE, tarHeader } from "./tar-write.js";
import { CHUNK, largeChunks, readSmall, SMALL } from "./tree-read.js";
import { byteString, type TreeEntry } from "./tree.js";

export interface PackOptions {
  /** Owner of everything; each entry's own where it is not said. */
  readonly uid?: number;
  readonly gid?: number;
  /** Whole seconds: what engines take from a docker CLI. An extended header less per entry. */
  readonly wholeSeconds?: boolean;
  /** What an entry is called in the archive; it is left out where undefined. */
  readonly rename?: (entry: TreeEntry) => string | undefined;
  /** Files that are not in the folder, after those that are. */
  readonly extra?: readonly ExtraFile[];
  readonly signal?: AbortSignal;
}

export interface ExtraFile {
  readonly name: string;
  readonly content: Buffer;
  readonly mode?: number;
}

const TYPES = { file: "0", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" } as const;

/**
 * A folder's entries as a tar stream, in the order given. Never more than a few chunks are in memory.
 * @throws (in the stream) DockerError `folder/changed` where a file is shorter than it was when it was listed
 */
export function packTree(root: string, entries: readonly TreeEntry[], options: PackOptions = {}): Readable {
  const packer = new Packer(root, options);
  return Readable.from(packer.pack(entries), { objectMode: false, highWaterMark: CHUNK });
}

class Packer {
  readonly #base: string;
  readonly #options: PackOptions;
  /** First name in the archive of every file with several links. */
  readonly #linked = new Map<string, string>();
  #chunk = Buffer.allocUnsafe(CHUNK);
  #used = 0;

  constructor(root: string, options: PackOptions) {
    this.#base = byteString(root.endsWith("/") ? root : `${root}/`);
    this.#options = options;
  }

  async *pack(entries: readonly TreeEntry[]): AsyncGenerator<Buffer, void, undefined> {
    for (const entry of entries) {
      const name = this.#options.rename ? this.#options.rename(entry) : entry.path;
      if (name === undefined) continue;
      const header = this.#header(entry, name);
      const small = header.size <= SMALL;
      if (this.#used + roomFor(header, small) > CHUNK) yield this.#flush();
      if (small) {
        this.#put(tarHeader(header));
        if (header.size > 0) this.#small(entry);
        continue;
      }
      this.#put(tarHeader(header));
      yield this.#flush();
      yield* largeChunks({ path: this.#path(entry), size: entry.size, signal: this.#options.signal });
      this.#zeros(paddingOf(entry.size));
    }
    yield* this.#end();
  }

  #header(entry: TreeEntry, name: string): TarEntry {
    const { options, first } = { options: this.#options, first: this.#first(entry, name) };
    const type = first === undefined ? TYPES[entry.type] : "1";
    const link = first ?? entry.target;
    return {
      name: type === "5" ? `${name}/` : name,
      type,
      mode: entry.mode,
      uid: options.uid ?? entry.uid,
      gid: options.gid ?? entry.gid,
      size: type === "0" ? entry.size : 0,
      mtimeNs: options.wholeSeconds ? (entry.mtimeNs / 1_000_000_000n) * 1_000_000_000n : entry.mtimeNs,
      ...(link === undefined ? {} : { link }),
      ...majorMinor(entry),
    };
  }

  /** The name under which the same file is in the archive already. */
  #first(entry: TreeEntry, name: string): string | undefined {
    if (entry.links < 2 || entry.type === "directory") return undefined;
    const first = this.#linked.get(entry.inode);
    if (first === undefined) this.#linked.set(entry.inode, name);
    return first;
  }

  #small(entry: TreeEntry): void {
    readSmall(this.#path(entry), this.#chunk.subarray(this.#used, this.#used + entry.size));
    this.#used += entry.size;
    this.#zeros(paddingOf(entry.size));
  }

  #path(entry: TreeEntry): Buffer {
    return Buffer.from(this.#base + entry.path, "latin1");
  }

  *#end(): Generator<Buffer, void, undefined> {
    for (const { name, content, mode = 0o644 } of this.#options.extra ?? []) {
      const header = {
        name: byteString(name),
        type: "0",
        mode,
        uid: 0,
        gid: 0,
        size: content.length,
        mtimeNs: 0n,
      };
      if (this.#used > 0) yield this.#flush();
      yield Buffer.concat([tarHeader(header), content, Buffer.alloc(paddingOf(content.length))]);
    }
    if (this.#used > 0) yield this.#flush();
    yield END_OF_ARCHIVE;
  }

  #put(bytes: Buffer): void {
    bytes.copy(this.#chunk, this.#used);
    this.#used += bytes.length;
  }

  #zeros(count: number): void {
    this.#chunk.fill(0, this.#used, this.#used + count);
    this.#used += count;
  }

  #flush(): Buffer {
    const full = this.#chunk.subarray(0, this.#used);
    this.#chunk = Buffer.allocUnsafe(CHUNK);
    this.#used = 0;
    return full;
  }
}

/** At most so many bytes for a header with its extended header, the padding, and the content where it goes along. */
function roomFor(header: TarEntry, withContent: boolean): number {
  return 4096 + 2 * (header.name.length + (header.link?.length ?? 0)) + (withContent ? header.size : 0);
}

/** Linux's device numbers (sys/sysmacros.h). */
export function majorMinor({ type, device }: TreeEntry): { major?: number; minor?: number } {
  if (type !== "character" && type !== "block") return {};
  const number = BigInt(device);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}
