import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import type { DigestCache } from "./digest-cache.js";
import { byteString, TURN, unreadable, type TreeEntry } from "./tree.js";
import type { ExtraFile } from "./tree-pack.js";

/** What counts for a folder's digest besides names, kinds, permissions and contents, and what need not be read for it. */
export interface TreeDigestOptions {
  /** Whether owners count. Off where the archive gives everything to one owner. */
  readonly owners?: boolean;
  /** Anything else that the content depends on. */
  readonly salt?: readonly string[];
  readonly extra?: readonly ExtraFile[];
  readonly cache?: DigestCache;
  /** Digests of files that were read just now, by path. */
  readonly known?: ReadonlyMap<string, string> | undefined;
  readonly signal?: AbortSignal;
}

const CHUNK = 1024 * 1024;
const SMALL = 128 * 1024;

/**
 * A digest of what a folder holds: names, kinds, permissions, link targets and contents, not times. Files that the cache
 * knows unchanged are not read.
 * @returns `sha256:…`
 */
export async function digestTree(
  root: string,
  entries: readonly TreeEntry[],
  options: TreeDigestOptions = {},
): Promise<string> {
  const whole = createHash("sha256");
  fields(whole, (options.salt ?? []).map(byteString));
  const reader = new FileHasher(root, options);
  const linked = new Map<string, string>();
  for (const entry of entries) {
    const first = entry.links > 1 && entry.type !== "directory" ? linked.get(entry.inode) : undefined;
    if (entry.links > 1 && first === undefined) linked.set(entry.inode, entry.path);
    const content =
      first ?? (entry.type === "file" ? await reader.hash(entry) : (entry.target ?? String(entry.device)));
    const kind = first === undefined ? entry.type : "link";
    const owner = options.owners ? `${entry.uid}:${entry.gid}` : "";
    fields(whole, [entry.path, kind, entry.mode.toString(8), owner, content]);
  }
  for (const { name, content, mode = 0o644 } of options.extra ?? []) {
    const hash = createHash("sha256").update(content).digest("hex");
    fields(whole, [byteString(name), "file", mode.toString(8), "", hash]);
  }
  return `sha256:${whole.digest("hex")}`;
}

/** Length first, so that no two lists of fields look the same. */
function fields(hash: Hash, texts: readonly string[]): void {
  hash.update(texts.map((bytes) => `${bytes.length}:${bytes}`).join(""), "latin1");
}

class FileHasher {
  readonly #base: string;
  readonly #options: TreeDigestOptions;
  readonly #buffer = Buffer.allocUnsafe(SMALL);
  #turn = process.uptime();

  constructor(root: string, options: TreeDigestOptions) {
    this.#base = byteString(root.endsWith("/") ? root : `${root}/`);
    this.#options = options;
  }

  async hash(entry: TreeEntry): Promise<string> {
    const { cache } = this.#options;
    const read = this.#options.known?.get(entry.path);
    if (read !== undefined) cache?.set(entry, read);
    const known = read ?? cache?.get(entry);
    if (known !== undefined) return known;
    const path = Buffer.from(this.#base + entry.path, "latin1");
    try {
      const digest = entry.size <= SMALL ? this.#small(path) : await this.#large(path);
      cache?.set(entry, digest);
      await this.#pause();
      return digest;
    } catch (error) {
      throw unreadable(path.toString("latin1"), error);
    }
  }

  #small(path: Buffer): string {
    const file = openSync(path, "r");
    const hash = createHash("sha256");
    try {
      for (let read = -1; read !== 0; ) {
        read = readSync(file, this.#buffer, 0, SMALL, null);
        if (read > 0) hash.update(this.#buffer.subarray(0, read));
      }
    } finally {
      closeSync(file);
    }
    return hash.digest("hex");
  }

  async #large(path: Buffer): Promise<string> {
    const hash = createHash("sha256");
    const file = await open(path, "r");
    try {
      const buffers = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
      const read = async (turn: number): Promise<Buffer> => {
        const buffer = buffers[turn % 2] ?? Buffer.alloc(CHUNK);
        const { bytesRead } = await file.read(buffer, 0, CHUNK, null);
        return buffer.subarray(0, bytesRead);
      };
      // While one chunk is hashed, the next is read.
      let next = read(0);
      for (let turn = 1; ; turn += 1) {
        const chunk = await next;
        if (chunk.length === 0) break;
        next = read(turn);
        next.catch(() => undefined);
        this.#options.signal?.throwIfAborted();
        hash.update(chunk);
      }
    } finally {
      await file.close();
    }
    return hash.digest("hex");
  }

  async #pause(): Promise<void> {
    if (process.uptime() - this.#turn < TURN) return;
    await new Promise(setImmediate);
    this.#options.signal?.throwIfAborted();
    this.#turn = process.uptime();
  }
}
