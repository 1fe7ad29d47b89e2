import { statSync, type BigIntStats } from "node:fs";
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
  if (entries.length === 0) return undefined;
  const cache = options.cachePath === undefined ? undefined : await DigestCache.open(options.cachePath);
  const digest = await digestTree(start, entries, {
    ...(cache && { cache }),
    ...(options.signal && { signal: options.signal }),
  });
  await cache?.save();
  return { count: entries.length, digest };
}

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
  const entries = await walkTree(file ? dirname(path) : path, {
    ...(signal && { signal }),
    choose: (bytes, directory) => {
      if (file) return { take: bytes === byteString(basename(path)), enter: false };
      const enter = directory && bytes.split("/").length < depth;
      return { take: !directory && (matches?.(below + textOf(bytes)) ?? true), enter };
    },
  });
  return entries
    .filter(({ type }) => type !== "directory")
    .map((entry) =>
      portable({ ...entry, path: byteString(file ? base : below + textOf(entry.path)) }, start),
    );
}

/** Only what is the same on every machine, and the file in the place of a link to it. */
function portable(entry: TreeEntry, start: string): TreeEntry {
  const mode = entry.mode & 0o111 ? 0o755 : 0o644;
  const plain = { ...entry, mode, links: 1 };
  if (entry.type !== "symlink") return plain;
  const path = Buffer.from(byteString(`${start}/`) + entry.path, "latin1");
  const there = statOf(path);
  if (!there?.isFile()) return { ...plain, mode: 0o644 };
  const { mtimeNs, ctimeNs } = there;
  const inode = `${there.dev}:${there.ino}`;
  const { target: _, ...rest } = plain;
  const runnable = Number(there.mode) & 0o111 ? 0o755 : 0o644;
  return { ...rest, type: "file", mode: runnable, size: Number(there.size), mtimeNs, ctimeNs, inode };
}

function statOf(path: string | Buffer): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw unreadable(byteString(path.toString()), error);
  }
}
