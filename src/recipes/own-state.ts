import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Context } from "tsbuildout/recipe";

/**
 * What runs write into the buildout's folder: where files are looked at, it would make every run see a change. Buildout files
 * that stand side by side have each an installed-state file, which is called `.installed…` by custom.
 * @returns absolute paths
 */
export function ownPaths({ buildout }: Pick<Context, "buildout">): string[] {
  const { cacheDirectory, directory, options } = buildout;
  const installed = resolve(directory, options["installed"] || ".installed.cfg");
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const others = names.filter((name) => name.startsWith(".installed")).map((name) => join(directory, name));
  return [cacheDirectory, installed, `${installed}.journal`, `${installed}.lock`, ...others];
}
