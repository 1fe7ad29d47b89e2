import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { RunData } from "../page/data.js";
import { escapeHtml } from "../page/escape.js";
import { renderPage, showable } from "../page/page.js";
import { STYLE } from "../page/style.js";
import { type Deliveries, isSigned, parsePush, type Push } from "./webhook.js";

/** What the server shows and where it hands things on; it knows neither folders nor git. */
export interface Serving {
  /** The newest first. */
  list(): readonly { id: string; started: string; command: string; result: string; milliseconds?: number }[];
  run(id: string): RunData | undefined;
  /** Calls back when something has changed, until the returned function is called. */
  watch(changed: () => void): () => void;
  /** Undefined where no webhook secret is set: then there is no webhook. */
  readonly secret: string | undefined;
  readonly deliveries: Deliveries;
  /** Takes a push whose signature is good; false where it is not for the branch that is watched. */
  push(push: Push): boolean;
  /** One line a request that was refused, and a delivery that was taken. */
  log(line: string): void;
  /** Names and addresses by which the server may be called; a page elsewhere must not read it through a name of its own. */
  readonly hosts: readonly string[];
}

const LONGEST_BODY = 25 * 1024 * 1024;

/** The pages of the runs, their live events, and the webhook. The caller makes it listen. */
export function createRunServer(serving: Serving): Server {
  return createServer((request, response) => {
    handle(serving, request, response).catch((error: unknown) => {
      // Who has left in the midst of asking wants no answer.
      if (request.destroyed && !request.complete) return;
      serving.log(`internal error: ${(error as Error).message}`);
      if (!response.headersSent) send(response, 500, "text/plain", "internal error\n");
      else response.destroy();
    });
  });
}

async function handle(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "/").split("?")[0]!;
  if (request.method === "POST" && path === "/github/push") return await webhook(serving, request, response);
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(serving, request, response, 405);
  const host = (request.headers.host ?? "").replace(/:\d+$/, "").toLowerCase();
  if (!serving.hosts.some((name) => hostInUrl(name).toLowerCase() === host))
    return refuse(serving, request, response, 421);
  if (path === "/") return send(response, 200, "text/html", listPage(serving));
  if (path === "/events") return events(serving, response);
  // Only what looks like a run's id is ever looked up: nothing else of a path reaches the file system.
  const id = /^\/runs\/(\d{8}-\d{6}-[0-9a-f]+)$/.exec(path)?.[1];
  const run = id === undefined ? undefined : serving.run(id);
  if (!run) return refuse(serving, request, response, 404);
  if (request.url!.endsWith("?data"))
    return send(response, 200, "application/json", JSON.stringify(showable([run])));
  send(response, 200, "text/html", renderPage([run], run.milliseconds === undefined ? "/events" : undefined));
}

export function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: "bad request",
  401: "the signature is not good",
  404: "not found",
  405: "method not allowed",
  409: "this delivery was taken before",
  413: "too large",
  421: "this server is not called that",
};

function refuse(serving: Serving, request: IncomingMessage, response: ServerResponse, status: number): void {
  const where = JSON.stringify((request.url ?? "").slice(0, 200));
  serving.log(
    `refused ${request.method} ${where} from ${request.socket.remoteAddress}: ${status} ${REFUSALS[status]}`,
  );
  drain(request);
  send(response, status, "text/plain", `${REFUSALS[status]}\n`);
}

/** Who is still sending would miss an answer to a connection that is closed; who never ends is not listened to for ever. */
function drain(request: IncomingMessage): void {
  let left = LONGEST_BODY;
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.resume();
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  });
  response.end(body);
}

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): a message says that there is
 *  something new, the page fetches it. */
function events(serving: Serving, response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write(": here\n\n");
  const stop = serving.watch(() => response.write("data: changed\n\n"));
  response.on("close", stop);
}

async function webhook(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (serving.secret === undefined) return refuse(serving, request, response, 404);
  const body = await readBody(request);
  if (body === undefined) return refuse(serving, request, response, 413);
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  if (!isSigned(body, header("x-hub-signature-256"), serving.secret))
    return refuse(serving, request, response, 401);
  const delivery = header("x-github-delivery");
  if (!serving.deliveries.take(delivery)) return refuse(serving, request, response, 409);
  const event = header("x-github-event");
  if (event === "ping") return send(response, 200, "text/plain", "pong\n");
  const push = event === "push" ? parsePush(body) : undefined;
  const taken = push !== undefined && serving.push(push);
  serving.log(
    `delivery ${delivery}: ${event} ${push?.branch ?? ""} ${push?.after ?? ""} ${taken ? "queued" : "ignored"}`,
  );
  send(response, 202, "text/plain", taken ? "queued\n" : "ignored\n");
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Left early, a request would take the connection with it, and the answer would not arrive.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LONGEST_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function listPage(serving: Serving): string {
  const rows = serving
    .list()
    .map(({ id, started, command, result, milliseconds }) => {
      const length = milliseconds === undefined ? "" : `${(milliseconds / 1000).toFixed(1)} s`;
      const when = started.replace("T", " ").replace(/\..*/, "");
      return `<tr><td><a href="/runs/${id}">${id}</a></td><td>${escapeHtml(when)}</td><td>${escapeHtml(command)}</td><td class="${result}">${result}</td><td>${length}</td></tr>`;
    })
    .join("\n");
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>runs</title>
<style>${STYLE}td,th{text-align:left;padding:.2rem .8rem .2rem 0}</style>
<body><header><h1>Runs</h1></header><main>
<table><thead><tr><th>run</th><th>started (UTC)</th><th>command</th><th>result</th><th>took</th></tr></thead><tbody>
${rows}
</tbody></table></main>
<script>new EventSource("/events").addEventListener("message",()=>location.reload())</script>
</body></html>
`;
}
