import type { IncomingHttpHeaders } from "node:http";
import type Dockerode from "dockerode";
import { blame, type Endpoint } from "./address.js";
import { EngineClient } from "./client.js";
import { resolveEndpoint, type EngineChoice, type Surroundings } from "./endpoint.js";
import type { Engine, EngineInfo } from "./engine.js";
import { DockerError, hasStatus, type Problem } from "./errors.js";
import { readEngineInfo } from "./info.js";
import type { EngineRequest } from "./request.js";
import { unreachable } from "./unreachable.js";

/** The newest API that this code was written against; the older of this and the engine's is spoken. */
const NEWEST_API = "1.51";

/** Milliseconds in which an engine has to say that it is there. One at the other end of ssh may wait for a passphrase. */
const PATIENCE = 60_000;
/** After so many the user is told what is being waited for. */
const UNNOTICED = 5_000;

/**
 * Finds the engine that is meant and agrees with it on an API version.
 * @throws DockerError `engine/unreachable`, `engine/no-context`, `engine/bad-url`, …
 */
export async function connect(
  choice: EngineChoice,
  surroundings: Surroundings,
  patience = PATIENCE,
): Promise<Engine> {
  const endpoint = await resolveEndpoint(choice, surroundings);
  const client = new EngineClient(endpoint, surroundings.env);
  const late = AbortSignal.timeout(patience);
  const { signal = late, warn } = surroundings;
  const told = setTimeout(() => warn?.(unanswered(endpoint, patience)), UNNOTICED);
  try {
    const pong = await client.ping(AbortSignal.any([signal, late]));
    if (!isEngine(pong)) throw noEngine(endpoint);
    return engineAt(endpoint, { client, pong: pong.headers, env: surroundings.env });
  } catch (error) {
    await client.close();
    if (hasStatus(error, 404)) throw noEngine(endpoint);
    throw late.aborted && !surroundings.signal?.aborted ? unreachable(endpoint, late.reason) : error;
  } finally {
    clearTimeout(told);
  }
}

function unanswered({ url, origin }: Endpoint, patience: number): Problem {
  return {
    code: "engine/silent",
    message: `the Docker engine at ${url} (${origin}) has not answered for ${UNNOTICED / 1000} seconds`,
    notes: [`it is waited for up to ${patience / 1000} seconds`],
    ...blame(origin),
  };
}

/** A web server may have an answer to everything. */
function isEngine({ headers, text }: { headers: IncomingHttpHeaders; text: string }): boolean {
  return text.trim() === "OK" || header(headers, "api-version") !== undefined;
}

function noEngine(endpoint: Endpoint): Error {
  return unreachable(endpoint, new Error("what answers there is not a Docker engine"));
}

interface Agreed {
  readonly client: EngineClient;
  /** Of the answer to `/_ping`: they say what the engine can do. */
  readonly pong: IncomingHttpHeaders;
  readonly env: Surroundings["env"];
}

function engineAt(endpoint: Endpoint, agreed: Agreed): Engine {
  const { client, pong } = agreed;
  const apiVersion = olderApi(header(pong, "api-version"), olderApi(wantedApi(agreed.env)));
  client.speak(apiVersion);
  let docker: Promise<Dockerode> | undefined;
  let info: Promise<EngineInfo> | undefined;
  const { address } = endpoint;
  const engine: Engine = {
    endpoint: endpoint.url,
    origin: endpoint.origin,
    ...(address.kind === "tcp" && address.tls && { tls: address.tls }),
    apiVersion,
    libpod: header(pong, "libpod-api-version") !== undefined,
    key: endpoint.url,
    env: agreed.env,
    request: async <T>(request: EngineRequest) => (await client.json(request)) as T,
    stream: async (request) => await client.stream(request),
    selfEnding: async (request) => await client.selfEnding(request),
    hijack: async (request) => await client.hijack(request),
    dockerode: async () =>
      await (docker ??= import("./dockerode.js").then(({ dockerodeOver }) => dockerodeOver(engine))),
    info: async () => {
      info ??= readEngineInfo(engine);
      // A failure is not remembered: the next caller may have more luck.
      info.catch(() => (info = undefined));
      return await info;
    },
    close: async () => await client.close(),
  };
  return engine;
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** DOCKER_API_VERSION, which the docker CLI knows, too: no newer one is spoken. */
function wantedApi(env: Surroundings["env"]): string {
  const text = env["DOCKER_API_VERSION"] ?? "";
  return /^v?(\d+\.\d+)$/.exec(text)?.[1] ?? NEWEST_API;
}

/** The older of the engine's newest API and ours. An engine that names none is as old as 1.24, which is the oldest with versions. */
export function olderApi(theirs: string | undefined, ours: string = NEWEST_API): string {
  const [major = 1, minor = 24] = (theirs ?? "1.24").split(".").map(Number);
  const [ourMajor = 1, ourMinor = 0] = ours.split(".").map(Number);
  const older = major !== ourMajor ? major < ourMajor : minor < ourMinor;
  return older ? `${major}.${minor}` : ours;
}

/** Whether an engine speaks this version of the API or a newer one. @param wanted such as `1.44` */
export function speaksApi({ apiVersion }: Pick<Engine, "apiVersion">, wanted: string): boolean {
  return olderApi(apiVersion, wanted) === wanted;
}

/** The part of a recipe's context that an engine is found with. */
export interface EngineSharer {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Is told of an engine that takes its time. */
  warn?(problem: Problem): void;
  shared<T>(
    key: string,
    make: (signal: AbortSignal) => T | Promise<T>,
    dispose?: (value: T) => void | Promise<void>,
  ): Promise<T>;
}

/** For so long an engine that could not be reached is not tried again by the next part, in seconds. */
const REMEMBERED = 1;

/**
 * The engine for a choice, connected to once a run and closed at its end: what recipes call. Where it cannot be reached,
 * thousands of parts do not each wait for that.
 */
export async function engineFor(context: EngineSharer, choice: EngineChoice): Promise<Engine> {
  const { url, context: name, machineName, tlsVerify, tlsCertPath } = choice;
  const key = `docker-engine ${JSON.stringify([url, name, machineName, tlsVerify, tlsCertPath])}`;
  const at = { env: context.env, home: context.home };
  const last: { error?: unknown; until: number } = await context.shared(`${key} last`, () => ({ until: 0 }));
  if (process.uptime() < last.until) throw last.error;
  try {
    return await context.shared(
      key,
      async (signal) => await connect(choice, { ...at, signal, warn: (problem) => context.warn?.(problem) }),
      async (engine) => await engine.close(),
    );
  } catch (error) {
    // One part that gives up says nothing of the engine.
    if (error instanceof DockerError) Object.assign(last, { error, until: process.uptime() + REMEMBERED });
    throw error;
  }
}
