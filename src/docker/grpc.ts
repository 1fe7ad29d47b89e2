/** gRPC's framing (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a flag, a length, a message. */
import type { Readable } from "node:stream";

export const NOT_FOUND = 5;
export const UNIMPLEMENTED = 12;

/** A call's refusal, with one of gRPC's status codes. */
export class GrpcStatus extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const HEAD = 5;
/** Nothing that a session carries is near this long. */
const LIMIT = 16 * 1024 * 1024;

export function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The messages of a stream, as they come. @throws GrpcStatus for a compressed or an overlong one */
export async function* grpcMessages(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    while (rest.length >= HEAD) {
      const length = rest.readUInt32BE(1);
      if (rest[0] !== 0 || length > LIMIT)
        throw new GrpcStatus(UNIMPLEMENTED, "compressed messages are not understood");
      if (rest.length < HEAD + length) break;
      yield rest.subarray(HEAD, HEAD + length);
      rest = rest.subarray(HEAD + length);
    }
  }
}
