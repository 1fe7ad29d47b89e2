/** What the compiler sees to in a recipe or an extension, for those that are written in plain JavaScript. */
import type { Extension, OutputSpec, Recipe } from "./contract.js";
import { RecipeLoadError } from "./packages/error.js";
import { isEngineOption } from "./part.js";
import type { Option } from "./schema.js";
import { suggest } from "./suggest.js";

type Form = "text" | "boolean" | "list" | "object" | "function";
type Forms = Readonly<Record<string, Form>>;

const RECIPE: Forms = {
  doc: "text",
  lifecycle: "text",
  example: "text",
  version: "text",
  options: "object",
  outputs: "object",
  computed: "object",
  ownNames: "list",
  keep: "boolean",
  protects: "text",
  configure: "function",
  inputs: "function",
  check: "function",
  foresee: "function",
  foreseeUninstall: "function",
  look: "function",
  install: "function",
  update: "function",
  uninstall: "function",
} satisfies Record<keyof Recipe, Form>;

const OPTION: Forms = {
  kind: "text",
  doc: "text",
  default: "text",
  required: "boolean",
  secret: "boolean",
  inPlace: "boolean",
  aliases: "list",
  choices: "list",
  decode: "function",
} satisfies Record<keyof Option<unknown>, Form>;

const OUTPUT: Forms = { doc: "text", secret: "boolean" } satisfies Record<keyof OutputSpec, Form>;

const EXTENSION: Forms = { defaults: "object", report: "function" } satisfies Record<keyof Extension, Form>;

/** @throws RecipeLoadError `recipe/not-a-recipe`, with what is wrong with it */
export function requireRecipe(spec: string, value: unknown): Recipe {
  const lack = lackOf(value);
  if (lack === undefined) return value as Recipe;
  throw new RecipeLoadError("recipe/not-a-recipe", `${spec} exports no recipe: ${lack}`, [
    "its default export must be what defineRecipe gives",
  ]);
}

/** @throws RecipeLoadError `extension/not-an-extension`, with what is wrong with it */
export function requireExtension(name: string, value: unknown): Extension {
  const lack = noObject(value) ?? extensionLack(value as Extension);
  if (lack === undefined) return value as Extension;
  throw new RecipeLoadError("extension/not-an-extension", `${name} exports no extension: ${lack}`, [
    "its default export must be what defineExtension gives",
  ]);
}

/** What a value lacks to be a recipe; undefined where it is one. */
function lackOf(value: unknown): string | undefined {
  const lack = noObject(value);
  if (lack !== undefined) return lack;
  const { options, outputs = {}, computed = {}, install } = value as Partial<Recipe>;
  if (typeof options !== "object" || options === null) return "there are no options in it";
  if (typeof install !== "function") return "there is no function install in it";
  return (
    misshapen(WHOLE, value as Recipe, RECIPE) ??
    first(Object.entries(options), optionLack) ??
    first(Object.entries(outputs), ([name, output]) => misshapenIn(`its output ${name}`, output, OUTPUT)) ??
    misshapenIn("its computed", computed, texts(computed))
  );
}

function noObject(value: unknown): string | undefined {
  if (value === undefined) return "it has no default export";
  if (value === null) return "its default export is null";
  return typeof value === "object" ? undefined : `its default export is a ${typeof value}`;
}

function extensionLack(extension: Extension): string | undefined {
  return (
    misshapen(WHOLE, extension, EXTENSION) ??
    first(Object.entries(extension.defaults ?? {}), ([section, options]) => {
      return misshapenIn(`its defaults of ${section}`, options, texts(options));
    })
  );
}

/** Of a table that has only texts. */
function texts(table: object | null): Forms {
  return Object.fromEntries(Object.keys(table ?? {}).map((name) => [name, "text"] as const));
}

function optionLack([name, option]: readonly [string, Option<unknown>]): string | undefined {
  if (typeof option?.decode !== "function")
    return `its option ${name} is not made by option.string or the like`;
  const lack = misshapenIn(`its option ${name}`, option, OPTION);
  if (lack !== undefined) return lack;
  const taken = [name, ...(option.aliases ?? [])].find(isEngineOption);
  return taken && `its option ${taken} is one that every part has: give it another name`;
}

/** How a message calls a thing, and what is in it. */
interface Called {
  readonly it: string;
  its(name: string): string;
}

const WHOLE: Called = { it: "it", its: (name) => `its ${name}` };

/** The same of a thing within it. */
function misshapenIn(it: string, value: unknown, forms: Forms): string | undefined {
  const found = formOf(value);
  if (found !== "object") return `${it} must be an object, not ${article(found)}`;
  return misshapen({ it, its: (setting) => `the ${setting} of ${it}` }, value as object, forms);
}

/** What is of another form than it must be, or goes by a misspelt name; any other name may be of a version to come. */
function misshapen(called: Called, value: object, forms: Forms): string | undefined {
  const lacking = Object.keys(forms).filter((name) => !(name in value));
  return first(Object.entries(value), ([name, given]) => {
    if (given === undefined) return undefined;
    const form = forms[name];
    if (form !== undefined) {
      const found = formOf(given);
      return found === form
        ? undefined
        : `${called.its(name)} must be ${article(form)}, not ${article(found)}`;
    }
    const meant = suggest(name, lacking);
    return meant && `${called.it} has "${name}", where "${meant}" must be meant`;
  });
}

function formOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  return typeof value === "string" ? "text" : typeof value;
}

function article(form: string): string {
  if (form === "null") return form;
  return form === "object" ? "an object" : `a ${form}`;
}

function first<T>(all: readonly T[], say: (one: T) => string | undefined): string | undefined {
  for (const one of all) {
    const said = say(one);
    if (said !== undefined) return said;
  }
  return undefined;
}
