import { randomBytes } from "node:crypto";
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import type { Readable } from "node:stream";
import { containerPath } from "./attach.js";
import {
  nameOf,
  type ContainerPlace,
  type CopySource,
  type FolderPlace,
  type ImagePlace,
} from "./copy-place.js";
import { DockerError, hasStatus, isNotFound } from "./errors.js";
import { statInContainer } from "./path-stat.js";
import { packTree } from "./tree-pack.js";
import { byteString, unreadable, walkTree } from "./tree.js";

/** What is to be copied, found and ready to be read as often as it takes. */
export interface OpenSource {
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** The path that is really read: absolute, symlinks followed where the path asked for it. */
  readonly path: string;
  /** RFC 3339 with nanoseconds, where the archive itself does not tell them. */
  readonly mtime: string | undefined;
  /** A tar stream whose first entry is the thing itself; all others are below it. */
  archive(path?: Buffer): Promise<Readable>;
  /** The nanoseconds of another path of the same place; undefined where the archive tells them. */
  readonly mtimeOf?: (path: Buffer) => Promise<string | undefined>;
  close(): Promise<void>;
}

/**
 * Opens what a path names in a container, an image or a folder. A trailing slash says that a directory is meant, if
 * need be the one that a symlink leads to.
 * @throws DockerError `copy/no-such-path`, `copy/not-a-folder`
 */
export async function openSource(place: CopySource, path: string, signal?: AbortSignal): Promise<OpenSource> {
  if (place.kind === "folder") return await openFolder(place, path, signal);
  if (place.kind === "container") return await openContainer(place, path, { place, signal });
  const container = await createFrom(place, signal);
  const close = async (): Promise<void> => await removeAgain(place, container);
  try {
    const opened = await openContainer({ ...place, kind: "container", container }, path, { place, signal });
    return { ...opened, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Asked {
  /** What the user named. */
  readonly place: CopySource;
  readonly signal: AbortSignal | undefined;
}

async function openContainer(from: ContainerPlace, path: string, asked: Asked): Promise<OpenSource> {
  const { engine, container } = from;
  const abortable = asked.signal ? { signal: asked.signal } : {};
  let real = absolute(path);
  let found = await statInContainer(engine, container, real, asked.signal);
  if (!found) {
    // The container itself may be what is missing.
    await engine.request({ path: `${containerPath(container)}/json`, ...abortable });
    throw noSuchPath(asked.place, path);
  }
  if (found.kind === "symlink" && path.endsWith("/")) {
    real = found.target ?? real;
    found = await statInContainer(engine, container, real, asked.signal);
    if (!found) throw noSuchPath(asked.place, path);
  }
  mustFit(path, found.kind, asked.place);
  return {
    kind: found.kind,
    path: real,
    mtime: found.mtime,
    archive: async (other = Buffer.from(real)) =>
      await engine.selfEnding({
        path: `${containerPath(container)}/archive`,
        query: { path: other },
        ...abortable,
      }),
    mtimeOf: async (other) => await mtimeIn(from, other, asked.signal),
    close: async () => await Promise.resolve(),
  };
}

async function mtimeIn(
  from: ContainerPlace,
  path: Buffer,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await statInContainer(from.engine, from.container, path, signal))?.mtime;
  } catch (error) {
    // An engine cannot look at a symlink that leads to itself.
    if (hasStatus(error, 500)) return undefined;
    throw error;
  }
}

async function openFolder(
  place: FolderPlace,
  path: string,
  signal: AbortSignal | undefined,
): Promise<OpenSource> {
  const named = join(place.path, absolute(path));
  const real = path.endsWith("/") ? await realpath(named).catch(() => named) : named;
  const stat = await lstat(real).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") throw noSuchPath(place, path);
    throw unreadable(byteString(real), error);
  });
  const kind = stat.isDirectory()
    ? "directory"
    : stat.isSymbolicLink()
      ? "symlink"
      : stat.isFile()
        ? "file"
        : "other";
  mustFit(path, kind, place);
  const abortable = signal ? { signal } : {};
  return {
    kind,
    path: real,
    mtime: undefined,
    archive: async (other = Buffer.from(real)) => {
      const folder = dirname(other.toString("utf8"));
      const entries = await walkTree(folder, { only: basename(other.toString("latin1")), ...abortable });
      return packTree(folder, entries, abortable);
    },
    close: async () => await Promise.resolve(),
  };
}

/** `a/../b/` -> `/b`: nothing is above the root, and engines look at no symlink before a `..` either. */
export function absolute(path: string): string {
  return posix.normalize(`/${path}`).replace(/(?<=.)\/$/, "");
}

function mustFit(path: string, kind: OpenSource["kind"], place: CopySource): void {
  if (!path.endsWith("/") || kind === "directory") return;
  throw new DockerError({
    code: "copy/not-a-folder",
    message: `${absolute(path)} in ${nameOf(place)} is not a folder`,
    help: [`write ${absolute(path)} for the file`],
    option: "paths",
  });
}

function noSuchPath(place: CopySource, path: string): DockerError {
  const message = `there is no ${absolute(path)} in ${nameOf(place)}`;
  return new DockerError({ code: "copy/no-such-path", message, option: "paths" });
}

async function createFrom(place: ImagePlace, signal: AbortSignal | undefined): Promise<string> {
  const name = `tsbuildout-copy-${randomBytes(8).toString("hex")}`;
  // Before it is made: a run may be cut off at any instant.
  await place.onContainer?.(name, "created");
  try {
    await place.engine.request({
      method: "POST",
      path: "/containers/create",
      query: { name, platform: place.platform },
      // Never started; but an image without a command of its own makes no container without one.
      json: { Image: place.image, Cmd: ["-"], Labels: place.labels ?? {}, NetworkDisabled: true },
      ...(signal ? { signal } : {}),
    });
    return name;
  } catch (error) {
    // Of a call that was given up the engine may still make it.
    if (!signal?.aborted) await removeAgain(place, name).catch(() => undefined);
    throw error;
  }
}

/** Without the signal: what was made is taken away also by a run that was told to stop. */
async function removeAgain(place: ImagePlace, name: string): Promise<void> {
  try {
    await place.engine.request({
      method: "DELETE",
      path: containerPath(name),
      query: { force: true, v: true },
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  await place.onContainer?.(name, "removed");
}
