import { readFile, stat } from "node:fs/promises";

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
