import type { OpenRequest } from "./engine/buildout-options.js";
import type { Config } from "./engine/config/model.js";
import { Resolver } from "./engine/config/resolve.js";
import { Registry } from "./engine/registry.js";
import { SchemaOutside } from "./engine/schema-outside.js";
import { faces } from "./recipes/faces.js";

/**
 * Resolves the values of a configuration for looking at: with the defaults and secrets of the recipes of `sections`, and
 * of what these refer to. A recipe that cannot be loaded is no error here. `defaults`: sections also show the options
 * that have only a default.
 */
export async function openResolver(
  config: Config,
  to: Pick<OpenRequest, "env"> & {
    readonly sections: Iterable<string>;
    readonly cwd?: string;
    readonly defaults?: boolean;
  },
): Promise<Resolver> {
  const { sections, env, cwd = config.directory, defaults = false } = to;
  const registry = new Registry({ builtin: faces, directory: config.directory, cwd });
  return new Resolver(config, await SchemaOutside.of({ config, registry, env, sections, defaults }), env);
}
