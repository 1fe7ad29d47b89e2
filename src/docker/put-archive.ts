import type { Readable } from "node:stream";
import { coveredPaths, unpackByMount } from "./archive-mounts.js";
import { containerPath } from "./attach.js";
import type { Engine } from "./engine.js";
import { DockerError, hasStatus } from "./errors.js";
import { statInContainer, type PathStat } from "./path-stat.js";

/** Where directories of an archive really are in a container, for those that are symlinks there: `lib` -> `usr/lib`. */
export type Detours = ReadonlyMap<string, string>;

export interface Upload {
  readonly engine: Engine;
  readonly container: string;
  /** Makes the archive, with paths below the container's root. May be asked for a second time. */
  readonly archive: (detours: Detours) => Readable | Promise<Readable>;
  /** The archive's directories, parents first; asked for only where the engine has refused the archive. */
  readonly directories: () => readonly string[] | Promise<readonly string[]>;
  readonly signal?: AbortSignal;
}

/**
 * Unpacks an archive at a container's root. A directory never replaces something that is none: the engine refuses, and
 * where it was a symlink to a directory, the archive is made again with paths that go through it.
 */
export async function putArchive(upload: Upload): Promise<void> {
  try {
    await put(upload, new Map());
  } catch (error) {
    // Of a refusal nothing but its status may be heeded: look whether there is a symlink in the way.
    if (!(error instanceof DockerError) || (error.statusCode !== 400 && error.statusCode !== 500))
      throw error;
    const detours = await findDetours(upload, await upload.directories());
    if (detours.size === 0) throw error;
    await put(upload, detours);
  }
}

async function put(upload: Upload, detours: Detours): Promise<void> {
  const { engine, container, signal } = upload;
  const archive = async (): Promise<Readable> => await upload.archive(detours);
  const unpack = async (path: string, body: Readable): Promise<void> =>
    await engine.request({
      method: "PUT",
      path: `${containerPath(container)}/archive`,
      query: { path: Buffer.from(`/${path}`, "latin1"), noOverwriteDirNonDir: 1 },
      headers: { "Content-Type": "application/x-tar" },
      body,
      ...(signal ? { signal } : {}),
    });
  const covered = await coveredPaths(engine, container, signal);
  if (covered.length === 0) await unpack("", await archive());
  else await unpackByMount(covered, archive, unpack);
}

/** A path with the longest directory that it goes through replaced by where that directory really is. */
export function detour(path: string, detours: Detours): string {
  if (detours.size === 0) return path;
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const real = detours.get(path.slice(0, end));
    if (real !== undefined) return `${real}${path.slice(end)}`.replace(/^\//, "");
  }
  return path;
}

/** Looks from the root downwards; below what is not there yet nothing needs to be looked at. */
async function findDetours(upload: Upload, directories: readonly string[]): Promise<Detours> {
  const detours = new Map<string, string>();
  const missing = new Set<string>();
  for (const level of byDepth(directories)) {
    const asked = level.filter((path) => !missing.has(parentOf(path)));
    for (const path of level) if (missing.has(parentOf(path))) missing.add(path);
    await eachOf(asked, async (path) => {
      const real = detour(path, detours);
      const bytes = Buffer.from(`/${real}`, "latin1");
      const stat = await lookAt(upload, bytes);
      // Below what is no folder the engine could not look.
      if (stat?.kind !== "directory" && stat?.kind !== "symlink") missing.add(path);
      if (stat?.kind !== "symlink" || stat.target === undefined) return;
      detours.set(path, Buffer.from(stat.target, "utf8").toString("latin1").replace(/^\/+/, ""));
    });
  }
  return detours;
}

/** Nothing where the path goes through a symlink to something that is no folder, which is a failure to an engine. */
async function lookAt(upload: Upload, path: Buffer): Promise<PathStat | undefined> {
  try {
    return await statInContainer(upload.engine, upload.container, path, upload.signal);
  } catch (error) {
    if (hasStatus(error, 500)) return undefined;
    throw error;
  }
}

function byDepth(directories: readonly string[]): string[][] {
  const levels: string[][] = [];
  for (const path of directories) (levels[path.split("/").length - 1] ??= []).push(path);
  return levels.filter((level) => level !== undefined);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

const AT_ONCE = 4;

async function eachOf(items: readonly string[], work: (item: string) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
