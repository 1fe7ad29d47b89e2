import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { BuildoutInfo } from "./contract.js";

/** What `serve` keeps beside the caches: its checkout is a buildout of its own, with parts that are installed. */
const NO_CACHES: ReadonlySet<string> = new Set(["checkout", "deliveries"]);

type Place = Pick<BuildoutInfo, "cacheDirectory" | "id">;

/** Says that a buildout keeps things in this folder, for several may: in a file of its name, where its state file lies
 *  (which may be given another place, or go with the folder to another one). */
export function enterCaches(place: Place, statePath: string): void {
  if (!existsSync(place.cacheDirectory)) return;
  const entry = entryOf(place);
  const text = relative(place.cacheDirectory, statePath);
  try {
    if (existsSync(entry) && readFileSync(entry, "utf8") === text) return;
    mkdirSync(dirname(entry), { recursive: true });
    writeFileSync(entry, text, { mode: 0o600 });
  } catch {
    // Who can keep nothing here has nothing to lose.
  }
}

/** With the last part go the folders that only served parts; the caches where no other buildout has any there: to that
 *  one its packages of recipes, its outputs and the logs of its runs would be lost. */
export async function removeCaches({ partsDirectory, ...place }: BuildoutInfo): Promise<void> {
  await rm(entryOf(place), { force: true });
  if (!(await isShared(place))) {
    const { cacheDirectory } = place;
    const names = await readdir(cacheDirectory).catch(() => []);
    const caches = names.filter((name) => !NO_CACHES.has(name)).map((name) => join(cacheDirectory, name));
    for (const path of caches.length === names.length ? [cacheDirectory] : caches)
      await rm(path, { recursive: true, force: true });
  }
  await rmdir(partsDirectory).catch(() => {});
}

function entryOf({ cacheDirectory, id }: Place): string {
  return join(cacheDirectory, "states", id);
}

async function isShared(place: Place): Promise<boolean> {
  const folder = dirname(entryOf(place));
  for (const id of await readdir(folder).catch(() => [])) {
    const path = await readFile(join(folder, id), "utf8").catch(() => "");
    // One that was removed by hand is none. A full disk leaves an empty entry.
    if (path !== "" && existsSync(resolve(place.cacheDirectory, path))) return true;
  }
  return false;
}
