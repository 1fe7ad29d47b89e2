/** Archives for containers of podman that do not run: it unpacks there as if nothing were mounted. */
import { Readable } from "node:stream";
import { containerPath } from "./attach.js";
import type { Engine } from "./engine.js";
import { isHardLink, rewriteTar, type ArchiveEntry, type Rewritten } from "./tar-rewrite.js";
import { END_OF_ARCHIVE } from "./tar-write.js";
import { byteString } from "./tree.js";

/** Paths are byte strings without slashes at their ends; the container's root is empty. */
type Unpack = (path: string, archive: Readable) => Promise<void>;

interface Mounted {
  readonly State: { readonly Running?: boolean };
  readonly Mounts?: readonly { readonly Destination?: string }[] | null;
}

/** Where something is mounted that an archive for the root would be unpacked beneath: nowhere, but in podman. */
export async function coveredPaths(
  engine: Engine,
  container: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  if (!engine.libpod) return [];
  const path = `${containerPath(container)}/json`;
  const { State, Mounts } = await engine.request<Mounted>({
    path,
    tells: "State",
    ...(signal ? { signal } : {}),
  });
  if (State.Running) return [];
  return (Mounts ?? []).flatMap(({ Destination }) =>
    Destination ? [byteString(Destination.replace(/^\/+|\/+$/g, ""))] : [],
  );
}

/** Unpacks at the root what is not mounted over, and in each mount what belongs there; the archive is made for each. */
export async function unpackByMount(
  mounts: readonly string[],
  archive: () => Promise<Readable>,
  unpack: Unpack,
): Promise<void> {
  // Several are mounted within each other: the innermost counts.
  const inmost = [...mounts].sort((a, b) => b.length - a.length);
  const mountOf = (name: string): string =>
    inmost.find((mount) => name === mount || name.startsWith(`${mount}/`)) ?? "";
  const wanted = new Set<string>();
  const only = async (mount: string): Promise<Readable> =>
    Readable.from(
      ended(
        rewriteTar(await archive(), (entry) => {
          const of = mountOf(entry.name);
          wanted.add(of);
          return of === mount ? within(mount, entry) : undefined;
        }),
      ),
    );
  await unpack("", await only(""));
  for (const mount of inmost) if (wanted.has(mount)) await unpack(mount, await only(mount));
}

function within(mount: string, entry: ArchiveEntry): Rewritten {
  if (mount === "") return {};
  const inside = (path: string): string => path.slice(mount.length + 1) || ".";
  const linked = isHardLink(entry) && entry.link.startsWith(`${mount}/`);
  return { name: inside(entry.name), ...(linked ? { link: inside(entry.link) } : {}) };
}

async function* ended(archive: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield* archive;
  yield END_OF_ARCHIVE;
}
