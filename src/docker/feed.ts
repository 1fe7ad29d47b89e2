import { Readable, type Duplex } from "node:stream";
import { systemCode } from "./errors.js";

/**
 * Writes a process's input and half-closes the connection, whose other half goes on. A process that ends without
 * reading all of its input is no error here: its exit code says what it thinks of it.
 */
export async function feed(
  connection: Duplex,
  stdin: Readable | Buffer | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (!(stdin instanceof Readable)) {
    // A write of nothing fails where the engine has hung up by then, and what it said before is lost by that.
    if (stdin?.length) connection.end(stdin);
    else connection.end();
    return;
  }
  let over = connection.destroyed;
  // It may have nothing to say for as long as it likes, and nobody listens any more.
  const stop = (): void => {
    over = true;
    stdin.destroy();
  };
  connection.once("close", stop);
  try {
    if (over) return;
    for await (const chunk of stdin) {
      signal?.throwIfAborted();
      if (connection.destroyed || connection.writableEnded) return;
      if (!connection.write(chunk)) await drained(connection);
    }
    connection.end();
  } catch (error) {
    if (over || systemCode(error) === "EPIPE" || systemCode(error) === "ECONNRESET") return;
    connection.destroy();
    throw error;
  } finally {
    connection.off("close", stop);
    stdin.destroy();
  }
}

async function drained(connection: Duplex): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      connection.off("drain", done);
      connection.off("close", done);
      resolve();
    };
    connection.on("drain", done);
    connection.on("close", done);
  });
}
