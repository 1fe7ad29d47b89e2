import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readManifest } from "./manifest.js";

/** This package: where it lies, compiled or bundled, and its version. */
export interface Self {
  readonly folder: string;
  readonly version: string;
}

let self: Self | undefined;

export function ownPackage(): Self {
  if (self) return self;
  for (
    let folder = dirname(fileURLToPath(import.meta.url));
    folder !== dirname(folder);
    folder = dirname(folder)
  ) {
    const manifest = readManifest(folder);
    if (manifest?.name === "tsbuildout") return (self = { folder, version: manifest.version ?? "0.0.0" });
  }
  throw new Error("tsbuildout does not find its own package.json");
}
