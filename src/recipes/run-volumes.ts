/** Volumes without a name (`VOLUME` of an image, `/target` in `volumes`): what is in them stays when the part's container
 *  is made anew, as with Compose. */
import { posix } from "node:path";
import {
  inspectContainer,
  inspectImage,
  inspectVolume,
  isConflict,
  removeContainer,
  removeVolume,
  stopContainer,
  type Call,
  type ContainerState,
  type MountSpec,
} from "tsbuildout/docker";
import type { Context, InstallContext, PartRecord, Resource } from "tsbuildout/recipe";
import type { RunSchema } from "./run-options.js";

/** What an engine calls them. */
const NAMELESS = /^[0-9a-f]{64}$/;

/** How those of a container stay that its part makes anew. */
export interface Leaving {
  /** Of the part that the container was made for. */
  readonly record: PartRecord | undefined;
  /** Says that one stays, before the container goes. */
  leave(volume: Resource): Promise<void>;
}

/**
 * Stops a container and takes it away.
 * @param leaving without it the volumes without a name go as well
 * @returns those that stay
 */
export async function takeAway(
  call: Call,
  container: ContainerState,
  leaving?: Leaving,
): Promise<readonly Resource[]> {
  const kept = leaving ? await namelessVolumes(call, container, leaving.record) : [];
  for (const volume of kept) await leaving?.leave(volume);
  // It may have data to bring to safety; removing alone would kill it.
  if (container.State.Running) await stopContainer(call, container.Id);
  await removeContainer(call, container.Id, { volumes: kept.length === 0 });
  return kept;
}

/** None of a container that its engine removes by itself, together with them. */
async function namelessVolumes(
  call: Call,
  { HostConfig, Mounts }: ContainerState,
  record: PartRecord | undefined,
): Promise<readonly Resource[]> {
  const found = (Mounts ?? []).flatMap(({ Type, Name = "", Destination }) =>
    Type === "volume" && NAMELESS.test(Name) && !isWritten(record, Name)
      ? [{ kind: "volume", name: Name, path: Destination }]
      : [],
  );
  if (found.length === 0 || HostConfig.AutoRemove) return [];
  // Those of other containers are theirs.
  const others = await Promise.all(
    (HostConfig.VolumesFrom ?? []).map(
      async (from) => await inspectContainer(call, from.split(":")[0] ?? ""),
    ),
  );
  const theirs = new Set(others.flatMap((other) => (other?.Mounts ?? []).map(({ Name }) => Name)));
  return found.filter(({ name }) => !theirs.has(name));
}

/** Whether the part's options call it by what the engine calls it: then it is the user's, like any that has a name. */
function isWritten(record: PartRecord | undefined, name: string): boolean {
  return Object.values(record?.options ?? {}).some((text) => text.includes(name));
}

/** Those that the part's earlier containers left. */
export function keptVolumes(record: PartRecord | undefined): readonly Resource[] {
  const volumes = (record?.resources ?? []).filter(({ kind }) => kind === "volume");
  return volumes.filter(({ name }) => !isWritten(record, name));
}

/** Mounts by which a new container gets them, where it or its image asks for a volume and names none. */
export async function keptMounts(
  { options, signal }: InstallContext<RunSchema>,
  call: Call,
  kept: readonly Resource[],
): Promise<MountSpec[]> {
  // Podman removes by itself whatever has no name, as soon as the container ends.
  if (kept.length === 0 || (options["auto-remove"] && call.engine.libpod)) return [];
  const image = await inspectImage(call.engine, options.image, signal);
  const asked = new Set(Object.keys(image?.Config?.Volumes ?? {}).map(plain));
  for (const { kind, target } of options.volumes)
    if (kind === "anonymous") asked.add(plain(target));
    else asked.delete(plain(target));
  for (const target of [
    ...options.mounts.map(({ Target }) => Target),
    ...options.tmpfs.map(([path]) => path),
  ])
    asked.delete(plain(target));
  // Of several for one path the last was the last in use.
  const byPath = new Map(kept.map(({ name, path = "" }) => [plain(path), name]));
  const mounts: MountSpec[] = [];
  for (const [Target, Source] of byPath)
    if (asked.has(Target) && (await inspectVolume(call, Source)))
      mounts.push({ Type: "volume", Source, Target });
  return mounts;
}

function plain(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}

/** One goes with its part, unless somebody else has come to use it. */
export async function dropVolume(context: Context, call: Call, name: string): Promise<void> {
  try {
    await removeVolume(call, name);
  } catch (error) {
    if (!isConflict(error)) throw error;
    context.log(`volume ${name} is in use elsewhere, and stays`, "note");
  }
}
