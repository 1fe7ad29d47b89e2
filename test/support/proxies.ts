import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { buffer } from "node:stream/consumers";
import tls from "node:tls";
import type { Certificates } from "./certificates.js";
import { engineHost } from "./engine.js";

/** A way to the engine under test other than its socket. */
export interface Proxy {
  readonly port: number;
  /** Connections that were made through it. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** The path of the engine's socket. */
export function engineSocket(): string {
  const host = engineHost();
  if (!host.startsWith("unix://")) throw new Error(`these tests need an engine at a socket, not at ${host}`);
  return host.slice("unix://".length);
}

/** The engine over TLS, for clients with a certificate of the same authority. */
export async function tlsProxy({ server }: Certificates): Promise<Proxy> {
  return await listen(
    tls.createServer(
      { ...server, allowHalfOpen: true, requestCert: true, rejectUnauthorized: true },
      forward,
    ),
    "secureConnection",
  );
}

/** The engine over plain TCP. */
export async function tcpProxy(): Promise<Proxy> {
  return await listen(net.createServer({ allowHalfOpen: true }, forward), "connection");
}

/**
 * The engine over HTTP, for what keeps to requests and answers.
 * @param meanwhile is done when the engine has answered, before the answer goes on: `POST /v1.41/build?…`
 */
export async function httpProxy(meanwhile: (call: string) => Promise<void>): Promise<Proxy> {
  const relay = async (asked: http.IncomingMessage, answer: http.ServerResponse): Promise<void> => {
    const { method, url: path, headers } = asked;
    const request = asked.pipe(http.request({ socketPath: engineSocket(), method, path, headers }));
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const body = await buffer(response);
    await meanwhile(`${method} ${path}`);
    answer.writeHead(response.statusCode ?? 500, response.headers).end(body);
  };
  return await listen(
    http.createServer((...call) => void relay(...call)),
    "connection",
  );
}

function forward(client: net.Socket): void {
  const engine = net.connect({ path: engineSocket(), allowHalfOpen: true });
  client.pipe(engine).pipe(client);
  client.on("error", () => engine.destroy());
  engine.on("error", () => client.destroy());
  client.on("close", () => engine.destroy());
}

async function listen(server: net.Server, event: string): Promise<Proxy> {
  const sockets = new Set<net.Socket>();
  let count = 0;
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.on(event, () => (count += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => count,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
