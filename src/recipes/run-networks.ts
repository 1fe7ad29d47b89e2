/** The networks of a container that is there already. */
import {
  connectNetwork,
  disconnectNetwork,
  inspectNetwork,
  speaksApi,
  type Call,
  type ContainerState,
  type EndpointState,
  type NetworkSpec,
} from "tsbuildout/docker";
import type { UpdateContext } from "tsbuildout/recipe";
import { about } from "./blame.js";
import { endpointSettings } from "./run-create.js";
import type { RunOptions, RunSchema } from "./run-options.js";

type Updating = UpdateContext<RunSchema>;

/** Networks can all be joined at creation from API 1.44 on. */
export const joinsAllAtOnce = ({ engine }: Call): boolean => speaksApi(engine, "1.44");

/** A container is in one of these alone, and from its beginning to its end. */
const SOLE = ["host", "none"];

/** Whether the networks asked for take a new container: an engine joins and leaves only others than these. */
export function isBeyondJoining(context: Updating, { NetworkSettings, State }: ContainerState): boolean {
  const joined = NetworkSettings.Networks ?? {};
  if (State.Running && Object.values(joined).some(isRefused)) return true;
  if (!context.changes.options.includes("networks")) return false;
  const { networks } = context.options;
  if (SOLE.some((sole) => sole in joined !== networks.some(({ name }) => name === sole))) return true;
  const before = context.record.options["networks"];
  return hardwareAddresses(context.text("networks")) !== hardwareAddresses(before);
}

/** Those that an option asks for, with their networks: engines give them to new containers only. */
function hardwareAddresses(networks = ""): string {
  const found = Array.from(
    networks.matchAll(/^\s*(\S+)\s.*\bmac=(\S+)/gm),
    ([, name, mac]) => `${name} ${mac}`,
  );
  return found.sort().join("\n");
}

/** An engine that refused an address in a network keeps what it was asked for: it neither joins nor leaves any more. */
function isRefused({ IPAMConfig: asked, IPAddress, GlobalIPv6Address }: EndpointState): boolean {
  return Boolean((asked?.IPv4Address && !IPAddress) || (asked?.IPv6Address && !GlobalIPv6Address));
}

/** Joins and leaves networks until the container is in those that the part asks for. */
export async function applyNetworks(context: Updating, call: Call, found: ContainerState): Promise<void> {
  const { options, changes } = context;
  const { Id: container } = found;
  const joined = found.NetworkSettings.Networks ?? {};
  const wanted: readonly NetworkSpec[] =
    options.networks.length > 0 || options["network-mode"] || !changes.options.includes("networks")
      ? options.networks
      : [{ name: "bridge", aliases: [] }];
  const names = new Set(wanted.map(({ name }) => name));
  // Networks that somebody joined by hand stay, unless the part's own list has changed.
  if (changes.options.includes("networks"))
    for (const network of Object.keys(joined))
      if (!names.has(network)) await disconnectNetwork(call, { network, container });
  for (const network of wanted) {
    const endpoint = joined[network.name];
    if (endpoint && sameEndpoint(endpoint, { network, options, id: container }))
      if (await isThere(call, endpoint, network)) continue;
    if (endpoint) await disconnectNetwork(call, { network: network.name, container });
    await joinNetwork(call, { network, options, id: container });
  }
}

interface Joining {
  readonly network: NetworkSpec;
  readonly options: RunOptions;
  /** The container's. */
  readonly id: string;
}

export async function joinNetwork(call: Call, { network, options, id }: Joining): Promise<void> {
  const settings = endpointSettings(network, options);
  await about("networks", async () =>
    connectNetwork(call, { network: network.name, container: id, settings }),
  );
}

/** A network of the same name may be another one by now; only a container that is stopped can have outlived its own. */
async function isThere(call: Call, endpoint: EndpointState, network: NetworkSpec): Promise<boolean> {
  if (endpoint.IPAddress || endpoint.GlobalIPv6Address || !endpoint.NetworkID) return true;
  const now = await inspectNetwork(call, network.name);
  return now?.Id === endpoint.NetworkID;
}

function sameEndpoint(endpoint: EndpointState, { network, options, id }: Joining): boolean {
  const settings = endpointSettings(network, options);
  // Engines before 25 add the beginning of the id and the host name by themselves.
  const added = [id.slice(0, 12), options.hostname];
  const named = (aliases: readonly string[]): string[] => aliases.filter((alias) => !added.includes(alias));
  const { IPAMConfig: is } = endpoint;
  const { IPAMConfig: wanted } = settings;
  return (
    sameSet(named(endpoint.Aliases ?? []), named(settings.Aliases ?? [])) &&
    (is?.IPv4Address ?? "") === (wanted?.IPv4Address ?? "") &&
    (is?.IPv6Address ?? "") === (wanted?.IPv6Address ?? "")
  );
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return [...new Set(a)].sort().join("\n") === [...new Set(b)].sort().join("\n");
}
