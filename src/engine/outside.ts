import type { Section, Value } from "./config/model.js";
import type { Outside, Resolved } from "./config/resolve.js";
import { factsOf, isSecretOption } from "./facts.js";
import { makeHole } from "./hole.js";
import type { Part } from "./part.js";
import type { LoadedRecipe } from "./registry.js";
import { declared, defaulted } from "./section.js";

export interface OutsideSettings {
  readonly sections: ReadonlyMap<string, Section>;
  readonly parts: ReadonlyMap<string, Part>;
}

/** What the language's resolver asks for when an option is not written: what recipes say of their options. */
export class RecipeOutside implements Outside {
  /** By section; filled as recipes are loaded. */
  readonly loaded = new Map<string, LoadedRecipe>();
  readonly #settings: OutsideSettings;

  constructor(settings: OutsideSettings) {
    this.#settings = settings;
  }

  lookup(section: string, option: string): Value | Resolved | undefined {
    const loaded = this.loaded.get(section);
    const value = loaded && declared(option, this.#settings.sections.get(section)!, loaded);
    if (value) return value;
    const part = this.#settings.parts.get(section);
    const made = part?.computed.get(option);
    if (made) return { text: made.text, secret: made.secret };
    // The asking section's own name, never an output.
    if (option === "_buildout_section_name_") return undefined;
    const open = part ? part.outputs.has(option) || isComputed(part.loaded, option) : this.#isOpen(section);
    return open ? { text: makeHole({ section, option }), secret: this.isSecret(section, option) } : undefined;
  }

  produced(section: string, option: string): Resolved | undefined {
    const loaded = this.loaded.get(section);
    if (!loaded || !factsOf(loaded.recipe).shadowing.has(option)) return undefined;
    return { text: makeHole({ section, option }), secret: this.isSecret(section, option) };
  }

  options(section: string): readonly string[] {
    const loaded = this.loaded.get(section);
    return loaded ? defaulted(this.#settings.sections.get(section)!, loaded) : [];
  }

  /** A part that has not been configured yet: what it will have is seen at the end. */
  #isOpen(section: string): boolean {
    return section !== "buildout" && this.#settings.sections.get(section)?.options.has("recipe") === true;
  }

  isSecret(section: string, option: string): boolean {
    const loaded = this.loaded.get(section);
    if (isSecretOption(loaded?.recipe, option)) return true;
    // Only a recipe that configures its parts declares outputs of its own.
    if (!loaded?.recipe.configure) return false;
    return this.#settings.parts.get(section)?.outputs.get(option)?.secret === true;
  }
}

export function isComputed({ recipe }: LoadedRecipe, option: string): boolean {
  return Object.hasOwn(recipe.computed ?? {}, option);
}
