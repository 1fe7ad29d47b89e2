import { realpath } from "node:fs/promises";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { containerPath } from "./attach.js";
import { plannedDirectories, putPlanned, type Plan } from "./copy-plan.js";
import { nameOf, type ContainerPlace, type FolderPlace } from "./copy-place.js";
import { DockerError } from "./errors.js";
import { streamOf } from "./outlet.js";
import type { ArchiveEntry } from "./tar-rewrite.js";
import { makeFolders } from "./make-folders.js";
import { statInContainer } from "./path-stat.js";
import { putArchive } from "./put-archive.js";
import { END_OF_ARCHIVE, tarHeader } from "./tar-write.js";
import { byteString, textOf } from "./tree.js";

/** Where a target's folder really is in a container. */
interface Place {
  /** Byte string without slashes at its ends. */
  readonly path: string;
  /** Folders above it that are to be made, outermost first. */
  readonly missing: readonly string[];
}

export interface Coming {
  /** Byte string without slashes at its ends. */
  readonly target: string;
  /** The plan for it, when the source has been looked through. */
  readonly planned: Promise<Plan>;
}

/** Copies into a container. The archive goes through as it comes: nothing is on disk, and memory is bounded. */
export async function copyToContainer(
  to: ContainerPlace,
  coming: Coming,
  signal?: AbortSignal,
): Promise<void> {
  const place = await findPlace(to, coming.target, signal);
  const placed = async (): Promise<Plan> => ({ ...(await coming.planned), target: place.path });
  await putArchive({
    engine: to.engine,
    container: to.container,
    archive: (detours) =>
      streamOf(async (outlet) => {
        const plan = await placed();
        for (const folder of place.missing) await outlet.give(newFolder(folder, plan));
        await putPlanned(outlet, plan, detours);
        await outlet.give(END_OF_ARCHIVE);
      }),
    directories: async () => await plannedDirectories(await placed()),
    ...(signal ? { signal } : {}),
  });
}

/** Follows the symlinks above the target, and finds out which folders there are not. An engine would make those itself, unreadable for everybody but root. */
async function findPlace(to: ContainerPlace, target: string, signal?: AbortSignal): Promise<Place> {
  const pieces = target === "" ? [] : target.split("/");
  const last = pieces.pop();
  const missing: string[] = [];
  let path = "";
  for (const piece of pieces) {
    path = path === "" ? piece : `${path}/${piece}`;
    const found =
      missing.length > 0
        ? undefined
        : await statInContainer(to.engine, to.container, `/${textOf(path)}`, signal);
    if (!found) {
      if (missing.length === 0) await mustExist(to, signal);
      missing.push(path);
    } else if (found.kind === "symlink") path = byteString(found.target ?? "").replace(/^\/+/, "");
    else if (found.kind !== "directory") throw notFolder(to, `/${textOf(path)}`);
  }
  return { path: [...(path ? [path] : []), ...(last === undefined ? [] : [last])].join("/"), missing };
}

async function mustExist(to: ContainerPlace, signal?: AbortSignal): Promise<void> {
  await to.engine.request({ path: `${containerPath(to.container)}/json`, ...(signal ? { signal } : {}) });
}

function newFolder(name: string, plan: Plan): Buffer {
  const mtimeNs = BigInt(Math.floor(Date.now() / 1000)) * 1_000_000_000n;
  const owner = { uid: plan.uid ?? 0, gid: plan.gid ?? 0 };
  return tarHeader({ name: `${name}/`, type: "5", mode: 0o755, size: 0, mtimeNs, ...owner });
}

function notFolder(place: ContainerPlace | FolderPlace, path: string): DockerError {
  const message = `${path} in ${nameOf(place)} is not a folder`;
  return new DockerError({ code: "copy/not-a-folder", message, option: "paths" });
}

/**
 * Copies into a folder on the host by tar-fs, which writes through no symlink and not outside of the folder. Everything
 * belongs to the user who runs this, unless an owner is given; set-id bits are not taken over.
 */
export async function copyToFolder(to: FolderPlace, plan: Plan, signal?: AbortSignal): Promise<void> {
  const { default: tarfs } = await import("tar-fs");
  await makeFolders(to.path).catch((error: unknown) => {
    throw hostError(error, to.path);
  });
  const chosen: { readonly mtime: number }[] = [];
  const planned = { ...plan, onEntry: onEntryFor(to, chosen) };
  const whole = streamOf(async (outlet) => {
    await putPlanned(outlet, planned, new Map());
    await outlet.give(END_OF_ARCHIVE);
  });
  const { uid, gid } = plan;
  const owned = uid !== undefined || gid !== undefined;
  const extract = tarfs.extract(await realpath(to.path), {
    umask: 0,
    ...(owned ? { chown: true } : { chown: false }),
    // tar-stream clamps owners and garbles late times; what was read from the same header is right.
    map: (header) => ({
      ...header,
      mtime: new Date((chosen.shift()?.mtime ?? 0) * 1000),
      ...(owned ? { uid: uid ?? process.getuid?.() ?? 0, gid: gid ?? process.getgid?.() ?? 0 } : {}),
    }),
  } as Parameters<typeof tarfs.extract>[1]);
  await pipeline(whole, extract, signal ? { signal } : {}).catch((error: unknown) => {
    throw hostError(error, join(to.path, textOf(plan.target)));
  });
}

type OnEntry = NonNullable<Plan["onEntry"]>;

function onEntryFor(to: FolderPlace, chosen: { mtime: number }[]): OnEntry {
  return (entry, name) => {
    chosen.push(entry);
    const what = notMade(entry, name);
    if (what === undefined) return;
    throw new DockerError({
      code: "copy/unsupported",
      message: `/${textOf(name)} is a ${what}, which is not made in ${to.path}`,
      help: ["leave it out with exclude"],
      option: "paths",
    });
  };
}

/** What an entry is that has no place on the host: a special file, or a symlink that leads out of the folder. */
function notMade({ type, link }: ArchiveEntry, name: string): string | undefined {
  if (type === "6") return "fifo";
  if (type === "3" || type === "4") return "device";
  const leadsOut = link.startsWith("/") || /^\.\.(?:\/|$)/.test(posix.join(posix.dirname(name), link));
  return type === "2" && leadsOut ? `symlink to ${textOf(link)}` : undefined;
}

function hostError(error: unknown, path: string): unknown {
  if (error instanceof DockerError || !(error instanceof Error) || error.name === "AbortError") return error;
  return new DockerError(
    { code: "copy/host", message: `cannot write ${path}`, notes: [error.message], option: "path-to" },
    { cause: error },
  );
}
