import http, { type IncomingMessage } from "node:http";
import { Readable, type Duplex } from "node:stream";
import { systemCode } from "./errors.js";
import {
  abortReason,
  bodyBytes,
  endWith,
  failure,
  headersOf,
  readText,
  refusal,
  targetOf,
  type EngineRequest,
  type Route,
} from "./request.js";

export { EngineAgent } from "./transport.js";

/** Ways for Node's HTTP client. */
export interface HttpRoute extends Route {
  readonly agent: http.Agent;
}

/**
 * The answer as a stream, once its status says yes. The caller reads it to the end or destroys it. The signal ends the
 * answer's body too.
 */
export async function requestStream(route: HttpRoute, request: EngineRequest): Promise<IncomingMessage> {
  const answer = await send(route, request);
  if (request.signal) endWith(answer, request.signal);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw await refused(request, answer);
}

async function refused(request: EngineRequest, answer: IncomingMessage): Promise<Error> {
  return refusal(request, answer.statusCode ?? 0, await readText(answer).catch(() => ""));
}

/** The raw connection after `101 Switching Protocols`: what is written goes to the process there, `end()` half-closes. */
export async function requestHijack(route: HttpRoute, request: EngineRequest): Promise<Duplex> {
  const { req, bytes, done, ended } = open(route, {
    ...request,
    headers: { Connection: "Upgrade", Upgrade: "tcp", ...request.headers },
  });
  const answered = new Promise<Duplex>((resolve, reject) => {
    req.once("upgrade", (_answer, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    req.once("response", (answer) => {
      refused(request, answer).then(reject, reject);
    });
    req.on("error", (error) => reject(failure(route, request, error)));
  });
  req.end(bytes);
  const socket = await Promise.race([answered, ended]).finally(done);
  // A failure while nobody reads is found by who reads next.
  socket.on("error", () => undefined);
  const { signal } = request;
  if (signal) endWith(socket, signal);
  return socket;
}

async function send(route: HttpRoute, request: EngineRequest): Promise<IncomingMessage> {
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

async function sendOnce(route: HttpRoute, request: EngineRequest): Promise<IncomingMessage> {
  const { req, bytes, done, ended } = open(route, request);
  const told = new Promise<IncomingMessage>((resolve, reject) => {
    req.once("response", resolve);
    req.on("error", (error) => {
      const stale = req.reusedSocket && ["ECONNRESET", "EPIPE"].includes(systemCode(error) ?? "");
      reject(stale ? new StaleConnection("stale", { cause: error }) : failure(route, request, error));
    });
  });
  const answered = Promise.race([told, ended]);
  if (!(request.body instanceof Readable)) {
    req.end(bytes);
    return await answered.finally(done);
  }
  return await upload({ req, body: request.body, answered }).finally(done);
}

interface Upload {
  readonly req: http.ClientRequest;
  readonly body: Readable;
  readonly answered: Promise<IncomingMessage>;
}

const CLOSED = "the stream to be sent was closed before its end";

/**
 * Sends a stream while listening. An engine that refuses in the middle (a full disk, an unknown container) answers
 * before it has read everything: its words are worth more than the broken pipe that follows.
 */
async function upload({ req, body, answered }: Upload): Promise<IncomingMessage> {
  answered.catch(() => undefined);
  // While the client was loaded, say.
  if (body.destroyed) {
    req.destroy();
    throw body.errored ?? new Error(CLOSED);
  }
  const failed = new Promise<never>((_, reject) => {
    body.on("error", (error) => {
      reject(error);
      req.destroy(error);
    });
    body.once("close", () => {
      if (!body.readableEnded) body.emit("error", new Error(CLOSED));
    });
  });
  failed.catch(() => undefined);
  // An engine has things to get ready (it mounts a container) that need not wait for the first bytes.
  req.flushHeaders();
  body.pipe(req);
  try {
    const answer = await Promise.race([answered, failed]);
    // A builder answers while it is still being sent its context; whoever refuses wants no more of it.
    if ((answer.statusCode ?? 0) < 300) answer.once("close", () => end(body));
    else letGo(req, body, answer);
    return answer;
  } catch (error) {
    end(body);
    throw error;
  }
}

function letGo(req: http.ClientRequest, body: Readable, answer: IncomingMessage): void {
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
  /** Of its body, unless that is a stream. */
  readonly bytes: Buffer | undefined;
  /** Rejects when the signal fires. The request tells that only when it has a connection, which may never be. */
  readonly ended: Promise<never>;
  /** To be called when the answer has come: the signal is of no concern to the request any more. */
  readonly done: () => void;
}

function open(route: HttpRoute, request: EngineRequest): Opened {
  const { signal } = request;
  signal?.throwIfAborted();
  const bytes = bodyBytes(request);
  const options: http.RequestOptions & { readonly servername: string } = {
    // Given, or node would work out one that the agent has no use for, at the price of a large regular expression.
    servername: "",
    ...connectionOf(route, request),
    method: request.method ?? "GET",
    path: targetOf(route, request),
    headers: headersOf(request, bytes),
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
  return { req, bytes, ended, done: () => answered.abort() };
}

function connectionOf({ agent }: HttpRoute, { waits }: EngineRequest): http.RequestOptions {
  if (!waits || agent.maxSockets === Infinity) return { agent };
  return { createConnection: (options, opened) => agent.createConnection(options, opened) };
}
