import { createServer, connect, type Socket } from "node:net";
import { join } from "node:path";
import { engineHost } from "./engine.js";
import { temporaryFolder } from "./tmp.js";

/** A socket in front of the engine that keeps the first line of every request. */
export interface CountingProxy {
  readonly url: string;
  /** `GET /v1.41/containers/json?all=true`, in the order in which they came. */
  readonly requests: string[];
  /** Bytes that went to the engine until now. */
  readonly sent: () => number;
  readonly close: () => void;
}

/** Only in front of an engine on a unix socket, and only for requests whose head comes in one piece. */
export async function countingProxy(): Promise<CountingProxy> {
  const target = engineHost();
  if (!target.startsWith("unix://")) throw new Error(`the engine is not on a unix socket: ${target}`);
  const path = join(await temporaryFolder(), "docker.sock");
  const requests: string[] = [];
  let sent = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(target.slice("unix://".length));
    for (const socket of [client, engine]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk: Buffer) => {
      sent += chunk.length;
      const line = /^([A-Z]+ \/\S*) HTTP\/1\.[01]\r\n/.exec(chunk.toString("latin1"))?.[1];
      if (line) requests.push(line);
    });
    client.pipe(engine).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `unix://${path}`, requests, sent: () => sent, close };
}
