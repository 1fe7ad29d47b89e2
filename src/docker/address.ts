import { DockerError } from "./errors.js";
import type { TlsMaterial } from "./tls.js";

/** Where an engine listens. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: TlsMaterial }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly user?: string;
      readonly port?: string;
      /** The socket at the other end, where it is not the default one. */
      readonly socket?: string;
    };

export interface Endpoint {
  readonly address: Address;
  /** Prefix of every request path, for an engine behind a reverse proxy; `""` or `/prefix`. */
  readonly prefix: string;
  /** The URL as a user would write it, without any password. */
  readonly url: string;
  /** What named it: `option engine-url`, `DOCKER_HOST`, `context X`, `default socket`. */
  readonly origin: string;
}

export interface ParsedUrl {
  readonly address: Address;
  readonly prefix: string;
  readonly url: string;
  readonly secure: boolean;
}

/** Not the URL class: that is for the web, where `Build-Box` is `build-box`, and 123 an IPv4 address; of ssh they are names. */
const FORM =
  /^(?<scheme>tcp|https?|ssh):\/\/(?:(?<user>[^@/?#]*)@)?(?<host>\[[\da-fA-F:.]+(?:%\w+)?\]|[^\s@/?#:[\]]*)(?::(?<port>\d+))?(?<path>\/[^?#]*)?(?<more>[?#].*)?$/;

const PORTS: Readonly<Record<string, number>> = { tcp: 2375, http: 80, https: 443 };

/** Reads the URL of an engine. A bare path is a socket and a bare `host:port` is tcp, as the docker CLI has it. */
export function parseUrl(text: string, origin: string): ParsedUrl {
  const trimmed = text.trim();
  const full = trimmed.includes("://")
    ? trimmed
    : trimmed.startsWith("/")
      ? `unix://${trimmed}`
      : `tcp://${trimmed}`;
  if (full.startsWith("unix://")) {
    const path = full.slice("unix://".length) || "/var/run/docker.sock";
    return { address: { kind: "unix", path }, prefix: "", url: `unix://${path}`, secure: false };
  }
  const refused = (help?: string): DockerError => badUrl(trimmed, origin, help);
  // A bare address has no path: `unix:/run/docker.sock` lacks its slashes.
  if (!trimmed.includes("://") && trimmed.includes("/")) throw refused();
  const parts = FORM.exec(full)?.groups;
  if (!parts || Number(parts["port"] ?? 1) > 65_535) throw refused();
  return parts["scheme"] === "ssh" ? sshUrl(parts, refused) : tcpUrl(parts, refused);
}

type Parts = Readonly<Partial<Record<string, string>>>;
type Refused = (help?: string) => DockerError;

function tcpUrl({ scheme = "", host = "", port, path = "" }: Parts, refused: Refused): ParsedUrl {
  if (host === "" && scheme !== "tcp") throw refused();
  // `tcp://:2375` is an engine on this machine.
  const named = host.toLowerCase() || "localhost";
  const number = Number(port ?? PORTS[scheme]);
  const prefix = path.replace(/\/$/, "");
  return {
    address: { kind: "tcp", host: bare(named), port: number },
    prefix,
    url: `${scheme}://${named}:${number}${prefix}`,
    secure: scheme === "https",
  };
}

function sshUrl({ user: login = "", host = "", port, path = "", more }: Parts, refused: Refused): ParsedUrl {
  if (login.includes(":")) throw refused("leave the password away: ssh asks its agent and its keys");
  const user = decoded(login);
  // A host or a user that begins with a dash would be an option of the ssh program.
  if (more || user === undefined || [host, user].some((name) => name.startsWith("-")) || !host)
    throw refused();
  const socket = path === "/" ? "" : path;
  const address: Address = {
    kind: "ssh",
    host: bare(host),
    ...(user ? { user } : {}),
    ...(port ? { port } : {}),
    ...(socket ? { socket } : {}),
  };
  const url = `ssh://${user ? `${user}@` : ""}${host}${port ? `:${port}` : ""}${socket}`;
  return { address, prefix: "", url, secure: false };
}

/** An IPv6 address without its brackets. */
const bare = (host: string): string => host.replace(/^\[(.*)\]$/, "$1");

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function badUrl(text: string, origin: string, help?: string): DockerError {
  return new DockerError({
    code: "engine/bad-url",
    message: `"${withoutPassword(text)}" (${origin}) is not the address of an engine`,
    help: [help ?? "write unix:///path, tcp://host:port, https://host:port or ssh://user@host"],
    ...blame(origin),
  });
}

/** The option that named an endpoint, where one did. */
export function blame(origin: string): { readonly option?: string } {
  if (origin.startsWith("option ")) return { option: origin.slice("option ".length) };
  if (origin.startsWith("machine-name ")) return { option: "machine-name" };
  return origin.startsWith("context ") && !origin.includes("(") ? { option: "context" } : {};
}

/** A name and a password in an address. A password may hold an `@`, or, by mistake, a slash; a port begins none. */
const LOGIN = /:\/\/(?:[^/?#\s]*|[^\s/@:]*:(?!\d+\b)[^\s@"'<>]+)@/g;

/** A text whose addresses are without name and password. */
export function withoutPassword(text: string): string {
  return text.replace(LOGIN, "://");
}
