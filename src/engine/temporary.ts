import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildoutInfo } from "./contract.js";
import type { Diagnostic } from "./diagnostic.js";
import { reasonOf } from "./given.js";

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

  /** What cannot be removed, a program's read-only folders or root's, is no failure of the call: the run's end tells of it. */
  async remove(): Promise<void> {
    for (const folder of this.#made) await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Removes the folders of a run, and of one whose process was killed. Only for the holder of the lock, before it calls a
 * recipe and when all calls have ended: nobody else has any then.
 * @returns what cannot be removed
 */
export async function removeTemporary(info: BuildoutInfo): Promise<Diagnostic | undefined> {
  const root = rootOf(info);
  // Looked for first: short runs have none, and do without loading `fs/promises`, which takes Node 2 ms.
  if (!existsSync(root)) return undefined;
  try {
    await rm(root, { recursive: true, force: true });
    return undefined;
  } catch (error) {
    const message = `${root}, which a recipe needed for a time, cannot be removed: ${reasonOf(error)}`;
    return { severity: "warning", code: "part/file-left", message, help: ["remove it yourself"] };
  }
}

/** By the buildout's name, for several may stand in one folder, each with a lock of its own. */
function rootOf({ cacheDirectory, id }: BuildoutInfo): string {
  return join(cacheDirectory, `tmp-${id}`);
}
