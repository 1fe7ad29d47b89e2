import http, { type IncomingMessage } from "node:http";
import net from "node:net";
import { Readable, type Duplex } from "node:stream";
import { apiError, systemCode } from "./errors.js";
import { prematureEnd } from "./stream.js";

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
  /** Its answer waits for what others do: it is not to hold one of the few connections of an engine at the end of ssh. */
  readonly waits?: boolean;
  /** A body that is not JSON; a stream is consumed or destroyed, whatever happens. */
  readonly body?: Readable | Buffer;
  readonly signal?: AbortSignal;
}

/** What a request needs to know of the engine. */
export interface Route {
  readonly agent: http.Agent;
  /** `/v1.41`, or `""` before it is negotiated. */
  readonly prefix: string;
  /** Turns a failure to reach the engine into what the user is told. */
  readonly unreachable: (error: unknown) => Error;
  /** Of an engine on this machine. */
  readonly socketPath?: string;
}

/** The JSON answer; undefined where the answer is empty. Everything is read before this resolves. */
export async function requestJson(route: Route, request: EngineRequest): Promise<unknown> {
  const text = await readText(await requestStream(route, request)).catch((error: unknown) => {
    throw prematureEnd(error);
  });
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/**
 * The answer as a stream, once its status says yes. The caller reads it to the end or destroys it. The signal ends the
 * answer's body too.
 */
export async function requestStream(route: Route, request: EngineRequest): Promise<IncomingMessage> {
  const answer = await send(route, request);
  if (request.signal) endWith(answer, request.signal);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw await refusal(request, status, answer);
}

/**
 * The same for an archive, from an engine on this machine without HTTP's chunks, whose decoding is a third of the work
 * that a large copy makes here. Asked by HTTP/1.0, the engine sends the archive as it is, until it closes the connection.
 */
export async function requestArchive(route: Route, request: EngineRequest): Promise<Readable> {
  const { signal } = request;
  if (route.socketPath === undefined) return await requestStream(route, request);
  signal?.throwIfAborted();
  const connection = net.connect(route.socketPath);
  // A failure while nobody reads is found by who reads next.
  connection.on("error", () => undefined);
  if (signal) endWith(connection, signal);
  connection.write(
    `GET ${targetOf(route, request)} HTTP/1.0\r\nHost: docker\r\nUser-Agent: tsbuildout\r\n\r\n`,
  );
  const head = await headOf(connection).catch((error: unknown) => {
    throw failure(route, request, error);
  });
  if (/^transfer-encoding:/im.test(head)) {
    // What stands between us and the engine does not heed the version.
    connection.destroy();
    return await requestStream(route, request);
  }
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0);
  if (status >= 200 && status < 300) return connection;
  throw await refusal(request, status, connection);
}

/** Reads the head of an answer, and leaves what follows it in the connection. */
async function headOf(connection: net.Socket): Promise<string> {
  return await new Promise((resolve, reject) => {
    let come = Buffer.alloc(0);
    const cut = (): void => reject(Object.assign(new Error("no answer came"), { code: "ECONNRESET" }));
    const onData = (chunk: Buffer): void => {
      come = Buffer.concat([come, chunk]);
      const end = come.indexOf("\r\n\r\n");
      if (end < 0) return;
      connection.off("data", onData).off("error", reject).off("close", cut).pause();
      connection.unshift(come.subarray(end + 4));
      resolve(come.toString("latin1", 0, end));
    };
    connection.on("data", onData).on("error", reject).on("close", cut);
  });
}

/** The raw connection after `101 Switching Protocols`: what is written goes to the process there, `end()` half-closes. */
export async function requestHijack(route: Route, request: EngineRequest): Promise<Duplex> {
  const { req, done, ended } = open(route, {
    ...request,
    headers: { Connection: "Upgrade", Upgrade: "tcp", ...request.headers },
  });
  const answered = new Promise<Duplex>((resolve, reject) => {
    req.once("upgrade", (_answer, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    req.once("response", (answer) => {
      refusal(request, answer.statusCode ?? 0, answer).then(reject, reject);
    });
    req.on("error", (error) => reject(failure(route, request, error)));
  });
  req.end(bodyBytes(request));
  const socket = await Promise.race([answered, ended]).finally(done);
  // A failure while nobody reads is found by who reads next.
  socket.on("error", () => undefined);
  const { signal } = request;
  if (signal) endWith(socket, signal);
  return socket;
}

/** Destroys a stream when the signal fires, and forgets the signal when the stream is over. */
function endWith(stream: Duplex | IncomingMessage, signal: AbortSignal): void {
  const end = (): void => void stream.destroy(abortReason(signal));
  if (signal.aborted) return end();
  signal.addEventListener("abort", end, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", end));
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new DOMException("The operation was aborted", "AbortError");
}

async function send(route: Route, request: EngineRequest): Promise<IncomingMessage> {
  try {
    return await sendOnce(route, request);
  } catch (error) {
    // A kept connection may have been closed by the engine in the instant in which it was used again.
    const idempotent = (request.method ?? "GET") === "GET" && !request.signal?.aborted;
    if (!(error instanceof StaleConnection)) throw error;
    if (!idempotent) throw failure(route, request, error.cause);
    return await sendOnce(route, request);
  }
}

/** The engine closed a connection that had served a request before. */
class StaleConnection extends Error {}

async function sendOnce(route: Route, request: EngineRequest): Promise<IncomingMessage> {
  const { req, done, ended } = open(route, request);
  const told = new Promise<IncomingMessage>((resolve, reject) => {
    req.once("response", resolve);
    req.on("error", (error) => {
      const stale = req.reusedSocket && ["ECONNRESET", "EPIPE"].includes(systemCode(error) ?? "");
      reject(stale ? new StaleConnection("stale", { cause: error }) : failure(route, request, error));
    });
  });
  const answered = Promise.race([told, ended]);
  if (!(request.body instanceof Readable)) {
    req.end(bodyBytes(request));
    return await answered.finally(done);
  }
  return await upload({ req, body: request.body, answered }).finally(done);
}

interface Upload {
  readonly req: http.ClientRequest;
  readonly body: Readable;
  readonly answered: Promise<IncomingMessage>;
}

/**
 * Sends a stream while listening. An engine that refuses in the middle (a full disk, an unknown container) answers
 * before it has read everything: its words are worth more than the broken pipe that follows.
 */
async function upload({ req, body, answered }: Upload): Promise<IncomingMessage> {
  const failed = new Promise<never>((_, reject) => {
    body.on("error", (error) => {
      reject(error);
      req.destroy(error);
    });
    body.once("close", () => {
      if (!body.readableEnded)
        body.emit("error", new Error("the stream to be sent was closed before its end"));
    });
  });
  failed.catch(() => undefined);
  answered.catch(() => undefined);
  // An engine has things to get ready (it mounts a container) that need not wait for the first bytes.
  req.flushHeaders();
  body.pipe(req);
  try {
    const answer = await Promise.race([answered, failed]);
    // A builder answers while it is still being sent its context; whoever refuses wants no more of it.
    if ((answer.statusCode ?? 0) < 300) answer.once("close", () => end(body));
    else refused(req, body, answer);
    return answer;
  } catch (error) {
    end(body);
    throw error;
  }
}

function refused(req: http.ClientRequest, body: Readable, answer: IncomingMessage): void {
  body.unpipe(req);
  end(body);
  // Not before the answer has been read: it comes over the same connection.
  if (!req.writableFinished) answer.once("close", () => req.destroy());
}

/** Destroys a stream of which nothing more is wanted, so that it is no error that it was not read to its end. */
function end(body: Readable): void {
  body.removeAllListeners("close");
  body.destroy();
}

interface Opened {
  readonly req: http.ClientRequest;
  /** Rejects when the signal fires. The request tells that only when it has a connection, which may never be. */
  readonly ended: Promise<never>;
  /** To be called when the answer has come: the signal is of no concern to the request any more. */
  readonly done: () => void;
}

function open(route: Route, request: EngineRequest): Opened {
  const { signal } = request;
  signal?.throwIfAborted();
  const options: http.RequestOptions & { readonly servername: string } = {
    // Given, or node would work out one that the agent has no use for, at the price of a large regular expression.
    servername: "",
    ...connectionOf(route, request),
    method: request.method ?? "GET",
    path: targetOf(route, request),
    headers: headersOf(request),
  };
  const req = http.request(options);
  const answered = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    const end = (): void => {
      req.destroy(abortReason(signal!));
      reject(abortReason(signal!));
    };
    signal?.addEventListener("abort", end, { once: true, signal: answered.signal });
  });
  ended.catch(() => undefined);
  return { req, ended, done: () => answered.abort() };
}

function connectionOf({ agent }: Route, { waits }: EngineRequest): http.RequestOptions {
  if (!waits || agent.maxSockets === Infinity) return { agent };
  return { createConnection: (options, opened) => agent.createConnection(options, opened) };
}

function targetOf(route: Route, request: EngineRequest): string {
  return `${route.prefix}${request.path}${queryText(request.query)}`;
}

function headersOf(request: EngineRequest): http.OutgoingHttpHeaders {
  const bytes = bodyBytes(request);
  return {
    Host: "docker",
    "User-Agent": "tsbuildout",
    ...(request.json === undefined ? {} : { "Content-Type": "application/json" }),
    ...(bytes ? { "Content-Length": bytes.length } : {}),
    ...(request.method === "POST" && !bytes && !request.body ? { "Content-Length": 0 } : {}),
    ...request.headers,
  };
}

function bodyBytes(request: EngineRequest): Buffer | undefined {
  if (request.json !== undefined) return Buffer.from(JSON.stringify(request.json));
  return Buffer.isBuffer(request.body) ? request.body : undefined;
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

/** The whole body as text; only for answers that are small by their nature. */
export async function readText(answer: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function refusal(request: EngineRequest, statusCode: number, answer: Readable): Promise<Error> {
  const body = await readText(answer).catch(() => "");
  return apiError({ method: request.method ?? "GET", path: request.path, statusCode, body });
}

function failure(route: Route, request: EngineRequest, error: unknown): Error {
  if (request.signal?.aborted) return abortReason(request.signal);
  return route.unreachable(error);
}
