import type { LoadedRecipe, Option } from "../../index.js";

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
    doc: recipe.doc,
    lifecycle: recipe.lifecycle,
    example: recipe.example,
    options: Object.entries(recipe.options).map(([name, option]) => optionReference(name, option)),
    common: commonOptions(recipe.keep ?? false),
    computed: Object.entries(recipe.computed ?? {}).map(([name, doc]) => ({ name, doc })),
    outputs: Object.entries(recipe.outputs ?? {}).map(([name, { doc }]) => ({ name, doc })),
  };
}

function optionReference(name: string, option: Option<unknown>): OptionReference {
  const marks = [
    ...(option.required ? ["required"] : []),
    ...(option.secret ? ["secret"] : []),
    ...(option.inPlace ? ["changed in place"] : []),
  ];
  const kind = option.choices ? option.choices.join(" | ") : option.kind;
  return { name, aliases: option.aliases ?? [], kind, doc: option.doc, default: option.default, marks };
}

function commonOptions(keep: boolean): OptionReference[] {
  return [
    common("keep", "boolean", "When the part goes, forget it and leave what it made.", String(keep)),
    common("keep-on-error", "boolean", "Do not undo an install that failed.", "false"),
    common("timeout", "duration", "How long the part may take before it is aborted and undone."),
    common("=>", "names", "Further parts that must be there before."),
  ];
}

function common(...[name, kind, doc, otherwise]: [string, string, string, string?]): OptionReference {
  return { name, aliases: [], kind, doc, default: otherwise, marks: [] };
}
