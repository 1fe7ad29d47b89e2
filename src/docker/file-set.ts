import { createHash } from "node:crypto";
import { statSync, type BigIntStats } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { DigestCache } from "./digest-cache.js";
import { systemCode } from "./errors.js";
import { digestTree } from "./tree-digest.js";
import { byteString, textOf, unreadable, walkTree, type TreeEntry } from "./tree.js";

/** Some files, with a digest of their names and contents. */
export interface FileSet {
  readonly count: number;
  /** `sha256:…`; the same on every machine: neither times nor owners count, of permissions only whether a file may be run. */
  readonly digest: string;
}

export interface FileSetOptions {
  /** Where digests of single files are kept from one run to the next. */
  readonly cachePath?: string;
  readonly signal?: AbortSignal;
}

/** Which files are meant. */
export interface FileChoice {
  /** A file, or the folder in which all of them are; relative to the root, or absolute. */
  readonly base: string;
  /** Of a folder, those whose path (below the root, with slashes) it likes; all of them without. */
  readonly matches?: (path: string) => boolean;
  /** How many folders deep to look below the base; 1 is the base itself. All unless said. */
  readonly depth?: number;
}

/**
 * A file, a folder with everything in it, or what is chosen of it.
 * @param root where relative paths start
 * @returns undefined where there is none
 * @throws DockerError `folder/unreadable`
 */
export async function digestFiles(
  root: string,
  choice: FileChoice,
  options: FileSetOptions = {},
): Promise<FileSet | undefined> {
  const absolute = isAbsolute(choice.base);
  const start = absolute ? "/" : root;
  const base = absolute ? choice.base.slice(1) : choice.base;
  const entries = await entriesOf(start, { ...choice, base }, options.signal);
  const { cachePath, signal } = options;
  const memo = new Memo(cachePath, entries);
  const known = entries.length > 0 ? await memo.read() : undefined;
  if (known !== undefined) return { count: entries.length, digest: known };
  if (entries.length === 0) return undefined;
  const cache = cachePath === undefined ? undefined : await DigestCache.open(cachePath);
  const digest = await digestTree(
    start,
    entries.map((entry) => portable(entry)),
    { ...(cache && { cache }), ...(signal && { signal }) },
  );
  await cache?.save();
  await memo.write(digest);
  return { count: entries.length, digest };
}

/** The digest of the very same files, none of them touched since: then not even the digests of single files are read. */
class Memo {
  readonly #path: string | undefined;
  readonly #entries: readonly TreeEntry[];
  #print: string | undefined;

  constructor(cachePath: string | undefined, entries: readonly TreeEntry[]) {
    this.#path = cachePath === undefined ? undefined : `${cachePath}.whole`;
    this.#entries = entries;
  }

  async read(): Promise<string | undefined> {
    if (this.#path === undefined) return undefined;
    const text = await readFile(this.#path, "utf8").catch(() => "");
    const [print, digest] = text.split("\n");
    return print === this.#fingerprint() ? digest : undefined;
  }

  /** Not where a file is so new that it may be written again within the same tick of the clock. */
  async write(digest: string): Promise<void> {
    const young = BigInt(Date.now()) * 1_000_000n - YOUNG_NS;
    if (this.#path === undefined || this.#entries.some((entry) => entry.ctimeNs > young)) return;
    const temporary = `${this.#path}.${process.pid}`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(temporary, `${this.#fingerprint()}\n${digest}\n`, { mode: 0o600 });
      await rename(temporary, this.#path);
    } catch {
      // Without it the next run takes longer, and nothing else.
    }
  }

  #fingerprint(): string {
    if (this.#print !== undefined) return this.#print;
    const lines = this.#entries.map(
      ({ path, size, mtimeNs, ctimeNs, inode, mode }) =>
        `${path}\0${size}\0${mtimeNs}\0${ctimeNs}\0${inode}\0${mode}`,
    );
    return (this.#print = createHash("sha256").update(lines.join("\n"), "latin1").digest("hex"));
  }
}

const YOUNG_NS = 2_000_000_000n;

async function entriesOf(
  start: string,
  { base, matches, depth = Number.POSITIVE_INFINITY }: FileChoice,
  signal: AbortSignal | undefined,
): Promise<TreeEntry[]> {
  const path = join(start, base);
  const there = statOf(path);
  if (!there || (matches && !there.isDirectory())) return [];
  const file = !there.isDirectory();
  const below = base === "" ? "" : `${base}/`;
  const prefix = byteString(below);
  const entries = await walkTree(file ? dirname(path) : path, {
    ...(signal && { signal }),
    choose: (bytes, directory) => {
      if (file) return { take: bytes === byteString(basename(path)), enter: false };
      const enter = directory && bytes.split("/").length < depth;
      return { take: !directory && (!matches || matches(below + textOf(bytes))), enter };
    },
  });
  return entries.flatMap((entry) => {
    if (entry.type === "directory") return [];
    const path = file ? byteString(base) : prefix + entry.path;
    const whole = path === entry.path ? entry : { ...entry, path };
    return entry.type === "symlink" ? [followed(whole, start)] : [whole];
  });
}

/** The file in the place of a link to it. */
function followed(entry: TreeEntry, start: string): TreeEntry {
  const there = statOf(Buffer.from(byteString(`${start}/`) + entry.path, "latin1"));
  if (!there?.isFile()) return entry;
  const { mtimeNs, ctimeNs } = there;
  const { target: _, ...rest } = entry;
  const inode = `${there.dev}:${there.ino}`;
  const mode = Number(there.mode & 0o7777n);
  return { ...rest, type: "file", mode, size: Number(there.size), mtimeNs, ctimeNs, inode };
}

/** Only what is the same on every machine. */
function portable(entry: TreeEntry): TreeEntry {
  const runnable = entry.type === "file" && (entry.mode & 0o111) !== 0;
  return { ...entry, mode: runnable ? 0o755 : 0o644, links: 1 };
}

function statOf(path: string | Buffer): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw unreadable(byteString(path.toString()), error);
  }
}
