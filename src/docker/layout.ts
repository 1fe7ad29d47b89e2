import { readdir } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { Engine } from "./engine.js";
import { DigestCache } from "./digest-cache.js";
import { detour, putArchive, type Detours } from "./put-archive.js";
import { digestTree } from "./tree-digest.js";
import { packTree } from "./tree-pack.js";
import { byteString, unreadable, walkBatches, walkTree, type TreeEntry } from "./tree.js";

/** Whose the content of a layout shall be in the container, by number. */
export interface LayoutOptions {
  /** Owner of everything; each file's own on the host where it is not said. */
  readonly uid?: number;
  readonly gid?: number;
  readonly signal?: AbortSignal;
}

/** A folder that is laid over a container's root. It is listed when something is done with it. */
export interface Layout {
  /** Of names, permissions, owners and contents. @param cachePath where digests of single files are kept */
  digest(cachePath?: string): Promise<string>;
  /**
   * Puts the folder's content into a container, running or not: sorted and streamed, modes, times, hard links and
   * symlinks kept, symlinked directories of the container respected.
   * @param target a folder of the container; its root unless said
   */
  copyTo(engine: Engine, container: string, target?: string): Promise<void>;
}

/** Opens a folder to lay over a container's root. @throws (from its methods too) DockerError `folder/unreadable` */
export async function openLayout(root: string, options: LayoutOptions = {}): Promise<Layout> {
  const { signal } = options;
  const abortable = signal ? { signal } : {};
  const names = await readdir(root).catch((error: unknown) => {
    throw unreadable(byteString(root), error);
  });
  return {
    digest: async (cachePath) => await digestLayout(root, options, cachePath),
    copyTo: async (engine, container, target = "/") => {
      if (names.length === 0) return;
      const laying = new Laying(root, byteString(target.replace(/^\/+|\/+$/g, "")), options);
      await putArchive({
        engine,
        container,
        archive: (detours) => laying.archive(detours),
        directories: async () => await laying.directories(),
        ...abortable,
      });
    },
  };
}

async function digestLayout(root: string, options: LayoutOptions, cachePath?: string): Promise<string> {
  const { uid, gid, signal } = options;
  const abortable = signal ? { signal } : {};
  const cache = cachePath === undefined ? undefined : await DigestCache.open(cachePath);
  const salt = [`uid ${uid ?? "kept"}`, `gid ${gid ?? "kept"}`];
  const owners = uid === undefined || gid === undefined;
  const given = { owners, salt, ...abortable, ...(cache ? { cache } : {}) };
  const digest = await digestTree(root, await walkTree(root, abortable), given);
  await cache?.save();
  return digest;
}

/** A layout on its way into a folder of a container. */
class Laying {
  readonly #root: string;
  /** Where it goes: a byte string without slashes at its ends. */
  readonly #base: string;
  readonly #options: LayoutOptions;

  constructor(root: string, base: string, options: LayoutOptions) {
    this.#root = root;
    this.#base = base;
    this.#options = options;
  }

  /** The folder is listed while it is sent. */
  archive(detours: Detours): Readable {
    const { uid, gid, signal } = this.#options;
    return packTree(this.#root, this.#walk(), {
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(signal ? { signal } : {}),
      // An engine takes a fifth longer over thousands of small files that have extended headers.
      wholeSeconds: true,
      rename: (entry) => placed(entry, this.#nameOf(entry), detours),
    });
  }

  async directories(): Promise<string[]> {
    const names = above(this.#base);
    for await (const batch of this.#walk())
      for (const entry of batch) if (entry.type === "directory") names.push(this.#nameOf(entry));
    return names;
  }

  #walk(): AsyncIterable<readonly TreeEntry[]> {
    const { signal } = this.#options;
    return walkBatches(this.#root, signal ? { signal } : {});
  }

  #nameOf({ path }: TreeEntry): string {
    return this.#base === "" ? path : `${this.#base}/${path}`;
  }
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
