import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildoutInfo } from "./contract.js";

/** The folders that one call into a recipe asked for. */
export class TemporaryFolders {
  readonly #root: string;
  readonly #made: string[] = [];

  constructor(info: BuildoutInfo) {
    this.#root = rootOf(info);
  }

  /** @returns an empty folder that only this user can enter */
  async make(): Promise<string> {
    await mkdir(this.#root, { recursive: true });
    const folder = await mkdtemp(join(this.#root, "call-"));
    this.#made.push(folder);
    return folder;
  }

  async remove(): Promise<void> {
    for (const folder of this.#made) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Removes the folders of a run, and of one whose process was killed. Only for the holder of the lock, before it calls a
 * recipe and when all calls have ended: nobody else has any then.
 */
export async function removeTemporary(info: BuildoutInfo): Promise<void> {
  const root = rootOf(info);
  // Looked for first: short runs have none, and do without loading `fs/promises`, which takes Node 2 ms.
  if (existsSync(root)) await rm(root, { recursive: true, force: true });
}

/** By the buildout's name, for several may stand in one folder, each with a lock of its own. */
function rootOf({ cacheDirectory, id }: BuildoutInfo): string {
  return join(cacheDirectory, `tmp-${id}`);
}
