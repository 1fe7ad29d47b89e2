import type { Engine } from "./engine.js";
import { hasStatus, isNotFound, isNotModified } from "./errors.js";
import type { MountSpec } from "./mounts.js";

/** Where a call goes and what ends it early. */
export interface Call {
  readonly engine: Engine;
  readonly signal?: AbortSignal;
}

/** How a container sits in one network. */
export interface EndpointState {
  readonly NetworkID?: string;
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
  readonly MacAddress?: string;
  readonly Aliases?: readonly string[] | null;
  readonly Links?: readonly string[] | null;
  readonly IPAMConfig?: { readonly IPv4Address?: string; readonly IPv6Address?: string } | null;
}

/** An inspected container, as far as anybody here reads it. */
export interface ContainerState {
  readonly Id: string;
  readonly Name: string;
  /** ISO 8601, UTC. */
  readonly Created: string;
  /** The image's id. */
  readonly Image: string;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly Restarting: boolean;
    readonly ExitCode: number;
    readonly Error?: string;
    readonly StartedAt: string;
    /** Of the last life, also while it runs again; the year 1 where there was none. */
    readonly FinishedAt: string;
    readonly Health?: {
      readonly Status: string;
      readonly Log?:
        | readonly { readonly Start: string; readonly ExitCode: number; readonly Output: string }[]
        | null;
    } | null;
  };
  /** How often the engine has started it again by its restart policy. */
  readonly RestartCount?: number;
  readonly Config: {
    readonly Image: string;
    readonly Tty?: boolean;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Healthcheck?: {
      readonly Test?: readonly string[] | null;
      /** Nanoseconds. */
      readonly Interval?: number;
    } | null;
    readonly StopTimeout?: number | null;
    readonly User?: string;
    readonly Env?: readonly string[] | null;
  };
  readonly HostConfig: {
    readonly NetworkMode?: string;
    readonly Memory?: number;
    readonly MemorySwap?: number;
    readonly MemoryReservation?: number;
    readonly NanoCpus?: number;
    readonly CpuShares?: number;
    readonly CpusetCpus?: string;
    readonly PidsLimit?: number | null;
    readonly RestartPolicy?: { readonly Name?: string; readonly MaximumRetryCount?: number };
    readonly AutoRemove?: boolean;
    /** Names or ids, each with `:MODE` or without. */
    readonly VolumesFrom?: readonly string[] | null;
  };
  readonly NetworkSettings: {
    readonly Networks?: Readonly<Record<string, EndpointState>> | null;
    readonly Ports?: Readonly<
      Record<string, readonly { readonly HostIp?: string; readonly HostPort?: string }[] | null>
    > | null;
    /** Of the default bridge; gone since API 1.52. */
    readonly IPAddress?: string;
  };
  readonly Mounts?: readonly MountState[] | null;
}

interface MountState {
  readonly Type: string;
  readonly Name?: string;
  readonly Source?: string;
  readonly Destination: string;
  readonly Mode?: string;
  readonly RW?: boolean;
}

/** Settings of one endpoint (https://docs.docker.com/reference/api/engine/, EndpointSettings). */
export interface EndpointSettings {
  readonly Aliases?: readonly string[];
  readonly Links?: readonly string[];
  readonly IPAMConfig?: { readonly IPv4Address?: string; readonly IPv6Address?: string };
  readonly MacAddress?: string;
}

/** What a container is created from (https://docs.docker.com/reference/api/engine/, ContainerCreate). */
export interface ContainerConfig {
  readonly Image: string;
  readonly HostConfig: Readonly<Record<string, unknown>> & { readonly Mounts?: readonly MountSpec[] };
  readonly NetworkingConfig?: { readonly EndpointsConfig: Readonly<Record<string, EndpointSettings>> };
  readonly [property: string]: unknown;
}

const pathOf = (container: string, action = ""): string =>
  `/containers/${encodeURIComponent(container)}${action}`;

export function abortable({ signal }: Call): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** The container of exactly that name or id; undefined where there is none. */
export async function inspectContainer(call: Call, container: string): Promise<ContainerState | undefined> {
  const look = async () =>
    await call.engine.request<ContainerState>({
      path: pathOf(container, "/json"),
      tells: "Name",
      ...abortable(call),
    });
  try {
    const found = await look().catch(async (error: unknown) => {
      // Podman stumbles over a container that goes while it looks (auto-remove). The next time it is gone.
      if (call.engine.libpod && hasStatus(error, 500)) return await look();
      throw error;
    });
    // The engine also takes the beginning of an id for a name, and `db` begins many.
    return found.Id === container || found.Name.replace(/^\//, "") === container ? found : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export interface Creation {
  readonly name: string;
  readonly platform?: string;
  readonly config: ContainerConfig;
}

/** Creates a container and resolves with its id. @throws DockerError 404 no such image, 409 the name is taken */
export async function createContainer(
  call: Call,
  creation: Creation,
): Promise<{ id: string; warnings: readonly string[] }> {
  const { name, platform, config } = creation;
  const answer = await call.engine.request<{ Id: string; Warnings?: readonly string[] | null }>({
    method: "POST",
    path: "/containers/create",
    query: { name, platform },
    json: config,
    tells: "Id",
    ...abortable(call),
  });
  return { id: answer.Id, warnings: answer.Warnings ?? [] };
}

/** Starts a container; one that runs already is left as it is. */
export async function startContainer(call: Call, container: string): Promise<void> {
  await change(call, { path: pathOf(container, "/start") });
}

/** Asks a container to end, and kills it when its stop timeout (or this one, in seconds) has passed. */
export async function stopContainer(call: Call, container: string, seconds?: number): Promise<void> {
  await change(call, { path: pathOf(container, "/stop"), query: { t: seconds } });
}

/** Gives a container another name. @throws DockerError 404 no such container, 409 the name is taken */
export async function renameContainer(call: Call, container: string, name: string): Promise<void> {
  await change(call, { path: pathOf(container, "/rename"), query: { name } });
}

/** Lets a paused container go on. @throws DockerError 404 no such container, 500 it is not paused */
export async function unpauseContainer(call: Call, container: string): Promise<void> {
  await change(call, { path: pathOf(container, "/unpause") });
}

interface Change {
  readonly path: string;
  readonly query?: Readonly<Record<string, number | string | undefined>>;
  readonly json?: unknown;
}

async function change(call: Call, what: Change): Promise<void> {
  try {
    await call.engine.request({ method: "POST", ...what, ...abortable(call) });
  } catch (error) {
    if (!isNotModified(error)) throw error;
  }
}

/** Changes what an engine can change without a new container (https://docs.docker.com/reference/api/engine/, ContainerUpdate). */
export async function updateContainer(
  call: Call,
  container: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { NanoCpus: cpus, ...others } = settings;
  // Podman changes a container's share of processors only in the terms of the kernel.
  const json =
    call.engine.libpod && typeof cpus === "number"
      ? { ...others, CpuPeriod: CPU_PERIOD, CpuQuota: (cpus * CPU_PERIOD) / 1e9 }
      : settings;
  await change(call, { path: pathOf(container, "/update"), json });
}

/** Microseconds: Docker's own, and the kernel's default. */
const CPU_PERIOD = 100_000;

export interface Connection {
  readonly network: string;
  readonly container: string;
  readonly settings?: EndpointSettings;
}

/** Puts a container into a network, running or not. @throws DockerError 404 no such network or container, 403 it is in it already */
export async function connectNetwork(
  call: Call,
  { network, container, settings }: Connection,
): Promise<void> {
  const json = { Container: container, EndpointConfig: settings ?? {} };
  await change(call, { path: `/networks/${encodeURIComponent(network)}/connect`, json });
}

/** Takes a container out of a network; a network or a container that is gone is no error. */
export async function disconnectNetwork(call: Call, { network, container }: Connection): Promise<void> {
  try {
    const json = { Container: container, Force: true };
    await change(call, { path: `/networks/${encodeURIComponent(network)}/disconnect`, json });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
