import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from "node:fs";
import { DockerError, systemCode } from "./errors.js";

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

export interface WalkOptions {
  /** The one name at the top that is listed; all of them unless said. */
  readonly only?: string;
  readonly signal?: AbortSignal;
  /** Whether to take an entry, and whether to look into it where it is a directory. Asked parents first. */
  readonly choose?: (path: string, directory: boolean) => { readonly take: boolean; readonly enter: boolean };
}

/** After so many milliseconds of synchronous work others get their turn. */
const TURN = 10;

/**
 * Lists a folder in byte order, parents before children: the same folder gives the same list on every machine. A
 * directory that is not chosen is listed where something in it is. Sockets are left out, as tar leaves them out.
 * @throws DockerError `folder/unreadable`
 */
export async function walkTree(root: string, options: WalkOptions = {}): Promise<TreeEntry[]> {
  const walk = new Walk(root, options);
  await walk.folder("", undefined);
  return walk.found;
}

/** A directory that is being looked into, listed or not yet. */
interface Inside {
  readonly entry: TreeEntry;
  readonly above: Inside | undefined;
  listed: boolean;
}

class Walk {
  readonly found: TreeEntry[] = [];
  readonly #base: string;
  readonly #options: WalkOptions;
  #turn = performance.now();

  constructor(root: string, options: WalkOptions) {
    this.#base = byteString(root.endsWith("/") ? root : `${root}/`);
    this.#options = options;
  }

  async folder(path: string, inside: Inside | undefined): Promise<void> {
    const { only } = this.#options;
    for (const name of path === "" && only !== undefined ? [only] : this.#names(path)) {
      const entry = this.#entry(path === "" ? name : `${path}/${name}`);
      if (!entry) continue;
      const directory = entry.type === "directory";
      const { take, enter } = this.#options.choose?.(entry.path, directory) ?? { take: true, enter: true };
      if (take) this.#list(inside, entry);
      if (directory && enter) await this.folder(entry.path, { entry, above: inside, listed: take });
      await this.#pause();
    }
  }

  #list(inside: Inside | undefined, entry: TreeEntry): void {
    if (inside && !inside.listed) {
      this.#list(inside.above, inside.entry);
      inside.listed = true;
    }
    this.found.push(entry);
  }

  #names(path: string): string[] {
    return attempt(this.#base + path, (bytes) => readdirSync(bytes, { encoding: "latin1" })).sort();
  }

  #entry(path: string): TreeEntry | undefined {
    return attempt(this.#base + path, (bytes) => {
      const stat = lstatSync(bytes, { bigint: true });
      const type = typeOf(stat);
      return (
        type && entryOf(path, type, stat, type === "symlink" ? readlinkSync(bytes, "latin1") : undefined)
      );
    });
  }

  async #pause(): Promise<void> {
    if (performance.now() - this.#turn < TURN) return;
    await new Promise(setImmediate);
    this.#options.signal?.throwIfAborted();
    this.#turn = performance.now();
  }
}

function typeOf(stat: BigIntStats): TreeEntry["type"] | undefined {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  if (stat.isCharacterDevice()) return "character";
  return stat.isBlockDevice() ? "block" : undefined;
}

function entryOf(path: string, type: TreeEntry["type"], stat: BigIntStats, target?: string): TreeEntry {
  return {
    path,
    type,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: type === "file" ? Number(stat.size) : 0,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    inode: `${stat.dev}:${stat.ino}`,
    links: Number(stat.nlink),
    device: Number(stat.rdev),
    ...(target === undefined ? {} : { target }),
  };
}

/** Does something with a path on the host, given as a byte string. */
function attempt<T>(path: string, work: (bytes: Buffer) => T): T {
  try {
    return work(Buffer.from(path, "latin1"));
  } catch (error) {
    throw unreadable(path, error);
  }
}

export function unreadable(path: string, error: unknown): Error {
  const code = systemCode(error);
  if (!code) return error instanceof Error ? error : new Error(String(error));
  const shown = Buffer.from(path, "latin1")
    .toString("utf8")
    .replace(/(.)\/$/, "$1");
  const why = code === "ENOENT" ? "it does not exist" : code === "ENOTDIR" ? "it is not a folder" : code;
  return new DockerError(
    { code: "folder/unreadable", message: `cannot read ${shown}: ${why}` },
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
