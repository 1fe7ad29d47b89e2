import { once } from "node:events";
import { request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Hands a request on to the registry under another path, and its answer back. */
export function relay(incoming: IncomingMessage, answer: ServerResponse, to: Relay): void {
  const { authorization: _, ...headers } = incoming.headers;
  const { port, path } = to;
  const onward = request({ port, host: "127.0.0.1", method: incoming.method, path, headers }, (reply) => {
    const headers = { ...reply.headers };
    if (headers.location) headers.location = to.location(headers.location);
    if (reply.statusCode === 201) to.accepted?.();
    answer.writeHead(reply.statusCode ?? 502, headers);
    reply.pipe(answer);
  });
  onward.on("error", () => answer.destroy());
  incoming.on("error", () => onward.destroy());
  if (to.body) onward.end(to.body);
  else incoming.pipe(onward);
}

export interface Relay {
  readonly port: number;
  readonly path: string;
  /** The body where it has been read already. */
  readonly body?: Buffer;
  location(location: string): string;
  /** Called when the registry has answered 201. */
  accepted?(): unknown;
}
