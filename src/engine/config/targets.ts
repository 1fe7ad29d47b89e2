import type { Config } from "./model.js";
import { nothingOutside, type Outside } from "./outside.js";
import { Resolver, SECTION_NAME } from "./resolve.js";

/**
 * The options that these sections refer to, directly or through others, and that no file sets: what an Outside has to
 * know, or what is missing. Outputs and defaults that are known already can be given as `outside`.
 */
export function outsideTargets(
  config: Config,
  sections: Iterable<string>,
  outside: Outside = nothingOutside,
): { readonly section: string; readonly option: string }[] {
  const found = new Map<string, { section: string; option: string }>();
  const resolver = new Resolver(config, outside, {});
  const reached = new Set<string>(["buildout", ...sections]);
  for (const name of reached) {
    if (!config.sections.has(name)) continue;
    for (const { reference } of resolver.references(name)) {
      const { section, option } = reference;
      reached.add(section);
      const target = config.sections.get(section);
      if (!target || option === "" || option === SECTION_NAME || target.options.has(option)) continue;
      found.set(`${section}:${option}`, { section, option });
    }
  }
  return [...found.values()];
}
