import type { OpenRequest } from "./engine/buildout-options.js";
import type { Configured } from "./engine/blueprint.js";
import type { Config } from "./engine/config/model.js";
import { Resolver } from "./engine/config/resolve.js";
import { DiagnosticError } from "./engine/diagnostic.js";
import { Registry } from "./engine/registry.js";
import { type RecordedOutput, SchemaOutside } from "./engine/schema-outside.js";
import { faces } from "./recipes/faces.js";

interface Looking extends Pick<OpenRequest, "env"> {
  readonly sections: readonly string[];
  /** What is asked for of the section, where it is one option. */
  readonly option?: string;
  readonly cwd?: string;
  readonly defaults?: boolean;
  /** See `Buildout.outputs`. Without it outputs are not known. */
  readonly recorded?: RecordedOutput;
  /** See `Buildout.configured`. Asked only where something is named that neither the file nor a schema has. */
  configured(sections: readonly string[]): Promise<Configured>;
}

/**
 * Resolves the values of a configuration for looking at: with the defaults and secrets of the recipes of `sections`, and
 * of what these refer to. A recipe that cannot be loaded is no error here. `defaults`: sections also show the options
 * that have only a default.
 */
export async function openResolver(config: Config, looking: Looking): Promise<Resolver> {
  const { sections, option } = looking;
  const resolver = await resolverOf(config, looking, new Map());
  const isThere = option === undefined || sections.some((name) => resolver.peek(name, option) !== undefined);
  if (isThere && resolver.mistakes(sections).length === 0) return resolver;
  const configured = await looking.configured(sections).catch((error: unknown) => {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  });
  if (!configured) return resolver;
  const { made, outputs } = configured;
  return await resolverOf({ ...config, sections: new Map([...config.sections, ...made]) }, looking, outputs);
}

async function resolverOf(
  config: Config,
  { sections, env, cwd = config.directory, defaults = false, recorded }: Looking,
  own: Configured["outputs"],
): Promise<Resolver> {
  const registry = new Registry({ builtin: faces, directory: config.directory, cwd });
  const outside = await SchemaOutside.of({ config, registry, env, sections, defaults, own, recorded });
  return new Resolver(config, outside, env);
}
