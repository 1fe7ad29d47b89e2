import { Readable } from "node:stream";
import { BLOCK, paddingOf, type TarEntry } from "./tar-header.js";
import { HeaderWriter } from "./tar-plain.js";
import { END_OF_ARCHIVE, headerRoom, tarHeader } from "./tar-write.js";
import { largeChunks, readSmall, SMALL } from "./tree-read.js";
import { byteString, hostPath, type TreeEntry } from "./tree.js";

/** How a folder's entries stand in an archive. Without any: as they are on the host. */
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

/** A file that is in memory. Its name is its path in the archive, with slashes; its mode is 0o644 and its owner root unless said. */
export interface ExtraFile {
  readonly name: string;
  readonly content: Buffer;
  readonly mode?: number;
}

/** Small files and headers are sent in chunks of this size: while a larger one is filled, whoever unpacks it waits. */
const CHUNK = 256 * 1024;

const TYPES = { file: "0", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" } as const;

/** A folder's entries, at once or as they are found. */
export type Entries = readonly TreeEntry[] | AsyncIterable<readonly TreeEntry[]>;

/**
 * A folder's entries as a tar stream, in the order given. Never more than a few chunks are in memory.
 * @throws (in the stream) DockerError `folder/changed` where a file is shorter than it was when it was listed
 */
export function packTree(root: string, entries: Entries, options: PackOptions = {}): Readable {
  const packer = new Packer(root, options);
  // One chunk ahead and no more: what waits together would be copied into one.
  return Readable.from(packer.pack(entries), { objectMode: false, highWaterMark: 1 });
}

class Packer {
  readonly #base: string;
  readonly #options: PackOptions;
  /** First name in the archive of every file with several links. */
  readonly #linked = new Map<string, string>();
  readonly #headers = new HeaderWriter();
  #chunk = Buffer.allocUnsafe(CHUNK);
  #used = 0;

  constructor(root: string, options: PackOptions) {
    this.#base = byteString(root.endsWith("/") ? root : `${root}/`);
    this.#options = options;
  }

  async *pack(entries: Entries): AsyncGenerator<Buffer, void, undefined> {
    for await (const batch of Symbol.asyncIterator in entries ? entries : [entries])
      yield* this.#batch(batch);
    yield* this.#end();
  }

  async *#batch(entries: readonly TreeEntry[]): AsyncGenerator<Buffer, void, undefined> {
    for (const entry of entries) {
      const name = this.#options.rename ? this.#options.rename(entry) : entry.path;
      if (name === undefined) continue;
      const header = this.#header(entry, name);
      const small = header.size <= SMALL;
      if (this.#used + roomFor(header, small) > CHUNK) yield this.#flush();
      this.#used = this.#headers.write(this.#chunk, this.#used, header);
      if (small) {
        if (header.size > 0) this.#small(entry);
        continue;
      }
      yield this.#flush();
      yield* largeChunks({ path: this.#path(entry), size: entry.size, signal: this.#options.signal });
      this.#zeros(paddingOf(entry.size));
    }
  }

  #header(entry: TreeEntry, name: string): TarEntry {
    const options = this.#options;
    const first = this.#first(entry, name);
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

  #path(entry: TreeEntry): string | Buffer {
    return hostPath(this.#base + entry.path);
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

/** At most so many bytes for a header, and for the content and its padding where it goes along. */
function roomFor(header: TarEntry, withContent: boolean): number {
  return headerRoom(header) + (withContent ? header.size + BLOCK : 0);
}

/** Linux's device numbers (sys/sysmacros.h). */
export function majorMinor({ type, device }: TreeEntry): { major?: number; minor?: number } {
  if (type !== "character" && type !== "block") return {};
  const number = BigInt(device);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}
