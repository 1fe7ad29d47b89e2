import type { IncomingMessage } from "node:http";
import type { Duplex, Readable } from "node:stream";
/** @ts-ignore Its types are another package, which who does not call dockerode need not have. */
import type Dockerode from "dockerode";
import type { EngineRequest } from "./request.js";
import type { TlsMaterial } from "./tls.js";

/** A connection to one Docker engine. Cheap to keep; idle connections never keep the process alive. */
export interface Engine {
  /** The engine's URL, without any password. */
  readonly endpoint: string;
  /** What named the endpoint: `option engine-url`, `DOCKER_HOST`, `context X`, `default socket`. */
  readonly origin: string;
  /** What its connections are secured with. */
  readonly tls?: TlsMaterial;
  readonly apiVersion: string;
  /** Whether it has podman's own API beside Docker's, for what its version of Docker's cannot do. */
  readonly libpod: boolean;
  /** The same for the same engine, whoever named it: a key for what is remembered of an engine. */
  readonly key: string;
  /** The environment of the run: its proxies, for what is asked past the engine. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls the API and decodes its JSON. @throws DockerError with the status and the engine's message */
  request<T = unknown>(request: EngineRequest): Promise<T>;
  /** Calls the API for a body that the caller reads to the end or destroys. */
  stream(request: EngineRequest): Promise<IncomingMessage>;
  /** The same for a body that is read to its own end (an archive, a push), which alone tells that nothing was cut off. */
  selfEnding(request: EngineRequest): Promise<Readable>;
  /** Calls the API and takes over the connection (attach, exec, session). */
  hijack(request: EngineRequest): Promise<Duplex>;
  /** dockerode over these same connections and errors. Imported on first use: it costs more than the program's start. */
  dockerode(): Promise<Dockerode>;
  /** What the engine says of itself; asked once. */
  info(): Promise<EngineInfo>;
  close(): Promise<void>;
}

/** What an engine says of itself, as far as decisions hang on it. */
export interface EngineInfo {
  readonly os: string;
  /** In the spelling of image platforms: `amd64`, `arm64`, `arm`, `386`, … */
  readonly arch: string;
  readonly variant?: string;
  /** Whether images are in containerd's store: an image id is then a manifest's digest, not a config's. */
  readonly containerdStore: boolean;
  readonly serverVersion: string;
  readonly name: string;
  /** Registries whose certificates it does not check, and to which it may speak plain HTTP: `host`, `host:port`, `host/path`. */
  readonly insecureRegistries: readonly string[];
}
