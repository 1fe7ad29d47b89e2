import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { connect } from "../../src/docker/connect.js";
import type { Engine } from "../../src/docker/engine.js";
import { temporaryFolder } from "./tmp.js";

/** Something that listens on a socket of its own for the length of a test. */
export interface Listening {
  /** `unix:///…` or `tcp://127.0.0.1:…` */
  readonly url: string;
  /** Of its socket. */
  readonly path: string;
  close(): Promise<void>;
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** An HTTP server that answers `/_ping` as an engine does and leaves everything else to the test. */
export async function fakeEngine(
  handler: Handler,
  apiVersion = "1.41",
): Promise<Listening & { server: http.Server }> {
  const server = http.createServer((request, response) => {
    if (request.url === "/_ping") {
      response.setHeader("Api-Version", apiVersion);
      response.end("OK");
    } else handler(request, response);
  });
  return { ...(await listen(server)), server };
}

/** A server of bytes, for what an HTTP server would not do. */
export async function fakeSocket(
  handler: (socket: net.Socket) => void,
  kind: "unix" | "tcp" = "unix",
): Promise<Listening> {
  const server = net.createServer({ allowHalfOpen: true }, handler);
  if (kind === "unix") return await listen(server);
  const listening = await listen(server, 0);
  return { ...listening, url: `tcp://127.0.0.1:${(server.address() as net.AddressInfo).port}` };
}

/** @param at a port of 127.0.0.1, or its socket */
async function listen(server: net.Server, at?: number): Promise<Listening> {
  const path = join(await temporaryFolder(), "engine.sock");
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) =>
    server.listen(at === undefined ? { path } : { host: "127.0.0.1", port: at }, resolve),
  );
  return {
    url: `unix://${path}`,
    path,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An engine as the code under test sees it. */
export async function connectTo(url: string): Promise<Engine> {
  return await connect({ url }, { env: {}, home: "/nonexistent" });
}
