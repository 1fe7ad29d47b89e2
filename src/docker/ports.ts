import { isIP } from "node:net";
import { SpecError, splitFields } from "./spec.js";

/** One published port (https://docs.docker.com/reference/api/engine/, PortMap). */
export interface PortMapping {
  readonly container: number;
  readonly protocol: string;
  /** Empty: all addresses of the host. */
  readonly hostIp: string;
  /** Empty: the engine chooses; `8000-8010`: it chooses one of these. */
  readonly hostPort: string;
}

/** As the API wants it in a container's configuration. */
export interface PortSettings {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[]>>;
}

const HELP = "write [address:][host port:]container port[/tcp|udp|sctp], for example 127.0.0.1:8080:80";

/**
 * Reads a port in every spelling of `docker run --publish`: `80`, `8080:80`, `127.0.0.1:8080:80/udp`, `127.0.0.1::80`,
 * `[::1]:8080:80`, ranges on either side, and `published=8080,target=80,protocol=tcp`.
 * @throws SpecError
 */
export function parsePort(text: string): PortMapping[] {
  const { address, host, container, protocol } = splitPort(text.includes("=") ? longForm(text) : text);
  const ends = readRange(container, text);
  const hosts = host === "" ? undefined : readRange(host, text);
  const hostIp = readAddress(address, text);
  const count = ends.last - ends.first + 1;
  if (hosts && count > 1 && hosts.last - hosts.first + 1 !== count)
    throw new SpecError(
      `"${text}" pairs ${hosts.last - hosts.first + 1} host ports with ${count} container ports`,
      ["make both ranges equally long"],
    );
  return Array.from({ length: count }, (_, i) => ({
    container: ends.first + i,
    protocol,
    hostIp,
    hostPort: hosts ? hostPort(hosts, count > 1 ? i : undefined) : "",
  }));
}

/** One of a range for each port, or all of it for one: the engine chooses. */
function hostPort({ first, last }: Range, index: number | undefined): string {
  if (index !== undefined) return String(first + index);
  return first === last ? String(first) : `${first}-${last}`;
}

/** Reads a port that is not published, `80` or `80-82/udp`. @throws SpecError */
export function parseExposed(text: string): PortMapping[] {
  const ports = parsePort(text);
  if (ports.some((port) => port.hostIp !== "" || port.hostPort !== ""))
    throw new SpecError(`"${text}" names a port of the host`, ["write it into ports, which are published"]);
  return ports;
}

/** An IPv4 or IPv6 address, as it is. @throws SpecError */
export function parseAddress(text: string): string {
  if (!isAddress(text)) throw new SpecError(`"${text}" is not an IP address`);
  return text;
}

/** One with a zone (`%eth0`) means something on one host only. */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes("%");

interface Range {
  readonly first: number;
  readonly last: number;
}

interface Pieces {
  readonly address: string;
  readonly host: string;
  readonly container: string;
  readonly protocol: string;
}

function splitPort(text: string): Pieces {
  const slash = text.lastIndexOf("/");
  const protocol = slash < 0 ? "tcp" : text.slice(slash + 1).toLowerCase();
  if (!["tcp", "udp", "sctp"].includes(protocol))
    throw new SpecError(`"${text}" names a protocol that is not tcp, udp or sctp`, [HELP]);
  const parts = (slash < 0 ? text : text.slice(0, slash)).split(":");
  const container = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  // What is left is the address; one of IPv6 has colons of its own.
  return { address: parts.join(":"), host, container, protocol };
}

function longForm(text: string): string {
  const fields = new Map(splitFields(text));
  for (const key of fields.keys())
    if (!["published", "target", "protocol", "mode"].includes(key))
      throw new SpecError(`"${text}" has a field "${key}" that a port does not have`, [
        "fields are published, target, protocol and mode",
      ]);
  return `${fields.get("published") ?? ""}:${fields.get("target") ?? ""}/${fields.get("protocol") ?? "tcp"}`;
}

function readAddress(address: string, text: string): string {
  const bare = address.startsWith("[") && address.endsWith("]") ? address.slice(1, -1) : address;
  if (bare !== "" && !isAddress(bare))
    throw new SpecError(`"${text}" publishes on "${bare}", which is not an IP address`, [HELP]);
  return bare;
}

function readRange(range: string, text: string): Range {
  const match = /^(\d+)(?:-(\d+))?$/.exec(range);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match) throw new SpecError(`"${text}" is not a port`, [HELP]);
  if (first > 65_535 || last > 65_535) throw new SpecError(`"${text}" has a port above 65535`, [HELP]);
  if (last < first) throw new SpecError(`"${text}" has a range that ends before it starts`, [HELP]);
  return { first, last };
}

/** The API's form of many ports: exposed all, bound where they were asked for. */
export function portSettings(
  published: readonly PortMapping[],
  exposed: readonly PortMapping[] = [],
): PortSettings {
  const settings = {
    exposed: {} as Record<string, object>,
    bindings: {} as Record<string, { HostIp: string; HostPort: string }[]>,
  };
  for (const port of [...published, ...exposed]) settings.exposed[portKey(port)] = {};
  for (const port of published)
    (settings.bindings[portKey(port)] ??= []).push({ HostIp: port.hostIp, HostPort: port.hostPort });
  return settings;
}

/** `80/tcp`. */
function portKey(port: Pick<PortMapping, "container" | "protocol">): string {
  return `${port.container}/${port.protocol}`;
}

/** The ports that an inspected container publishes, in the docker CLI's spelling, sorted: `0.0.0.0:8080:80/tcp`. */
export function publishedPorts(
  ports:
    | Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>>
    | null
    | undefined,
): string[] {
  const lines = Object.entries(ports ?? {}).flatMap(([key, bindings]) =>
    (bindings ?? []).map(({ HostIp = "", HostPort = "" }) => {
      const address = HostIp.includes(":") ? `[${HostIp}]` : HostIp;
      return {
        key: Number.parseInt(key, 10),
        line: `${address === "" ? "" : `${address}:`}${HostPort}:${key}`,
      };
    }),
  );
  return lines.sort((a, b) => a.key - b.key || (a.line < b.line ? -1 : 1)).map(({ line }) => line);
}
