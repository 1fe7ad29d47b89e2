import net from "node:net";
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
