import net from "node:net";
import type { Duplex } from "node:stream";
import { frame, grpcMessages } from "./grpc.js";
import { bytesOf, encodeField, fieldsOf } from "./protobuf.js";

/**
 * Carries an ssh agent's talk between a gRPC stream of `BytesMessage`s and the agent's socket, until either ends.
 * @throws where the agent cannot be reached
 */
export async function forwardAgent(stream: Duplex, socketPath: string): Promise<void> {
  const agent = net.connect({ path: socketPath });
  try {
    await Promise.race([toAgent(stream, agent), fromAgent(agent, stream)]);
  } finally {
    agent.destroy();
  }
}

async function toAgent(stream: Duplex, agent: net.Socket): Promise<void> {
  for await (const message of grpcMessages(stream))
    for (const field of fieldsOf(message)) if (field.number === 1) agent.write(bytesOf(field));
}

async function fromAgent(agent: net.Socket, stream: Duplex): Promise<void> {
  for await (const chunk of agent as AsyncIterable<Buffer>) stream.write(frame(encodeField(1, chunk)));
}
