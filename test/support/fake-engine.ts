import http from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { engineHost } from "./engine.js";

export type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

export interface FakeEngine {
  /** For `engine-url`. */
  readonly url: string;
  /** `POST /build`, …: what has been asked for, without version and query. */
  readonly requests: string[];
  readonly close: () => Promise<void>;
}

/**
 * An engine that answers some calls as a test wants and hands all others to the engine under test (which must be at a
 * socket): for what a real engine does only on a bad day.
 * @param answers by `METHOD /path`, without version
 * @param rest what answers all other calls
 * @param upgrade what takes a connection over that a call turns into a raw one
 */
export async function fakeEngine(
  answers: Readonly<Record<string, Answer>>,
  rest: Answer = handOn,
  upgrade?: (request: http.IncomingMessage, socket: Duplex) => void,
): Promise<FakeEngine> {
  const folder = await mkdtemp(join(tmpdir(), "tsbuildout-fake-"));
  const path = join(folder, "engine.sock");
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    const asked = `${request.method} ${(request.url ?? "").replace(/^\/v1\.\d+/, "").replace(/\?.*/, "")}`;
    requests.push(asked);
    const answer = answers[asked];
    (answer ?? rest)(request, response);
  });
  if (upgrade) server.on("upgrade", upgrade);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  };
  return { url: `unix://${path}`, requests, close };
}

/** Has the engine under test answer. */
export function handOn(request: http.IncomingMessage, response: http.ServerResponse): void {
  ask(request, response, (answer) => {
    // How it came is the matter of that connection alone: who asks by HTTP/1.0 knows no chunks.
    delete answer.headers["transfer-encoding"];
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
}

/** Has the engine under test do what is asked, and says when that is done that it has failed. */
export function spoilt(message: string): Answer {
  const said = JSON.stringify({ errorDetail: { message }, error: message });
  return (request, response) =>
    ask(request, response, (answer) => answer.resume().once("end", () => response.end(said)));
}

function ask(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  answered: (answer: http.IncomingMessage) => void,
): void {
  const { method, url: path, headers } = request;
  const socketPath = engineHost().replace(/^unix:\/\//, "");
  const real = http.request({ socketPath, method, path, headers }, answered);
  real.on("error", () => response.destroy());
  request.pipe(real);
}

/** Reads what is sent and answers 200 with these lines of JSON; then ends, or breaks the connection off. */
export function lines(values: readonly object[], end: "end" | "cut" = "end"): Answer {
  return (request, response) => {
    request.resume();
    request.once("end", () => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write(values.map((value) => `${JSON.stringify(value)}\r\n`).join(""), () => {
        if (end === "end") response.end();
        else response.destroy();
      });
    });
  };
}
