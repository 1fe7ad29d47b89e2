import type { Engine } from "./engine.js";
import { DigestCache } from "./digest-cache.js";
import { detour, putArchive, type Detours } from "./put-archive.js";
import { digestTree } from "./tree-digest.js";
import { packTree } from "./tree-pack.js";
import { byteString, walkTree, type TreeEntry } from "./tree.js";

export interface LayoutOptions {
  /** Owner of everything; each file's own on the host where it is not said. */
  readonly uid?: number;
  readonly gid?: number;
  readonly signal?: AbortSignal;
}

/** A folder that is laid over a container's root. */
export interface Layout {
  readonly entries: readonly TreeEntry[];
  /** Bytes of its files. */
  readonly size: number;
  /** Of names, permissions, owners and contents. @param cachePath where digests of single files are kept */
  digest(cachePath?: string): Promise<string>;
  /**
   * Puts the folder's content into a container, running or not: sorted and streamed, modes, times, hard links and
   * symlinks kept, symlinked directories of the container respected.
   * @param target a folder of the container; its root unless said
   */
  copyTo(engine: Engine, container: string, target?: string): Promise<void>;
}

/** Lists a folder to lay over a container's root. @throws DockerError `folder/unreadable` */
export async function openLayout(root: string, options: LayoutOptions = {}): Promise<Layout> {
  const { uid, gid, signal } = options;
  const abortable = signal ? { signal } : {};
  const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
  const entries = await walkTree(root, abortable);
  return {
    entries,
    size: entries.reduce((sum, entry) => sum + entry.size, 0),
    digest: async (cachePath) => {
      const cache = cachePath === undefined ? undefined : await DigestCache.open(cachePath);
      const salt = [`uid ${uid ?? "kept"}`, `gid ${gid ?? "kept"}`];
      const owners = uid === undefined || gid === undefined;
      const digest = await digestTree(root, entries, {
        owners,
        salt,
        ...abortable,
        ...(cache ? { cache } : {}),
      });
      await cache?.save();
      return digest;
    },
    copyTo: async (engine, container, target = "/") => {
      if (entries.length === 0) return;
      const base = byteString(target.replace(/^\/+|\/+$/g, ""));
      const nameOf = (entry: TreeEntry): string => (base === "" ? entry.path : `${base}/${entry.path}`);
      await putArchive({
        engine,
        container,
        archive: (detours) =>
          packTree(root, entries, {
            ...owner,
            ...abortable,
            rename: (entry) => placed(entry, nameOf(entry), detours),
          }),
        directories: () => [
          ...above(base),
          ...entries.filter(({ type }) => type === "directory").map((entry) => nameOf(entry)),
        ],
        ...abortable,
      });
    },
  };
}

/** Where an entry goes; nowhere where the container has a symlink in the place of a directory. */
function placed(entry: TreeEntry, name: string, detours: Detours): string | undefined {
  return entry.type === "directory" && detours.has(name) ? undefined : detour(name, detours);
}

/** `a/b/c` -> `a`, `a/b`, `a/b/c` */
function above(path: string): string[] {
  if (path === "") return [];
  const pieces = path.split("/");
  return pieces.map((_, at) => pieces.slice(0, at + 1).join("/"));
}
