import { statSync, type BigIntStats } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { DigestCache } from "./digest-cache.js";
import { systemCode } from "./errors.js";
import { onceForStamp, type StampOptions } from "./folder-stamp.js";
import { digestTree } from "./tree-digest.js";
import { byteString, textOf, unreadable, walkTree, type TreeEntry } from "./tree.js";

/** Some files, with a digest of their names and contents. */
export interface FileSet {
  readonly count: number;
  /** `sha256:…`; the same on every machine: neither times nor owners count, of permissions only whether a file may be run. */
  readonly digest: string;
}

/** What digestFiles may keep, and what ends it early. */
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
  const below = { ...choice, base: absolute ? choice.base.slice(1) : choice.base };
  const { cachePath } = options;
  if (cachePath === undefined) return await digestBelow(start, below, options);
  const look = stampOf(below, options.signal);
  const path = `${cachePath}.whole`;
  const text = await onceForStamp({ root: join(start, below.base), path, look }, async () => {
    const found = await digestBelow(start, below, options);
    return found ? `${found.digest} ${found.count}` : "";
  });
  const [digest = "", count] = text.split(" ");
  return digest === "" ? undefined : { count: Number(count), digest };
}

async function digestBelow(
  start: string,
  choice: FileChoice,
  { cachePath, signal }: FileSetOptions,
): Promise<FileSet | undefined> {
  const entries = await entriesOf(start, choice, signal);
  if (entries.length === 0) return undefined;
  const cache = cachePath === undefined ? undefined : await DigestCache.open(cachePath);
  const digest = await digestTree(
    start,
    entries.map((entry) => portable(entry)),
    { ...(cache && { cache }), ...(signal && { signal }) },
  );
  await cache?.save();
  return { count: entries.length, digest };
}

/** The same files as `entriesOf` lists. */
function stampOf(choice: FileChoice, signal: AbortSignal | undefined): StampOptions {
  const { base, depth } = choice;
  const every = choice.matches === undefined && depth === undefined;
  const choose = every ? undefined : chooserOf(choice);
  return { salt: [base, String(depth)], follow: true, choose, signal };
}

/** Which of the paths below the base are meant. */
function chooserOf({ base, matches, depth = Number.POSITIVE_INFINITY }: FileChoice) {
  const below = base === "" ? "" : `${base}/`;
  return (path: string, directory: boolean) => {
    const enter = directory && path.split("/").length < depth;
    return { take: !directory && (!matches || matches(below + path)), enter };
  };
}

async function entriesOf(
  start: string,
  choice: FileChoice,
  signal: AbortSignal | undefined,
): Promise<TreeEntry[]> {
  const { base, matches } = choice;
  const path = join(start, base);
  const there = statOf(path);
  if (!there || (matches && !there.isDirectory())) return [];
  const file = !there.isDirectory();
  const prefix = base === "" ? "" : byteString(`${base}/`);
  const choose = chooserOf(choice);
  const entries = await walkTree(file ? dirname(path) : path, {
    ...(file && { only: byteString(basename(path)) }),
    ...(signal && { signal }),
    choose: (bytes, directory) => choose(textOf(bytes), directory),
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
