import type { Value } from "./config/model.js";
import { defaultValue } from "./config/outside.js";
import type { OutputSpec, Recipe } from "./contract.js";
import { ENGINE_OPTIONS, PART_DEPENDENCIES } from "./part.js";
import type { Option } from "./schema.js";
import { isSecretName } from "./secret-name.js";

/** What is asked of a recipe's schema for every part, worked out once for each recipe. */
export interface Facts {
  readonly options: readonly (readonly [string, Option<unknown>])[];
  /** Other name -> name. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly secrets: readonly string[];
  /** Options, under any of their names, and outputs that are secret in every part of the recipe. */
  readonly secretNames: ReadonlySet<string>;
  readonly defaults: ReadonlyMap<string, Value>;
  /** The outputs that every part of the recipe has. */
  readonly outputs: Map<string, OutputSpec>;
  /** Outputs that have another name of an option: of docker.pull, `image` is both what is pulled and what has come of it. */
  readonly shadowing: ReadonlySet<string>;
  /** All names that a section of this recipe may use. */
  readonly known: ReadonlySet<string>;
}

const facts = new WeakMap<Recipe, Facts>();

export function factsOf(recipe: Recipe): Facts {
  let known = facts.get(recipe);
  if (!known) facts.set(recipe, (known = gather(recipe)));
  return known;
}

/** Whether a section's option is a secret: what its recipe declares is as it says, anything else as its name says. */
export function isSecretOption(recipe: Recipe | undefined, option: string): boolean {
  if (!recipe) return isSecretName(option);
  const { secretNames, known, outputs } = factsOf(recipe);
  return secretNames.has(option) || (isSecretName(option) && !known.has(option) && !outputs.has(option));
}

function gather({ options, outputs = {}, computed = {} }: Recipe): Facts {
  const entries = Object.entries(options);
  const aliases = new Map<string, string>();
  for (const [name, option] of entries) for (const alias of option.aliases ?? []) aliases.set(alias, name);
  for (const [name] of entries) aliases.delete(name);
  const secrets = entries.filter(([, option]) => option.secret).map(([name]) => name);
  const secretOutputs = Object.keys(outputs).filter((name) => outputs[name]?.secret);
  return {
    options: entries,
    aliases,
    secrets,
    secretNames: new Set([
      ...secrets,
      ...[...aliases].filter(([, name]) => secrets.includes(name)).map(([alias]) => alias),
      ...secretOutputs,
    ]),
    defaults: new Map(
      entries.flatMap(([name, { default: text }]) =>
        text === undefined ? [] : [[name, defaultValue(text)] as const],
      ),
    ),
    outputs: new Map(Object.entries(outputs)),
    shadowing: new Set(Object.keys(outputs).filter((name) => aliases.has(name))),
    known: new Set([
      ...entries.map(([name]) => name),
      ...aliases.keys(),
      ...Object.keys(computed),
      ...Object.keys(ENGINE_OPTIONS),
      PART_DEPENDENCIES,
      "recipe",
      "<",
    ]),
  };
}
