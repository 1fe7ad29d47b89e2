import { containerPath, waitContainer } from "./attach.js";
import { abortable, inspectContainer, type Call } from "./container.js";
import { isConflict, isNotFound } from "./errors.js";
import { removeVolume } from "./volume.js";

/**
 * Removes a container with its anonymous volumes (never one that it mounts by name), killing it where it still runs.
 * Resolves when it is gone; one that is gone already is no error.
 */
export async function removeContainer(
  call: Call,
  container: string,
  { volumes = true }: { readonly volumes?: boolean } = {},
): Promise<void> {
  const own = volumes && call.engine.libpod ? await ownAmongOthers(call, container) : undefined;
  try {
    await call.engine.request({
      method: "DELETE",
      path: containerPath(container),
      query: { v: volumes && !own, force: true },
      ...abortable(call),
    });
  } catch (error) {
    if (isNotFound(error)) return;
    if (!isConflict(error)) throw error;
    // Somebody else (auto-remove, another run) is removing it at this moment.
    await waitContainer(call.engine, container, { condition: "removed", ...abortable(call) }).catch(
      (gone: unknown) => {
        if (!isNotFound(gone)) throw gone;
      },
    );
  }
  for (const name of own ?? [])
    await removeVolume(call, name).catch((error: unknown) => {
      // Another container has come to use it.
      if (!isConflict(error)) throw error;
    });
}

/** What podman says of a volume (https://docs.podman.io/en/latest/_static/api.html, VolumeListLibpod). */
interface PodmanVolume {
  readonly Name: string;
  readonly CreatedAt: string;
  /** It was made for a container that named none, whoever mounts it now. */
  readonly Anonymous?: boolean;
}

/** How much later than a container its own volumes may be made, in milliseconds. A clock that was set back makes others
 *  look younger than it, too, but hardly by so little. */
const MADE_TOGETHER = 60_000;

/**
 * Podman takes with a container every volume that was ever made without a name; Docker leaves those that the container
 * mounts by name. Which these are podman does not say: they are older than the container.
 * @returns where there are such, the others, which are the container's own
 */
async function ownAmongOthers(call: Call, container: string): Promise<readonly string[] | undefined> {
  const found = await inspectContainer(call, container);
  const mounted = new Set((found?.Mounts ?? []).flatMap(({ Name }) => Name ?? []));
  if (!found || mounted.size === 0) return undefined;
  const all = await call.engine.request<readonly PodmanVolume[]>({
    path: "/libpod/volumes/json",
    ...abortable(call),
  });
  const nameless = all.filter(({ Name, Anonymous }) => Anonymous && mounted.has(Name));
  const own = nameless.filter(({ CreatedAt }) => {
    const later = Date.parse(CreatedAt) - Date.parse(found.Created);
    return later >= 0 && later < MADE_TOGETHER;
  });
  return own.length < nameless.length ? own.map(({ Name }) => Name) : undefined;
}
