import type { Readable } from "node:stream";
import Dockerode from "dockerode";
import { urlSafeBase64 } from "./base64.js";
import type { Engine } from "./engine.js";
import { DockerError } from "./errors.js";
import type { EngineRequest, QueryValue } from "./request.js";

/** What dockerode hands to docker-modem's `dial` for one call. */
interface Dial {
  readonly path: string;
  readonly method: NonNullable<EngineRequest["method"]>;
  readonly options?:
    | (Record<string, QueryValue> & { _query?: Record<string, QueryValue>; _body?: unknown })
    | null;
  readonly headers?: Record<string, string>;
  readonly file?: string | Buffer | Readable;
  readonly authconfig?: Record<string, unknown>;
  readonly registryconfig?: { readonly base64?: string };
  readonly abortSignal?: AbortSignal;
  readonly isStream?: boolean;
  readonly hijack?: boolean;
  readonly openStdin?: boolean;
}

type Callback = (error: Error | null, answer: unknown) => void;

/** POST calls whose options dockerode would put both into the URL and into the body: here, what belongs into the URL. */
const URL_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  "/containers/create": ["name", "platform"],
  "/volumes/create": [],
  "/networks/create": [],
  "/secrets/create": [],
  "/configs/create": [],
  "/commit": ["container", "repo", "tag", "comment", "author", "pause", "changes"],
  "/swarm/update": ["version", "rotateWorkerToken", "rotateManagerToken", "rotateManagerUnlockKey"],
};

/**
 * dockerode over an engine's own connections: its knowledge of the API, without docker-modem's transport. Nothing is
 * read from DOCKER_HOST, nothing times out, errors are this room's, and options never leak into a URL.
 */
export function dockerodeOver(engine: Engine): Dockerode {
  const dial = (options: Dial, callback: Callback): void => {
    call(engine, options).then(
      (answer) => callback(null, answer),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
  const modem = { dial, demuxStream: refuse, followProgress: refuse };
  return new Dockerode({ modem } as Dockerode.DockerOptions);
}

/** docker-modem's own decoders lose errors and overflow the stack; stream.ts has ours. */
function refuse(): never {
  throw new Error("use jsonLines() and demultiplex() of tsbuildout/docker");
}

async function call(engine: Engine, dial: Dial): Promise<unknown> {
  const request = translate(dial);
  if (dial.hijack || dial.openStdin) return await engine.hijack(request);
  if (dial.isStream) return await engine.stream(request);
  return await engine.request(request);
}

/** Which piece of a dockerode call goes where. */
function translate(dial: Dial): EngineRequest {
  const [path = ""] = dial.path.split("?");
  const { abortSignal: own, authconfig: _auth, _query, _body, ...plain } = dial.options ?? {};
  const signal = dial.abortSignal ?? (own as AbortSignal | undefined);
  const inUrl = dial.path.includes("?");
  const query = inUrl
    ? (_query ?? pick(plain, dial.method === "POST" ? URL_PARAMETERS[path] : undefined))
    : undefined;
  const base = {
    method: dial.method,
    path,
    headers: headersOf(dial),
    ...(query ? { query } : {}),
    ...(signal ? { signal } : {}),
  };
  if (dial.file !== undefined) return { ...base, body: bodyOf(dial.file) };
  if (dial.method !== "POST" || !dial.options) return base;
  const inBody = inUrl && !URL_PARAMETERS[path] ? undefined : drop(plain, URL_PARAMETERS[path] ?? []);
  const json = _body ?? inBody;
  return json === undefined ? base : { ...base, json };
}

function headersOf(dial: Dial): Record<string, string> {
  const { authconfig: auth, registryconfig: registry } = dial;
  const key = auth && (auth["key"] ?? auth["base64"]);
  return {
    ...(dial.file === undefined ? {} : { "Content-Type": "application/x-tar" }),
    ...dial.headers,
    ...(auth ? { "X-Registry-Auth": typeof key === "string" ? key : urlSafeBase64(auth) } : {}),
    ...(registry ? { "X-Registry-Config": registry.base64 ?? urlSafeBase64(registry) } : {}),
  };
}

function bodyOf(file: string | Buffer | Readable): Buffer | Readable {
  if (typeof file !== "string") return file;
  throw new DockerError({
    code: "engine/refused",
    message: "a body is given as bytes or as a stream, not as a path",
  });
}

function pick(
  all: Record<string, QueryValue>,
  names: readonly string[] | undefined,
): Record<string, QueryValue> {
  if (!names) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

function drop(all: Record<string, QueryValue>, names: readonly string[]): Record<string, QueryValue> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
}
