import { readFile, rm, writeFile } from "node:fs/promises";
import { dropPart, isSystemError } from "./fetch-file.js";
import { runs } from "./lock.js";

export interface PartFile {
  readonly path: string;
  release(): Promise<void>;
}

/** The file that a download gathers in. Two runs may share a cache: the second one, while the first is alive, gets a
 *  file of its own, which does not outlive it. */
export async function takePart(target: string): Promise<PartFile> {
  const path = `${target}.part`;
  const lock = `${path}.pid`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(lock, String(process.pid), { flag: "wx" });
      return { path, release: () => rm(lock, { force: true }) };
    } catch (error) {
      if (!isSystemError(error, "EEXIST")) throw error;
      const holder = Number(await readFile(lock, "utf8").catch(() => ""));
      if (holder > 0 && runs(holder)) break;
      await rm(lock, { force: true });
    }
  }
  const own = `${target}.${process.pid}.part`;
  return { path: own, release: () => dropPart(own) };
}
