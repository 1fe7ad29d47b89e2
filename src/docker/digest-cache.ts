import { readFile } from "node:fs/promises";
import { keepFile } from "./kept-file.js";
import type { TreeEntry } from "./tree.js";

/** size, mtime and ctime in nanoseconds, inode, digest */
type Line = readonly [size: number, mtime: string, ctime: string, inode: string, digest: string];

interface CacheFile {
  readonly version: 1;
  readonly files: Readonly<Record<string, Line>>;
}

/** A file written less than this before it was hashed may be written again within the same tick of the clock. */
const RACY_NS = 2_000_000_000n;

/**
 * Digests of files by path, good for as long as size, times and inode stay. Losing it costs time and nothing else, so
 * that a file that cannot be read or written is no error.
 */
export class DigestCache {
  readonly #path: string;
  readonly #known: Map<string, Line>;
  readonly #seen = new Map<string, Line>();
  #changed = false;

  private constructor(path: string, known: Map<string, Line>) {
    this.#path = path;
    this.#known = known;
  }

  /** @param path the cache's file, one per folder */
  static async open(path: string): Promise<DigestCache> {
    try {
      const cache = JSON.parse(await readFile(path, "utf8")) as CacheFile;
      if (cache.version === 1) return new DigestCache(path, new Map(Object.entries(cache.files)));
    } catch {
      // None yet, or one that was damaged.
    }
    return new DigestCache(path, new Map());
  }

  get(entry: TreeEntry): string | undefined {
    const line = this.#known.get(entry.path);
    if (!line || !same(line, lineOf(entry, line[4]))) return undefined;
    this.#seen.set(entry.path, line);
    return line[4];
  }

  set(entry: TreeEntry, digest: string): void {
    const now = BigInt(Date.now()) * 1_000_000n;
    if (now - entry.ctimeNs < RACY_NS || now - entry.mtimeNs < RACY_NS) return;
    this.#seen.set(entry.path, lineOf(entry, digest));
    this.#changed = true;
  }

  /** Keeps what was asked for or set since the cache was opened; the rest is gone from the folder. */
  async save(): Promise<void> {
    if (!this.#changed && this.#seen.size === this.#known.size) return;
    const file: CacheFile = { version: 1, files: Object.fromEntries(this.#seen) };
    await keepFile(this.#path, JSON.stringify(file));
  }
}

function lineOf(entry: TreeEntry, digest: string): Line {
  return [entry.size, String(entry.mtimeNs), String(entry.ctimeNs), entry.inode, digest];
}

function same(a: Line, b: Line): boolean {
  return a.every((value, at) => value === b[at]);
}
