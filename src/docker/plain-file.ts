import { constants, open } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";

/** No file that a user writes is near this long; a pipe may go on for ever. */
const PIPE_LIMIT = 16 * 1024 * 1024;

/**
 * Reads a file of the user's whole. A pipe holds up whoever opens it until somebody writes, and a device may have no end:
 * neither is opened.
 * @throws the system's error; one with the code `EFTYPE` for what is neither file nor folder
 */
export async function readPlainFile(path: string): Promise<Buffer> {
  const found = await stat(path);
  if (!found.isFile() && !found.isDirectory())
    throw Object.assign(new Error(`${path} is not a file`), { code: "EFTYPE" });
  return await readFile(path);
}

/** Whether a path leads to a pipe, as a shell's `<(…)` does; what is not there is none. */
export async function isPipe(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFIFO(),
    () => false,
  );
}

/** Reads a pipe to its end, for whose writers it waits. @throws the signal's reason; an error where more comes than 16 MiB */
export async function readPipe(path: string, signal: AbortSignal): Promise<Buffer> {
  const { Socket } = await import("node:net");
  // An open that waits for a writer could not be ended, and would hold up the end of the process.
  const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const pipe = new Socket({ fd, readable: true, writable: false, signal });
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of pipe as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > PIPE_LIMIT) throw new Error(`${path} gives more than 16 MiB`);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return Buffer.concat(chunks);
}
