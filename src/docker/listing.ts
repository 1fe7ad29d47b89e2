/** What is on an engine, by kind, as its lists have it (https://docs.docker.com/reference/api/engine/). */
import type { Engine } from "./engine.js";
import { isNotFound } from "./errors.js";
import { cutOff } from "./stream.js";

/** A container as the list has it (https://docs.docker.com/reference/api/engine/, ContainerList), as far as anybody here reads it. */
export interface ContainerSummary {
  readonly Id: string;
  /** With a leading `/`. */
  readonly Names?: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`. */
  readonly State: string;
  /** The same for people: `Up 3 minutes (unhealthy)`, `Restarting (1) 2 seconds ago`. */
  readonly Status?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<
      Record<string, { readonly NetworkID?: string; readonly IPAddress?: string }>
    > | null;
  };
  readonly Ports?:
    | readonly {
        readonly IP?: string;
        readonly PrivatePort?: number;
        readonly PublicPort?: number;
        readonly Type?: string;
      }[]
    | null;
  readonly Mounts?: readonly {
    readonly Type?: string;
    readonly Name?: string;
    readonly Destination?: string;
  }[];
}

/** An image as the list has it (https://docs.docker.com/reference/api/engine/, ImageList), and as podman adds to it. */
export interface ImageSummary {
  readonly Id: string;
  /** Of the image that it was built from by the classic builder: while it has no name, no list has it. */
  readonly ParentId?: string;
  /** `<none>:<none>` on old engines, null or empty on new ones, where the image has no tag. */
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  /** Podman's own word for `RepoTags`. */
  readonly Names?: readonly string[] | null;
  /** Seconds since 1970. */
  readonly Created: number;
  /** Bytes. */
  readonly Size: number;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** A network as the list has it (https://docs.docker.com/reference/api/engine/, NetworkList): without its containers. */
export interface NetworkSummary {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly [property: string]: unknown;
}

/** A volume as the list has it (https://docs.docker.com/reference/api/engine/, VolumeList). */
export interface VolumeSummary {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Options?: Readonly<Record<string, string>> | null;
}

/** What can be listed, and what each list holds. */
export interface Listable {
  readonly containers: ContainerSummary;
  readonly images: ImageSummary;
  readonly networks: NetworkSummary;
  readonly volumes: VolumeSummary;
}

const PATHS: Readonly<Record<keyof Listable, string>> = {
  containers: "/containers/json",
  images: "/images/json",
  networks: "/networks",
  volumes: "/volumes",
};

export interface ListHow {
  /** As the API page of the list has them: `{ label: ["a=b"], dangling: ["true"] }`. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  readonly signal?: AbortSignal;
}

/** All objects of a kind (containers that do not run included), in one request.
 *  @throws DockerError `engine/cut-off` where the answer is no list: something else than an engine answers for it */
export async function listAll<K extends keyof Listable>(
  engine: Pick<Engine, "request">,
  kind: K,
  how: ListHow = {},
): Promise<readonly Listable[K][]> {
  const { filters, signal } = how;
  const request = {
    path: PATHS[kind],
    query: { ...(kind === "containers" ? { all: true } : {}), filters },
    ...(signal ? { signal } : {}),
  };
  const ask = async () => await engine.request(request);
  const answer = await (kind === "images" ? untilWhole(ask) : ask());
  const list = (kind === "volumes" ? (answer as { Volumes?: unknown } | undefined)?.Volumes : answer) ?? [];
  if (Array.isArray(list)) return list as Listable[K][];
  throw cutOff(`no list of ${kind}: ${JSON.stringify(list).slice(0, 200)}`);
}

const MOST_TRIES = 10;

/** An engine with containerd's store answers 404 where an image goes as it is being listed (https://github.com/moby/moby/issues/52688). */
async function untilWhole<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!isNotFound(error) || tries === MOST_TRIES) throw error;
    }
  }
}

/** The container of a list that a name or the beginning of an id means to the engine. The name wins: `db` begins many ids. */
export function findContainer(
  containers: readonly ContainerSummary[],
  name: string,
): ContainerSummary | undefined {
  return (
    containers.find(({ Names }) => Names?.includes(`/${name}`)) ??
    containers.find(({ Id }) => Id.startsWith(name))
  );
}
