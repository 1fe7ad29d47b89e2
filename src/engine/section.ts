import type { Section, Value } from "./config/model.js";
import { computed } from "./config/outside.js";
import type { Diagnostic } from "./diagnostic.js";
import { factsOf } from "./facts.js";
import { isEngineOption } from "./part.js";
import type { LoadedRecipe } from "./registry.js";

/** An option's name as the schema has it, of any of its names. */
export function canonical({ recipe }: LoadedRecipe, name: string): string {
  return factsOf(recipe).aliases.get(name) ?? name;
}

/** What a section says of an option, under whichever of its names. */
export function writtenAs(option: string, section?: Section, loaded?: LoadedRecipe): Value | undefined {
  const names = [option, ...(loaded?.recipe.options[option]?.aliases ?? [])];
  const name = names.find((known) => section?.options.has(known));
  return name === undefined ? undefined : section?.options.get(name);
}

/** What is said of an option that the recipe declares: by the section, under whichever name, or else its default. */
export function declared(option: string, section: Section, loaded: LoadedRecipe): Value | undefined {
  const name = canonical(loaded, option);
  if (!Object.hasOwn(loaded.recipe.options, name)) return undefined;
  return writtenAs(name, section, loaded) ?? factsOf(loaded.recipe).defaults.get(name);
}

/** The options that have a default, but for those that the section gives under another name. */
export function defaulted(section: Section, { recipe }: LoadedRecipe): readonly string[] {
  const { defaults, aliases } = factsOf(recipe);
  const names = [...defaults.keys()];
  if (aliases.size === 0) return names;
  return names.filter((name) => !recipe.options[name]!.aliases?.some((alias) => section.options.has(alias)));
}

/** Options that are given under two of their names. */
export function twiceGiven(section: Section, loaded: LoadedRecipe): Diagnostic[] {
  const mistakes: Diagnostic[] = [];
  const { options } = factsOf(loaded.recipe);
  const given = Array.from(section.options.keys(), (name) => canonical(loaded, name));
  if (new Set(given).size === given.length) return mistakes;
  for (const [name, { aliases = [] }] of options) {
    const [first, second] = [name, ...aliases].filter((known) => section.options.has(known));
    if (first === undefined || second === undefined) continue;
    mistakes.push({
      severity: "error",
      code: "option/twice",
      message: `${first} and ${second} are the same option`,
      span: section.options.get(second)!.span,
      part: section.name,
      help: ["keep one of them"],
    });
  }
  return mistakes;
}

/** A section that a recipe made up, with what the file says of it on top. */
export function generatedSection(
  name: string,
  options: Readonly<Record<string, string>>,
  written?: Section,
): Section {
  const made = Object.entries(options).map(([option, text]) => [option, computed(text)] as const);
  const base = written ?? { name, macros: [], mistakes: [] };
  return { ...base, options: new Map([...made, ...(written?.options ?? [])]) };
}

/** An option's name as the engine or the schema has it. */
export function canonicalName(loaded: LoadedRecipe, written: string): string {
  return isEngineOption(written) ? written : canonical(loaded, written);
}
