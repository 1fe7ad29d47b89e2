import { ENGINE_OPTIONS, type LoadedRecipe, type Option } from "../../index.js";

/** What is said of a recipe, in the terminal and on its page, in one order; all of it comes from the recipe itself. */
export interface Reference {
  readonly name: string;
  readonly doc: string;
  readonly lifecycle: string | undefined;
  readonly example: string | undefined;
  readonly options: readonly OptionReference[];
  /** Options that the engine gives every part. */
  readonly common: readonly OptionReference[];
  readonly computed: readonly { readonly name: string; readonly doc: string }[];
  readonly outputs: readonly { readonly name: string; readonly doc: string }[];
}

export interface OptionReference {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly kind: string;
  readonly doc: string;
  readonly default: string | undefined;
  /** `required`, `secret`, `changed in place`. */
  readonly marks: readonly string[];
}

export function referenceOf({ spec, recipe }: LoadedRecipe): Reference {
  return {
    name: spec,
    doc: docOf(recipe),
    lifecycle: recipe.lifecycle,
    example: recipe.example,
    options: Object.entries(recipe.options).map(([name, option]) => optionReference(name, option)),
    common: commonOptions(recipe),
    computed: Object.entries(recipe.computed ?? {}).map(([name, doc]) => ({ name, doc })),
    outputs: Object.entries(recipe.outputs ?? {}).map(([name, output]) => ({ name, doc: docOf(output) })),
  };
}

function optionReference(name: string, option: Option<unknown>): OptionReference {
  const marks = [
    ...(option.required ? ["required"] : []),
    ...(option.secret ? ["secret"] : []),
    ...(option.inPlace ? ["changed in place"] : []),
  ];
  const kind = option.choices ? option.choices.join(" | ") : option.kind;
  return { name, aliases: option.aliases ?? [], kind, doc: docOf(option), default: option.default, marks };
}

/** @param recipe `replace` says something of what a recipe protects, of others nothing */
function commonOptions({ keep = false, protects }: LoadedRecipe["recipe"]): OptionReference[] {
  const options = Object.entries(ENGINE_OPTIONS).filter(([name]) => name !== "replace" || protects);
  return [
    ...options.map(([name, option]) => ({
      ...optionReference(name, option),
      ...(option.kind === "boolean" && { default: String(name === "keep" && keep) }),
    })),
    { ...NAMES, name: "=>", doc: "Further parts that must be there before." },
  ];
}

const NAMES = { aliases: [], kind: "names", default: undefined, marks: [] };

/** The compiler asks for it, but not where a recipe is written in plain JavaScript. */
function docOf({ doc = "" }: { readonly doc?: string }): string {
  return doc;
}
