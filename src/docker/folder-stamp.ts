import { lstatSync, readdirSync, readFileSync, statSync, type Stats } from "node:fs";
import { relative } from "node:path";
import { keepFile } from "./kept-file.js";

export interface FolderStamp {
  /** Names, modes, sizes, times and inodes: the same stamp means that nothing was written to. */
  readonly stamp: Buffer;
  /** When something in the folder was last written to, in milliseconds since 1970. */
  readonly newest: number;
}

export interface StampOptions {
  /** Which paths below the folder count, and which folders are looked into; all where it is not said. */
  readonly choose?:
    | ((path: string, directory: boolean) => { readonly take: boolean; readonly enter: boolean })
    | undefined;
  /** Whether what a symlink leads to counts as well. */
  readonly follow?: boolean;
  /** Anything else that makes a difference. It is kept as it is: no secrets. */
  readonly salt: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** A file written to less than this before it was looked at may be written to again within the same tick of the clock. */
const RACY = 2000;
/** Numbers that are kept of a file. */
const WIDTH = 5;
const KIND = 0o170000;
const DIRECTORY = 0o040000;
const SYMLINK = 0o120000;

/** Whether a folder is as it was costs a look at every file; this is that look and nothing more, because it is what a
 *  run in which nothing has changed spends its time with. Undefined where something cannot be read. */
export function folderStamp(root: string, options: StampOptions): FolderStamp | undefined {
  try {
    const look = new Look(options);
    look.folder(fromHere(root), "");
    return look.result();
  } catch {
    options.signal?.throwIfAborted();
    return undefined;
  }
}

/** What is put before the names: the system looks each name of a path up again for each file, and below the working folder
 *  the path can be shorter. */
function fromHere(root: string): string {
  const path = relative(process.cwd(), root);
  return path === "" ? "" : path.startsWith("..") ? `${root}/` : `${path}/`;
}

/** What is seen is kept as it is: it is no longer than the cache of digests beside it, and to load Node's `crypto` for a
 *  digest of it would take longer than all else in a run that has nothing to do. */
class Look {
  readonly #options: StampOptions;
  readonly #names: string[] = [];
  #newest = 0;
  /** Numbers are kept as they are, since writing them out costs more than the look. */
  #rows = new Float64Array(WIDTH * 256);
  #used = 0;

  constructor(options: StampOptions) {
    this.#options = options;
  }

  result(): FolderStamp {
    const text = Buffer.from(`${JSON.stringify(this.#options.salt)}${this.#names.join("")}`);
    const rows = new Uint8Array(this.#rows.buffer, 0, this.#used * Float64Array.BYTES_PER_ELEMENT);
    return { stamp: Buffer.concat([text, rows]), newest: this.#newest };
  }

  /** @param path its path and a slash; nothing for the working folder @param below the same, from the root on */
  folder(path: string, below: string): void {
    const { choose, follow, signal } = this.#options;
    signal?.throwIfAborted();
    const taken: string[] = [];
    const enter: string[] = [];
    for (const name of readdirSync(path || ".")) {
      const at = path + name;
      const stat = lstatSync(at);
      const kind = stat.mode & KIND;
      const directory = kind === DIRECTORY;
      const choice = choose?.(below + name, directory);
      if (directory && (choice?.enter ?? true)) enter.push(name);
      if (choice && !choice.take) continue;
      taken.push(name);
      this.#row(stat, directory);
      if (follow && kind === SYMLINK) this.#row(statSync(at, { throwIfNoEntry: false }));
    }
    this.#names.push(`${below}\0${taken.join("\0")}\0\0`);
    for (const name of enter) this.folder(`${path}${name}/`, `${below}${name}/`);
  }

  #row(stat: Stats | undefined, directory = false): void {
    const at = this.#used;
    if (at + WIDTH > this.#rows.length) this.#widen();
    const rows = this.#rows;
    this.#used = at + WIDTH;
    // A folder's size and times change with files in it that do not count.
    if (!stat || directory) {
      rows.fill(0, at, at + WIDTH);
      rows[at] = stat ? stat.mode : 0;
      return;
    }
    const { mtimeMs, ctimeMs } = stat;
    rows[at] = stat.mode;
    rows[at + 1] = stat.size;
    rows[at + 2] = mtimeMs;
    rows[at + 3] = ctimeMs;
    rows[at + 4] = stat.ino;
    if (mtimeMs > this.#newest) this.#newest = mtimeMs;
    if (ctimeMs > this.#newest) this.#newest = ctimeMs;
  }

  #widen(): void {
    const wider = new Float64Array(this.#rows.length * 2);
    wider.set(this.#rows);
    this.#rows = wider;
  }
}

export interface Remembered {
  readonly root: string;
  /** Where what was found out is kept, beside the stamp that it holds for. Losing it costs time and nothing else. */
  readonly path: string;
  readonly look: StampOptions;
}

/** What `work` finds out about a folder, without doing it where nobody has written to the folder since the last time. */
export async function onceForStamp(what: Remembered, work: () => Promise<string>): Promise<string> {
  const { root, path, look } = what;
  const young = Date.now() - RACY;
  const found = folderStamp(root, look);
  const known = found && lastTime(path, found.stamp);
  if (known) return known;
  const result = await work();
  if (found && result !== "" && found.newest < young)
    await keepFile(path, Buffer.concat([Buffer.from(`${result}\n`), found.stamp]));
  return result;
}

/** What was found out for this stamp; nothing where it was another, or the first time. */
function lastTime(path: string, stamp: Buffer): string | undefined {
  try {
    const kept = readFileSync(path);
    const end = kept.indexOf("\n");
    return kept.subarray(end + 1).equals(stamp) ? kept.toString("utf8", 0, end) : undefined;
  } catch {
    return undefined;
  }
}
