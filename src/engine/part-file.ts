import { randomUUID } from "node:crypto";
import { DiagnosticError } from "./diagnostic.js";
import { dropPart } from "./fetch-file.js";
import { takeLock } from "./lock.js";

export interface PartFile {
  readonly path: string;
  release(): Promise<void>;
}

/** The file that a download gathers in. Runs may share a cache, also those of several containers or hosts: one that comes
 *  while another gathers gets a file of its own, which does not outlive it. */
export async function takePart(target: string): Promise<PartFile> {
  const path = `${target}.part`;
  try {
    const lock = await takeLock(`${path}.lock`);
    return { path, release: async () => lock.release() };
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    // The system said no: there is nobody who holds it.
    if (error.cause !== undefined) throw error.cause;
  }
  const own = `${target}.${randomUUID().slice(0, 8)}.part`;
  return { path: own, release: () => dropPart(own) };
}
