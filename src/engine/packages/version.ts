import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { readManifest } from "./manifest.js";

/** The version of the package that a file is installed with, else a digest of the file: code without a version. */
export async function versionOf(file: string): Promise<string> {
  if (file.includes("/node_modules/"))
    for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
      const version = readManifest(folder)?.version;
      if (version !== undefined) return version;
    }
  const { createHash } = await import("node:crypto");
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex")
    .slice(0, 12);
}
