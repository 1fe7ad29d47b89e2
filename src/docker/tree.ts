import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from "node:fs";
import { DockerError, fileReason, systemCode } from "./errors.js";

/** One thing in a folder on the host. Texts are byte strings (latin1): names on Linux are bytes. */
export interface TreeEntry {
  /** Below the folder, with slashes: `etc/passwd`. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "fifo" | "character" | "block";
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Tells files apart and finds hard links. */
  readonly inode: string;
  readonly links: number;
  /** A symlink's target. */
  readonly target?: string;
  readonly device: number;
}

/** Which part of a folder is listed. Paths are below it, with slashes, as byte strings (latin1). */
export interface WalkOptions {
  /** The one name at the top that is listed; all of them unless said. */
  readonly only?: string;
  readonly signal?: AbortSignal;
  /** Whether to take an entry, and whether to look into it where it is a directory. Asked parents first. */
  readonly choose?: (path: string, directory: boolean) => { readonly take: boolean; readonly enter: boolean };
}

/** After so many seconds of synchronous work others get their turn. */
export const TURN = 0.01;

/**
 * Lists a folder in byte order, parents before children: the same folder gives the same list on every machine. A
 * directory that is not chosen is listed where something in it is. Sockets are left out, as tar leaves them out.
 * @throws DockerError `folder/unreadable`
 */
export async function walkTree(root: string, options: WalkOptions = {}): Promise<TreeEntry[]> {
  const found: TreeEntry[] = [];
  for await (const entries of walkBatches(root, options)) found.push(...entries);
  return found;
}

/** The same list as it is found, so that what is done with it need not wait for its end. Others get their turns between. */
export async function* walkBatches(
  root: string,
  options: WalkOptions = {},
): AsyncGenerator<readonly TreeEntry[], void, undefined> {
  const walk = new Walk(root, options);
  for (let batch = walk.next(); batch; batch = walk.next()) {
    yield batch;
    await new Promise(setImmediate);
    options.signal?.throwIfAborted();
  }
}

/** Enough that handing over costs nothing, and few enough that the first is there at once. */
const BATCH = 200;

/** A directory that is being looked into, listed or not yet. */
interface Inside {
  /** Its path with a slash at its end; empty for the folder itself. */
  readonly prefix: string;
  readonly names: readonly string[];
  at: number;
  readonly entry: TreeEntry | undefined;
  listed: boolean;
}

class Walk {
  readonly #base: string;
  readonly #options: WalkOptions;
  /** The folder itself first. */
  readonly #inside: Inside[] = [];

  constructor(root: string, options: WalkOptions) {
    this.#base = byteString(root.endsWith("/") ? root : `${root}/`);
    this.#options = options;
    const names = options.only === undefined ? this.#names("") : [options.only];
    this.#inside.push({ prefix: "", names, at: 0, entry: undefined, listed: true });
  }

  /** The next entries: none where long nothing was chosen, undefined at the end. */
  next(): readonly TreeEntry[] | undefined {
    if (this.#inside.length === 0) return undefined;
    const start = process.uptime();
    const batch: TreeEntry[] = [];
    for (let top = this.#inside.at(-1); top && batch.length < BATCH; top = this.#inside.at(-1)) {
      const name = top.names[top.at++];
      if (name === undefined) this.#inside.pop();
      else this.#look(top.prefix + name, batch);
      if (process.uptime() - start > TURN) break;
    }
    return batch;
  }

  #look(path: string, batch: TreeEntry[]): void {
    const entry = this.#entry(path);
    if (!entry) return;
    const directory = entry.type === "directory";
    const { take, enter } = this.#options.choose?.(path, directory) ?? ALL;
    if (take) {
      this.#listAbove(batch);
      batch.push(entry);
    }
    if (!directory || !enter) return;
    this.#inside.push({ prefix: `${path}/`, names: this.#names(path), at: 0, entry, listed: take });
  }

  /** The directories that were not chosen themselves. */
  #listAbove(batch: TreeEntry[]): void {
    if (this.#inside.at(-1)?.listed) return;
    for (const inside of this.#inside) {
      if (!inside.listed && inside.entry) batch.push(inside.entry);
      inside.listed = true;
    }
  }

  #names(path: string): string[] {
    const whole = this.#base + path;
    try {
      return readdirSync(hostPath(whole), { encoding: "latin1" }).sort();
    } catch (error) {
      throw unreadable(whole, error);
    }
  }

  #entry(path: string): TreeEntry | undefined {
    const whole = this.#base + path;
    try {
      const stat = lstatSync(hostPath(whole), { bigint: true });
      const type = TYPES[Number(stat.mode) & 0o170_000];
      const target = type === "symlink" ? readlinkSync(hostPath(whole), "latin1") : undefined;
      return type && entryOf({ path, type, stat, target });
    } catch (error) {
      throw unreadable(whole, error);
    }
  }
}

const ALL = { take: true, enter: true };

/** By the kind in a mode (sys/stat.h); sockets are not among them. */
const TYPES: Readonly<Record<number, TreeEntry["type"]>> = {
  0o100_000: "file",
  0o040_000: "directory",
  0o120_000: "symlink",
  0o010_000: "fifo",
  0o020_000: "character",
  0o060_000: "block",
};

interface Found {
  readonly path: string;
  readonly type: TreeEntry["type"];
  readonly stat: BigIntStats;
  readonly target: string | undefined;
}

function entryOf({ path, type, stat, target }: Found): TreeEntry {
  const entry = {
    path,
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: type === "file" ? Number(stat.size) : 0,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    inode: `${stat.dev}:${stat.ino}`,
    links: Number(stat.nlink),
    device: Number(stat.rdev),
  };
  return target === undefined ? entry : { ...entry, target };
}

/** A path on the host, given as a byte string, as Node's functions take it. */
export function hostPath(bytes: string): string | Buffer {
  // Almost all are ASCII, which is cheaper.
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, "latin1");
}

// oxlint-disable-next-line no-control-regex -- all but the bytes above 127
const ASCII = /^[\x00-\x7f]*$/;

export function unreadable(path: string, error: unknown): Error {
  const code = systemCode(error);
  if (!code) return error instanceof Error ? error : new Error(String(error));
  const shown = Buffer.from(path, "latin1")
    .toString("utf8")
    .replace(/(.)\/$/, "$1");
  return new DockerError(
    { code: "folder/unreadable", message: `cannot read ${shown}: ${fileReason(code)}` },
    { cause: error },
  );
}

/** The UTF-8 bytes of a text, one character each. */
export function byteString(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text of a byte string that is UTF-8. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
