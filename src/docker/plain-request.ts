import net from "node:net";
import type { Readable } from "node:stream";
import { NOT_HTTP } from "./errors.js";
import {
  bodyBytes,
  endless,
  endWith,
  failure,
  headersOf,
  targetOf,
  TEXT_LIMIT,
  type EngineRequest,
  type Route,
} from "./request.js";
import { cutOff, prematureEnd } from "./stream.js";

/** What an engine said. */
export interface PlainAnswer {
  readonly status: number;
  /** By their names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read to its end, or destroyed, by who asked. */
  readonly body: Readable;
}

/** An engine on this machine. */
export interface LocalEngine {
  /** Its path. */
  readonly socket: string;
  /** Connections to it. */
  readonly open: Set<Readable>;
}

/** No head is near this long; a longer one means that something else is speaking. */
const HEAD_LIMIT = 64 * 1024;

/** Statuses of a web server that does not know HTTP/1.0 and has done nothing: "upgrade required", "version not supported". */
const TOO_OLD = new Set([426, 505]);

/** Statuses whose answers end with their heads. */
const NO_CONTENT = new Set([204, 304]);

/**
 * Asks an engine on this machine by HTTP/1.0 (https://www.rfc-editor.org/rfc/rfc1945), which needs no HTTP client: it sends
 * its answer as it is, until it closes the connection. Node's client takes longer to load than the engine to answer, and
 * to decode HTTP/1.1's chunks is a third of the work that a large copy makes here.
 * @param request whose body is JSON, if it has one
 * @returns undefined where what stands between us and the engine wants HTTP/1.1: ask by that
 * @throws DockerError `engine/cut-off` where it did what it was asked, and says so by HTTP/1.1
 */
export async function askPlainly(
  route: Route,
  local: LocalEngine,
  request: EngineRequest,
): Promise<PlainAnswer | undefined> {
  const { signal } = request;
  signal?.throwIfAborted();
  const bytes = bodyBytes(request);
  const asked = headFor(route, request, bytes);
  if (asked === undefined) return undefined;
  const body = net.connect(local.socket);
  local.open.add(body);
  body.once("close", () => local.open.delete(body));
  // A failure while nobody reads is found by who reads next.
  body.on("error", () => undefined);
  if (signal) endWith(body, signal);
  body.write(asked);
  if (bytes) body.write(bytes);
  const head = await headOf(body).catch((error: unknown) => {
    body.destroy();
    throw failure(route, request, error);
  });
  const [first = "", ...lines] = head.split("\r\n");
  const status = Number(first.split(" ")[1]);
  if (!Number.isInteger(status)) {
    body.destroy();
    throw failure(route, request, notHttp());
  }
  const headers = Object.fromEntries(lines.map(headerOf));
  if (NO_CONTENT.has(status)) headers["content-length"] = "0";
  const chunks = headers["transfer-encoding"] !== undefined;
  if (!chunks && !TOO_OLD.has(status)) return { status, headers, body };
  body.destroy();
  if (chunks && (request.method ?? "GET") !== "GET")
    throw cutOff("it comes in chunks, which HTTP/1.0 does not know");
  return undefined;
}

/** @returns undefined where something in it is not for a head: Node's client complains of that */
function headFor(route: Route, request: EngineRequest, bytes: Buffer | undefined): string | undefined {
  const target = targetOf(route, request);
  const lines = Object.entries(headersOf(request, bytes)).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${String(one)}`),
  );
  if (![target, ...lines].every((text) => /^[ -~]+$/.test(text)) || target.includes(" ")) return undefined;
  return [`${request.method ?? "GET"} ${target} HTTP/1.0`, ...lines, "", ""].join("\r\n");
}

/**
 * The whole body of an answer, as text: as long as its head says, or else until the connection is closed, which an engine
 * does not do before it has said anything.
 * @throws DockerError `engine/cut-off` where less comes, or there is no end to it
 */
export async function wholeText({ headers, body }: PlainAnswer): Promise<string> {
  const length = Number(headers["content-length"] ?? Infinity);
  const pieces: Buffer[] = [];
  let come = 0;
  // By its events: Node takes longer to make an iterator of a connection than such an answer to come.
  const read = (resolve: () => void, reject: (error: Error) => void): void => {
    const cut = (): void => reject(body.errored ?? noAnswer());
    const end = (): void => {
      body.off("close", cut);
      resolve();
    };
    if (body.destroyed) return cut();
    body.on("data", (piece: Buffer) => {
      pieces.push(piece);
      come += piece.length;
      if (come >= length) end();
      else if (come > TEXT_LIMIT) body.destroy(endless());
    });
    body.once("end", end).once("close", cut).resume();
  };
  if (length > 0)
    await new Promise<void>(read).catch((error: unknown) => {
      throw prematureEnd(error);
    });
  body.destroy();
  if (come < length && length < Infinity) throw cutOff(`${come} of ${length} bytes came`);
  if (come === 0 && length > 0) throw cutOff("nothing came");
  return Buffer.concat(pieces).toString("utf8");
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** Reads the head of an answer, and leaves what follows it in the connection. */
async function headOf(connection: net.Socket): Promise<string> {
  return await new Promise((resolve, reject) => {
    let come = Buffer.alloc(0);
    const cut = (): void => reject(noAnswer());
    const onData = (chunk: Buffer): void => {
      come = Buffer.concat([come, chunk]);
      const end = come.indexOf("\r\n\r\n");
      // What comes with the end of a head is the body's.
      if (
        (end < 0 && come.length > HEAD_LIMIT) ||
        !/^H(?:T(?:T(?:P(?:\/.*)?)?)?)?$/s.test(come.toString("latin1", 0, 5))
      )
        return reject(notHttp());
      if (end < 0) return;
      connection.off("data", onData).off("error", reject).off("close", cut).pause();
      connection.unshift(come.subarray(end + 4));
      resolve(come.toString("latin1", 0, end));
    };
    connection.on("data", onData).on("error", reject).on("close", cut);
  });
}

function notHttp(): Error {
  return Object.assign(new Error("the answer is not HTTP"), { code: NOT_HTTP });
}

function noAnswer(): Error {
  return Object.assign(new Error("no answer came"), { code: "ECONNRESET" });
}
