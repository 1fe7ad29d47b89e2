/** Files that users hand over by an option, and pipes in their place: `env-file = <(…)` of a shell. */
import { devNull } from "node:os";
import { isPipe, readPipe, readPlainFile } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";

/**
 * Reads a file or a pipe whole. A pipe gives what it has only once: whoever asks again in this run gets the same.
 * @throws the system's error; one with the code `EFTYPE` for a device or a socket
 */
export async function readGiven(context: Pick<Context, "shared">, path: string): Promise<string> {
  if (path === devNull) return "";
  const bytes = (await isPipe(path))
    ? await context.shared(`pipe ${path}`, async (signal) => await readPipe(path, signal))
    : await readPlainFile(path);
  return bytes.toString("utf8");
}
