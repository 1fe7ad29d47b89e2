import type { Environment } from "./config/expression.js";
import type { Config, Section, Value } from "./config/model.js";
import type { Outside, Resolved } from "./config/outside.js";
import { Resolver } from "./config/resolve.js";
import type { OutputSpec } from "./contract.js";
import { factsOf, isSecretOption } from "./facts.js";
import { hideSecrets } from "./hidden.js";
import { type LoadedRecipe, RecipeLoadError, type Registry } from "./registry.js";
import { declared, defaulted } from "./section.js";
import type { Source } from "./text.js";

/** The outputs that parts have beside those of all parts of their recipe, by section. */
export type OwnOutputs = ReadonlyMap<string, ReadonlyMap<string, OutputSpec>>;

/** The text of an output as it was recorded; `***` of a secret. */
export type RecordedOutput = (part: string, name: string) => string | undefined;

interface Shown {
  readonly defaults: boolean;
  readonly own: OwnOutputs;
  readonly recorded?: RecordedOutput | undefined;
}

/** What the recipes' schemas say of options that no file sets, as far as looking tells: nothing is configured. */
export class SchemaOutside implements Outside {
  readonly #config: Config;
  /** By section; null where the recipe cannot be loaded, so that nothing is known of the section's options. */
  readonly #loaded = new Map<string, LoadedRecipe | null>();
  /** Whether sections show the options that have only a default. */
  readonly #defaults: boolean;
  readonly #own: OwnOutputs;
  readonly #recorded: RecordedOutput | undefined;

  private constructor(config: Config, { defaults, own, recorded }: Shown) {
    this.#config = config;
    this.#defaults = defaults;
    this.#own = own;
    this.#recorded = recorded;
  }

  /** Loads the recipes of these sections and of all that they refer to, no others. */
  static async of(
    request: Shown & {
      readonly config: Config;
      readonly registry: Registry;
      readonly env: Environment;
      readonly sections: Iterable<string>;
    },
  ): Promise<SchemaOutside> {
    const { config, registry, env } = request;
    const outside = new SchemaOutside(config, request);
    const scout = new Resolver(config, outside, env);
    const specs = new Map<string, LoadedRecipe | null>();
    const reached = new Set<string>(["buildout", ...request.sections]);
    const all = reached.size >= config.sections.size;
    for (const name of reached) {
      const section = config.sections.get(name);
      if (!section) continue;
      const spec = recipeSpec(section, () => new Resolver(config, outside, env));
      if (spec !== undefined) {
        // A path is relative to the file that says it.
        const said = section.options.get("recipe")?.span.source;
        const key = spec.startsWith(".") ? `${said?.name}\n${spec}` : spec;
        if (!specs.has(key)) specs.set(key, await load(registry, spec, said));
        outside.#loaded.set(name, specs.get(key) ?? null);
      }
      if (!all) for (const { reference } of scout.references(name)) reached.add(reference.section);
    }
    const within = { sections: config.sections, references: (name: string) => scout.references(name) };
    for (const [section, loaded] of outside.#loaded) hideSecrets(section, loaded?.recipe, within);
    return outside;
  }

  lookup(section: string, option: string): Value | Resolved | undefined {
    const loaded = this.#loaded.get(section);
    if (loaded === undefined) return undefined;
    const unknown = this.#output(section, option);
    if (loaded === null) return option.startsWith("_") ? undefined : unknown;
    const { computed = {}, outputs = {} } = loaded.recipe;
    const own = this.#own.get(section)?.has(option) ?? false;
    const told = own || Object.hasOwn(computed, option) || Object.hasOwn(outputs, option);
    const written = declared(option, this.#config.sections.get(section)!, loaded);
    return written ?? (told ? unknown : undefined);
  }

  produced(section: string, option: string): Resolved | undefined {
    const loaded = this.#loaded.get(section);
    if (!loaded || !factsOf(loaded.recipe).shadowing.has(option)) return undefined;
    return this.#output(section, option);
  }

  #output(section: string, option: string): Resolved {
    const secret = this.isSecret(section, option);
    const text = this.#recorded?.(section, option);
    return text === undefined ? { text: null, secret, unknown: [`${section}:${option}`] } : { text, secret };
  }

  options(section: string): readonly string[] {
    const loaded = this.#defaults ? this.#loaded.get(section) : undefined;
    return loaded ? defaulted(this.#config.sections.get(section)!, loaded) : [];
  }

  isSecret(section: string, option: string): boolean {
    if (this.#own.get(section)?.get(option)?.secret) return true;
    return isSecretOption(this.#loaded.get(section)?.recipe, option);
  }
}

/** Undefined where there is none, or none that can be told without its section's other values. */
function recipeSpec(section: Section, resolver: () => Resolver): string | undefined {
  const value = section.name === "buildout" ? undefined : section.options.get("recipe");
  if (!value || !value.text.includes("$")) return value?.text.trim();
  const text = resolver().peek(section.name, "recipe")?.text;
  return text?.trim();
}

/** Looking at a configuration must not fail for a recipe that is not there, or throws. */
async function load(registry: Registry, spec: string, said?: Source): Promise<LoadedRecipe | null> {
  try {
    return await registry.load(spec, said);
  } catch (error) {
    if (error instanceof RecipeLoadError) return null;
    throw error;
  }
}
