import {
  bindText,
  portSettings,
  type ContainerConfig,
  type EndpointSettings,
  type MountSpec,
  type NetworkSpec,
} from "tsbuildout/docker";
import { defined, list, recordOf } from "./spec-options.js";
import { blkioConfig } from "./run-blkio.js";
import type { RunOptions } from "./run-options.js";

/** What the configuration of a container depends on besides the part's options. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The docker CLI's proxies, which stand for themselves where neither `env` nor `env-file` names them. */
  readonly proxies?: Readonly<Record<string, string>>;
  /** The variables of `env-file`, which those of `env` win over. */
  readonly files?: readonly (readonly [name: string, value: string])[];
  /** Volumes without a name that the part's last container had. */
  readonly kept?: readonly MountSpec[];
  /** Those that say whose the container is. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether an option was written at all: an empty entry point is not the image's. */
  isSet(option: string): boolean;
  /** What `securityConfig` makes of the security options. */
  readonly security: object;
  /** Networks can all be joined at creation from API 1.44 on; before, only the first. */
  readonly allNetworks: boolean;
}

/** A container's configuration (https://docs.docker.com/reference/api/engine/, ContainerCreate). */
export function containerConfig(options: RunOptions, at: Surroundings): ContainerConfig {
  const ports = portSettings(options.ports.flat(), options.expose.flat());
  const joined = at.allNetworks ? options.networks : options.networks.slice(0, 1);
  return {
    ...defined({
      Hostname: options.hostname,
      Domainname: options.domainname,
      User: options.user,
      WorkingDir: options.workdir,
      Cmd: at.isSet("command") && options.command.length > 0 ? options.command : undefined,
      // An empty word is how the API is told to forget the image's.
      Entrypoint: at.isSet("entrypoint")
        ? options.entrypoint.length > 0
          ? options.entrypoint
          : [""]
        : undefined,
      StopSignal: options["stop-signal"],
      StopTimeout: seconds(options["stop-timeout"]),
      Healthcheck: healthcheck(options),
      // An endpoint's own is heeded from API 1.44 on.
      MacAddress: at.allNetworks ? undefined : options.networks[0]?.mac,
    }),
    Image: options.image,
    Tty: options.tty,
    OpenStdin: options["stdin-open"],
    Env: environment(
      [...new Map([...Object.entries(at.proxies ?? {}), ...(at.files ?? []), ...options.env])],
      at.env,
    ),
    Labels: { ...recordOf(options.labels), ...at.labels },
    ExposedPorts: ports.exposed,
    Volumes: Object.fromEntries(
      options.volumes.flatMap((volume) => (volume.kind === "anonymous" ? [[volume.target, {}]] : [])),
    ),
    HostConfig: { PortBindings: ports.bindings, ...hostConfig(options, at.kept ?? []), ...at.security },
    NetworkingConfig: {
      EndpointsConfig: Object.fromEntries(joined.map((one) => [one.name, endpointSettings(one, options)])),
    },
  };
}

/**
 * `NAME=VALUE` each; a bare name takes its value from the environment. Where it has none it stays bare, by which an engine
 * leaves out the image's variable of that name (`docker run --env NAME`).
 */
export function environment(
  pairs: RunOptions["env"],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  return pairs.map(([name, written]) => {
    const value = written ?? env[name];
    return value === undefined ? name : `${name}=${value}`;
  });
}

function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.ceil(milliseconds / 1000);
}

function nanoseconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds * 1e6);
}

/** Undefined where nothing was said, so that the image's check stands. */
function healthcheck(options: RunOptions): object | undefined {
  const check = defined({
    Test: options["healthcheck-command"],
    Interval: nanoseconds(options["healthcheck-interval"]),
    Timeout: nanoseconds(options["healthcheck-timeout"]),
    StartPeriod: nanoseconds(options["healthcheck-start-period"]),
    StartInterval: nanoseconds(options["healthcheck-start-interval"]),
    Retries: options["healthcheck-retries"],
  });
  return Object.keys(check).length > 0 ? check : undefined;
}

function hostConfig(options: RunOptions, kept: readonly MountSpec[]): Record<string, unknown> {
  return {
    ...storageConfig(options, kept),
    ...networkConfig(options),
    ...rightsConfig(options),
    ...resourceConfig(options),
  };
}

function storageConfig(options: RunOptions, kept: readonly MountSpec[]): object {
  return defined({
    Binds: list(options.volumes.flatMap((volume) => (volume.kind === "anonymous" ? [] : [bindText(volume)]))),
    VolumesFrom: list(options["volumes-from"]),
    Mounts: list([...options.mounts, ...kept]),
    Tmpfs: options.tmpfs.length > 0 ? Object.fromEntries(options.tmpfs) : undefined,
    ReadonlyRootfs: options["read-only"],
    ShmSize: options["shm-size"],
    AutoRemove: options["auto-remove"],
  });
}

function networkConfig(options: RunOptions): object {
  const [main] = options.networks;
  return defined({
    NetworkMode: main?.name ?? options["network-mode"],
    Links: main ? undefined : list(options.links.map(linkText)),
    Dns: list(options.dns),
    DnsSearch: list(options["dns-search"]),
    DnsOptions: list(options["dns-options"]),
    ExtraHosts: list(options["extra-hosts"]),
  });
}

function rightsConfig(options: RunOptions): object {
  const plain = options.devices.flatMap((device) => ("PathOnHost" in device ? [device] : []));
  const requested = options.devices.flatMap((device) => ("PathOnHost" in device ? [] : [device]));
  return defined({
    Privileged: options.privileged,
    CapAdd: list(options["cap-add"]),
    CapDrop: list(options["cap-drop"]),
    Devices: list(plain),
    DeviceRequests: list([...requested, ...(options.gpus ? [options.gpus] : [])]),
    DeviceCgroupRules: list(options["device-cgroup-rules"]),
    GroupAdd: list(options["group-add"]),
    Sysctls: record(options.sysctls),
    Ulimits: list(options.ulimits),
    IpcMode: options.ipc,
    PidMode: options.pid,
    UTSMode: options.uts,
    UsernsMode: options["userns-mode"],
    CgroupnsMode: options.cgroupns,
    CgroupParent: options["cgroup-parent"],
    Runtime: options.runtime,
    Init: options.init,
  });
}

function resourceConfig(options: RunOptions): object {
  const logs = options["log-options"];
  return defined({
    RestartPolicy: options.restart,
    Memory: options.memory,
    MemorySwap: options["memory-swap"],
    MemoryReservation: options["memory-reservation"],
    NanoCpus: options.cpus,
    CpuShares: options["cpu-shares"],
    CpusetCpus: options["cpuset-cpus"],
    CpusetMems: options["cpuset-mems"],
    PidsLimit: options["pids-limit"],
    OomScoreAdj: options["oom-score-adj"],
    ...blkioConfig(options),
    StorageOpt: record(options["storage-options"]),
    Annotations: record(options.annotations),
    LogConfig:
      options["log-driver"] || logs.length > 0
        ? { Type: options["log-driver"] ?? "", Config: recordOf(logs) }
        : undefined,
  });
}

function record(pairs: RunOptions["sysctls"]): Readonly<Record<string, string>> | undefined {
  return pairs.length > 0 ? recordOf(pairs) : undefined;
}

function linkText({ container, alias }: { container: string; alias: string }): string {
  return `${container}:${alias}`;
}

/** Networks that come with the engine know no aliases. */
export function hasAliases(network: string): boolean {
  return !["bridge", "default", "host", "none"].includes(network);
}

/** How the container sits in one of its networks. On these, links are no more than names of other containers. */
export function endpointSettings(network: NetworkSpec, options: RunOptions): EndpointSettings {
  const aliases = [...network.aliases, ...options["network-aliases"]];
  const named = hasAliases(network.name);
  const address = defined({ IPv4Address: network.ipv4, IPv6Address: network.ipv6 });
  return defined({
    Aliases: named ? list(aliases) : undefined,
    Links: named ? list(options.links.map(linkText)) : undefined,
    IPAMConfig: Object.keys(address).length > 0 ? address : undefined,
    MacAddress: network.mac,
  });
}
