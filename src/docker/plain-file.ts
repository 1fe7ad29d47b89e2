import { constants, createReadStream, fstat, open, readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { promisify } from "node:util";

/** No file that a user writes is near this long; a pipe may go on for ever. */
const PIPE_LIMIT = 16 * 1024 * 1024;

/**
 * Reads a file of the user's whole. A pipe holds up whoever opens it until somebody writes, and a device may have no end:
 * neither is opened. At once, not by a thread: such files are small, and most runs only look at them.
 * @throws the system's error; one with the code `EFTYPE` for what is neither file nor folder
 */
export async function readPlainFile(path: string): Promise<Buffer> {
  const found = statSync(path);
  if (!found.isFile() && !found.isDirectory())
    throw Object.assign(new Error(`${path} is not a file`), { code: "EFTYPE" });
  return await Promise.resolve(readFileSync(path));
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
  const bytes = await readUpTo(path, { limit: PIPE_LIMIT + 1, signal });
  if (bytes.length > PIPE_LIMIT) throw new Error(`${path} gives more than 16 MiB`);
  return bytes;
}

/**
 * What a file, a device or a pipe holds, to its end or until there are so many bytes.
 * A pipe is opened and read without a thread that waits in it: no signal reaches that, and not even the process could end.
 * @throws the signal's reason, or the system's error
 */
export async function readUpTo(
  path: string,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  const { Socket } = await import("node:net");
  const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await promisify(fstat)(fd);
  const stream = stats.isFIFO()
    ? new Socket({ fd, readable: true, writable: false })
    : createReadStream(path, { fd });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length >= limit) break;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return Buffer.concat(chunks);
}
