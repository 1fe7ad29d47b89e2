import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What is read of a package.json (https://docs.npmjs.com/cli/configuring-npm/package-json). */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly main?: string;
  readonly exports?: unknown;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}

/** The folder of a package, looked up from a folder as Node does
 *  (https://nodejs.org/api/modules.html#loading-from-node_modules-folders). */
export function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
    if (folder === dirname(folder)) return undefined;
  }
}

/** The file behind an entry of a package: `.` or `./name`, as its `exports` decide; undefined where they have none. */
export async function entryFile(
  folder: string,
  manifest: Manifest,
  entry: string,
): Promise<string | undefined> {
  if (manifest.exports === undefined)
    return plainFile(folder, entry === "." ? (manifest.main ?? "index.js") : entry);
  const { exports: resolveExports } = await import("resolve.exports");
  try {
    const found = resolveExports(manifest, entry);
    return found?.[0] === undefined ? undefined : join(folder, found[0]);
  } catch {
    return undefined;
  }
}

function plainFile(folder: string, path: string): string | undefined {
  const candidates = [path, `${path}.js`, `${path}.mjs`, `${path}.cjs`, join(path, "index.js")];
  return candidates
    .map((candidate) => join(folder, candidate))
    .find((file) => /\.[cm]?js$/.test(file) && existsSync(file));
}
