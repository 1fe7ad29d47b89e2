import { readFileSync } from "node:fs";

/** The package's version: its package.json lies above both the bundle and the compiled modules. */
export function version(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")) as Package;
      if (name === "tsbuildout" && version) return version;
    } catch {
      // Not there: the other place.
    }
  }
  return "unknown";
}

interface Package {
  readonly name?: string;
  readonly version?: string;
}
