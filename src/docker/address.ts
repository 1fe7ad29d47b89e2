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

/** Reads the URL of an engine. A bare path is a socket and a bare `host:port` is tcp, as the docker CLI has it. */
export function parseUrl(text: string, origin: string, option?: string): ParsedUrl {
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
  // A bare address has no path: `unix:/run/docker.sock` lacks its slashes.
  if (!trimmed.includes("://") && !trimmed.startsWith("/") && trimmed.includes("/"))
    throw badUrl(trimmed, origin, option);
  const match = /^(tcp|http|https|ssh):\/\/(.*)$/s.exec(full);
  const parsed = match && URL.canParse(`http://${match[2]}`) ? new URL(`http://${match[2]}`) : undefined;
  if (!match || !parsed) throw badUrl(trimmed, origin, option);
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  const path = parsed.pathname === "/" ? "" : parsed.pathname.replace(/\/$/, "");
  if (match[1] === "ssh") return sshUrl(parsed, host, path);
  const secure = match[1] === "https";
  // The URL class drops port 80 because it is http's default.
  const port = Number(
    parsed.port || (/:80(\/|$)/.test(match[2] ?? "") || match[1] === "http" ? 80 : secure ? 443 : 2375),
  );
  return {
    address: { kind: "tcp", host, port },
    prefix: path,
    url: `${match[1]}://${parsed.hostname}:${port}${path}`,
    secure,
  };
}

function sshUrl(parsed: URL, host: string, path: string): ParsedUrl {
  // A host that begins with a dash would be an option of the ssh program.
  if (host.startsWith("-") || parsed.username.startsWith("-"))
    throw badUrl(`ssh://${host}`, "the URL", "engine-url");
  const user = decodeURIComponent(parsed.username);
  const address: Address = {
    kind: "ssh",
    host,
    ...(user ? { user } : {}),
    ...(parsed.port ? { port: parsed.port } : {}),
    ...(path ? { socket: path } : {}),
  };
  const url = `ssh://${user ? `${user}@` : ""}${parsed.hostname}${parsed.port ? `:${parsed.port}` : ""}${path}`;
  return { address, prefix: "", url, secure: false };
}

function badUrl(text: string, origin: string, option: string | undefined): DockerError {
  return new DockerError({
    code: "engine/bad-url",
    message: `"${text.replace(/\/\/[^/@]*@/, "//")}" (${origin}) is not the address of an engine`,
    help: ["write unix:///path, tcp://host:port, https://host:port or ssh://user@host"],
    ...(option ? { option } : {}),
  });
}
