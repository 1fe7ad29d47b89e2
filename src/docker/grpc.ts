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

/** Puts the messages of a stream together again, whose chunks end anywhere. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns the messages that are whole with this chunk @throws GrpcStatus for a compressed or an overlong one */
  read(chunk: Buffer): Uint8Array[] {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const messages: Uint8Array[] = [];
    let at = 0;
    while (bytes.length - at >= HEAD) {
      const length = bytes.readUInt32BE(at + 1);
      if (bytes[at] !== 0 || length > LIMIT)
        throw new GrpcStatus(UNIMPLEMENTED, "compressed messages are not understood");
      if (bytes.length - at < HEAD + length) break;
      messages.push(bytes.subarray(at + HEAD, at + HEAD + length));
      at += HEAD + length;
    }
    this.#rest = bytes.subarray(at);
    return messages;
  }
}

/** The messages of a stream, as they come. @throws GrpcStatus for a compressed or an overlong one */
export async function* grpcMessages(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new MessageReader();
  for await (const chunk of stream as AsyncIterable<Buffer>) yield* reader.read(chunk);
}
