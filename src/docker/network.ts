import { BlockList, isIP } from "node:net";
import { abortable, type Call } from "./container.js";
import { DockerError, isNotFound } from "./errors.js";
import { listAll } from "./listing.js";
import { SpecError } from "./spec.js";

/** One address pool of a network (https://docs.docker.com/reference/api/engine/, IPAMConfig). */
export interface Pool {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>> | null;
}

/** An inspected network. */
export interface NetworkState {
  readonly Id: string;
  readonly Name: string;
  /** RFC 3339. */
  readonly Created?: string;
  readonly Driver: string;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Config?: readonly Pool[] | null;
    readonly Options?: Readonly<Record<string, string>> | null;
  };
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  /** Endpoints that are up, by container id; only when inspected singly. */
  readonly Containers?: Readonly<Record<string, { readonly Name?: string }>> | null;
}

/** What a network is created with (https://docs.docker.com/reference/api/engine/, NetworkCreate); what is left out is the engine's choice, the driver `bridge`. */
export interface NetworkSettings {
  readonly name: string;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly pools?: readonly Pool[];
  readonly ipamDriver?: string;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  readonly ipv6?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

const pathOf = (name: string): string => `/networks/${encodeURIComponent(name)}`;

/** All networks of exactly that name, the oldest first: an engine before API 1.44 makes several where several ask for it
 *  in one instant. */
export async function networksNamed(call: Call, name: string): Promise<NetworkState[]> {
  const how = { filters: { name: [name] }, ...abortable(call) };
  const found: readonly NetworkState[] = await listAll(call.engine, "networks", how);
  const age = ({ Created = "", Id }: NetworkState): string => `${Created} ${Id}`;
  // The engine takes a name for a pattern.
  return found.filter(({ Name }) => Name === name).sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

/** The network of exactly that name, the oldest of several; undefined where there is none. */
export async function inspectNetwork(call: Call, name: string): Promise<NetworkState | undefined> {
  try {
    const found = await call.engine.request<NetworkState>({
      path: pathOf(name),
      tells: "Id",
      ...abortable(call),
    });
    // The engine also takes the beginning of an id for a name.
    return found.Name === name || found.Id === name ? found : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    const [first] =
      error instanceof DockerError && error.statusCode === 400 ? await networksNamed(call, name) : [];
    if (first) return await inspectNetwork(call, first.Id);
    throw error;
  }
}

/** Creates a network and resolves with its id. @throws DockerError 409: the name is taken */
export async function createNetwork(call: Call, settings: NetworkSettings): Promise<string> {
  const { pools, ipamDriver, ipamOptions } = settings;
  const ipam =
    pools?.length || ipamDriver || ipamOptions
      ? { Driver: ipamDriver ?? "default", Config: pools ?? [], Options: ipamOptions ?? {} }
      : undefined;
  const { Id } = await call.engine.request<{ Id: string }>({
    method: "POST",
    path: "/networks/create",
    json: {
      Name: settings.name,
      // Before API 1.44 a second network of the same name is made without this.
      CheckDuplicate: true,
      Driver: settings.driver ?? "bridge",
      Options: settings.options,
      IPAM: ipam,
      EnableIPv6: settings.ipv6,
      Internal: settings.internal,
      Attachable: settings.attachable,
      Labels: settings.labels,
    },
    tells: "Id",
    ...abortable(call),
  });
  return Id;
}

/** Removes a network; one that is gone is no error. @throws DockerError 403 (podman: 500): it has endpoints */
export async function removeNetwork(call: Call, network: Pick<NetworkState, "Id" | "Name">): Promise<void> {
  // A name may be that of several networks, but podman finds out only by the name that one is in use.
  const { Id, Name } = network;
  const path = pathOf(call.engine.libpod ? Name : Id);
  try {
    await call.engine.request({ method: "DELETE", path, ...abortable(call) });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** A subnet that is taken, and by which network. */
export interface Overlap {
  readonly subnet: string;
  readonly network: string;
  readonly theirs: string;
}

/** Which of the subnets overlap with a network that the engine has. */
export async function overlappingNetworks(call: Call, subnets: readonly string[]): Promise<Overlap[]> {
  const networks: readonly NetworkState[] = await listAll(call.engine, "networks", abortable(call));
  return networks.flatMap((network) =>
    (network.IPAM?.Config ?? []).flatMap(({ Subnet: theirs }) =>
      subnets
        .filter((subnet) => theirs !== undefined && overlap(subnet, theirs))
        .map((subnet) => ({ subnet, network: network.Name, theirs: theirs ?? "" })),
    ),
  );
}

/** `10.1.0.0/16` taken apart. @throws SpecError */
export function parseCidr(text: string): {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
} {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const version = isIP(match?.[1] ?? "");
  const bits = Number(match?.[2]);
  if (!match || version === 0 || bits > (version === 4 ? 32 : 128))
    throw new SpecError(`"${text}" is not a subnet`, ["write an address and its bits: 10.1.0.0/16"]);
  return { address: match[1] ?? "", bits, family: version === 4 ? "ipv4" : "ipv6" };
}

/** Whether an address, or the start of another subnet, lies in a subnet. */
export function contains(subnet: string, address: string): boolean {
  const { address: base, bits, family } = parseCidr(subnet);
  const [bare = ""] = address.split("/");
  if (isIP(bare) !== (family === "ipv4" ? 4 : 6)) return false;
  const list = new BlockList();
  list.addSubnet(base, bits, family);
  return list.check(bare, family);
}

/** Whether two subnets have addresses in common. @throws SpecError */
export function overlap(a: string, b: string): boolean {
  return prefixesMeet(prefixOf(a), prefixOf(b));
}

/** Of two subnets that overlap, all addresses of one begin as those of the other do. */
export function prefixesMeet(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

/** The bits that all addresses of a subnet begin with, as a text behind their family. @throws SpecError */
export function prefixOf(subnet: string): string {
  const { address, bits, family } = parseCidr(subnet);
  const numbers =
    family === "ipv4" ? address.split(".").map((one) => binary(Number(one), 8)) : groupsOf(address);
  return `${family} ${numbers.join("").slice(0, bits)}`;
}

/** The eight groups of an IPv6 address in binary. A URL has them without leading zeros, a dotted end or capitals. */
function groupsOf(address: string): string[] {
  const written = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = [], behind = []] = written
    .split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - before.length - behind.length).fill("0");
  return [...before, ...zeros, ...behind].map((group) => binary(Number.parseInt(group, 16), 16));
}

const binary = (value: number, bits: number): string => value.toString(2).padStart(bits, "0");
