import type { OutgoingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { apiError } from "./errors.js";
import { cutOff, prematureEnd } from "./stream.js";

/** The value of a parameter in a request's query; see EngineRequest.query for what each kind becomes. */
export type QueryValue = string | number | boolean | object | undefined;

/** One call of the Engine API (https://docs.docker.com/reference/api/engine/). */
export interface EngineRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Below the API version, with its variable pieces encoded: `/containers/json`. */
  readonly path: string;
  /** An array is repeated, a Buffer is bytes, an object becomes JSON (as `filters` wants it), undefined is left out. */
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** An array is repeated. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A JSON body. */
  readonly json?: unknown;
  /** What every engine's answer to it has: one without is something else's that answers in its place. */
  readonly tells?: string;
  /** Its answer waits for what others do: it is not to hold one of the few connections of an engine at the end of ssh. */
  readonly waits?: boolean;
  /** A body that is not JSON; a stream is consumed or destroyed, whatever happens. */
  readonly body?: Readable | Buffer;
  readonly signal?: AbortSignal;
}

/** What a request needs to know of the engine. */
export interface Route {
  /** `/v1.41`, or `""` before it is negotiated. */
  readonly prefix: string;
  /** Turns a failure to reach the engine into what the user is told. */
  readonly unreachable: (error: unknown) => Error;
}

/** What is asked for, as it is written behind the method. */
export function targetOf(route: Route, request: EngineRequest): string {
  return `${route.prefix}${request.path}${queryText(request.query)}`;
}

function queryText(query: EngineRequest["query"]): string {
  const params = new URLSearchParams();
  let bytes = "";
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value) params.append(name, String(one));
    else if (Buffer.isBuffer(value)) bytes += `&${name}=${value.toString("hex").replaceAll(/../g, "%$&")}`;
    else params.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  const text = `${params.toString()}${bytes}`.replace(/^&/, "");
  return text ? `?${text}` : "";
}

/** @param bytes of the body, as `bodyBytes` gives them */
export function headersOf(request: EngineRequest, bytes: Buffer | undefined): OutgoingHttpHeaders {
  return {
    Host: "docker",
    "User-Agent": "tsbuildout",
    ...(request.json === undefined ? {} : { "Content-Type": "application/json" }),
    ...(bytes ? { "Content-Length": bytes.length } : {}),
    ...(request.method === "POST" && !bytes && !request.body ? { "Content-Length": 0 } : {}),
    ...request.headers,
  };
}

/** A body that is no stream; undefined where there is none. */
export function bodyBytes(request: EngineRequest): Buffer | undefined {
  if (request.json !== undefined) return Buffer.from(JSON.stringify(request.json));
  return Buffer.isBuffer(request.body) ? request.body : undefined;
}

/** Destroys a stream when the signal fires, and forgets the signal when the stream is over. */
export function endWith(stream: Readable, signal: AbortSignal): void {
  const end = (): void => void stream.destroy(abortReason(signal));
  if (signal.aborted) return end();
  signal.addEventListener("abort", end, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", end));
}

export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new DOMException("The operation was aborted", "AbortError");
}

/** In bytes. No answer that is read as a whole is near this long; a longer one means that something else is speaking. */
export const TEXT_LIMIT = 256 * 1024 * 1024;

/**
 * The whole body as text; only for answers that are small by their nature.
 * @throws DockerError `engine/cut-off` where the connection ends before it, or it does not end
 */
export async function readText(answer: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > TEXT_LIMIT) throw endless();
    }
  } catch (error) {
    throw prematureEnd(error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function endless(): Error {
  return cutOff(`an answer of more than ${TEXT_LIMIT} bytes`);
}

/** @param body what the engine said to it */
export function refusal(request: EngineRequest, statusCode: number, body: string): Error {
  return apiError({ method: request.method ?? "GET", path: request.path, statusCode, body });
}

export function failure(route: Route, request: EngineRequest, error: unknown): Error {
  if (request.signal?.aborted) return abortReason(request.signal);
  return route.unreachable(error);
}
