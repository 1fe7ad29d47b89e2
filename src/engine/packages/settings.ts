import { join } from "node:path";
import type { Config } from "../config/model.js";
import { nothingOutside, Resolver } from "../config/resolve.js";
import type { BuildoutInfo } from "../contract.js";
import { isFalse } from "../schema.js";
import type { PackageSettings } from "./prefix.js";

/** What `[buildout]` and `[versions]` say of packages. */
export function packageSettings(
  config: Config | undefined,
  info: BuildoutInfo,
  run: { readonly env: PackageSettings["env"]; readonly signal: AbortSignal },
): PackageSettings {
  const { directory, cacheDirectory, options, newest, offline } = info;
  return {
    directory,
    prefix: join(cacheDirectory, "packages"),
    versions: config ? versionsOf(config, options["versions"] ?? "versions", run.env) : new Map(),
    newest,
    offline,
    allowPicked: !isFalse(options["allow-picked-versions"]),
    ...run,
  };
}

function versionsOf(
  config: Config,
  section: string,
  env: PackageSettings["env"],
): ReadonlyMap<string, string> {
  if (!config.sections.has(section)) return new Map();
  const values = new Resolver(config, nothingOutside, env).section(section);
  return new Map(
    [...values].flatMap(([name, { text }]) =>
      text === null || text.trim() === "" ? [] : [[name, text.trim()]],
    ),
  );
}
