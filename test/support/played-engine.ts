import type http from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { type Answer, fakeEngine, type FakeEngine } from "./fake-engine.js";

/** An answer's body, sent with 200, or its status and its body; or what tells it at each call. An object is sent as JSON. */
export type Played = object | Whole | (() => object | Whole);
type Whole = readonly [status: number, body: object | string, headers?: Readonly<Record<string, string>>];

export interface Play {
  /** By `METHOD /path`, without version and query. */
  readonly answers?: Readonly<Record<string, Played>>;
  /** What a command in a container, its words joined, writes and how it ends; without it, it writes nothing and ends well. */
  readonly command?: (cmd: string) => { readonly code?: number; readonly out?: string };
  /** The API that it speaks. */
  readonly api?: string;
}

/** What an engine says that has nothing on it. */
const EMPTY: Readonly<Record<string, Played>> = {
  "GET /containers/json": [],
  "GET /images/json": [],
  "GET /info": { OSType: "linux", Architecture: "x86_64", DriverStatus: [] },
  "GET /networks": [],
  "GET /version": { Version: "27.0.0", Os: "linux", Arch: "amd64" },
  "GET /volumes": { Volumes: [] },
};

/**
 * An engine that is only played, for what a user sees on an engine's bad days: it answers what the test wants, has
 * nothing else on it, and takes whatever else it is told.
 */
export async function playedEngine({ answers = {}, command, api = "1.45" }: Play): Promise<FakeEngine> {
  const ends: { readonly code?: number; readonly out?: string }[] = [];
  const played = Object.entries({ ...EMPTY, ...answers }).map(([call, what]) => [call, answered(what)]);
  const ping: Answer = (_, response) =>
    response.writeHead(200, { "api-version": api, "builder-version": "2" }).end("OK");

  async function rest(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const path = (request.url ?? "").replace(/^\/v1\.\d+/, "").replace(/\?.*/, "");
    const body = await text(request);
    if (/^\/containers\/[^/]+\/exec$/.test(path)) {
      const { Cmd } = JSON.parse(body) as { readonly Cmd: readonly string[] };
      send(response, [201, { Id: `${ends.push(command?.(Cmd.join(" ")) ?? {}) - 1}` }]);
    } else if (/^\/exec\/\d+\/json$/.test(path))
      send(response, { Running: false, Pid: 7, ExitCode: ends[idOf(path)]?.code ?? 0 });
    else if (request.method === "GET" || request.method === "HEAD")
      send(response, [404, { message: `there is no ${path}` }]);
    else send(response, [204, ""]);
  }

  function start({ url = "" }: http.IncomingMessage, socket: Duplex): void {
    if (!url.includes("/exec/"))
      return void socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const bytes = Buffer.from(ends[idOf(url)]?.out ?? "");
    const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(bytes.length, 4);
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    // Read to its end as well: a script comes this way.
    socket.resume().end(Buffer.concat([head, bytes]));
  }

  const all = { ...Object.fromEntries(played), "GET /_ping": ping };
  return await fakeEngine(all, (...call) => void rest(...call), start);
}

function idOf(path: string): number {
  return Number(/\/exec\/(\d+)/.exec(path)?.[1]);
}

function answered(played: Played): Answer {
  return (request, response) => {
    request.resume();
    request.once("end", () => send(response, typeof played === "function" ? played() : played));
  };
}

function send(response: http.ServerResponse, played: object | Whole): void {
  const [status, body, headers] = isWhole(played) ? played : ([200, played] as const);
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function isWhole(played: object | Whole): played is Whole {
  return Array.isArray(played) && typeof played[0] === "number";
}
