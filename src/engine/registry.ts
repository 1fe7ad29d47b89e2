import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Recipe } from "./contract.js";
import { didYouMean } from "./suggest.js";

/** A recipe as the engine uses it. */
export interface LoadedRecipe {
  /** As the option `recipe` names it. */
  readonly spec: string;
  readonly recipe: Recipe;
  /** A change of it reinstalls the parts. */
  readonly version: string;
}

export type RecipeLoader = () => Promise<{ readonly default: Recipe }>;
export type BuiltinRecipes = Readonly<Record<string, RecipeLoader>>;

/** Thrown where a recipe cannot be had; the engine adds the option's place. */
export class RecipeLoadError extends Error {
  override readonly name = "RecipeLoadError";
  readonly code: string;
  readonly help: readonly string[];
  constructor(code: string, message: string, help: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.help = help;
  }
}

/** Finds recipes: built-in names, files (`./x.js`), packages (`name`, `name:export`) looked up from the buildout's
 *  folder. Each is loaded once. */
export class Registry {
  readonly #builtin: BuiltinRecipes;
  readonly #directory: string;
  readonly #loaded = new Map<string, Promise<LoadedRecipe>>();
  readonly #known = new Map<string, LoadedRecipe>();

  constructor(builtin: BuiltinRecipes, directory: string) {
    this.#builtin = builtin;
    this.#directory = directory;
  }

  /** A recipe that is loaded already. */
  known(spec: string): LoadedRecipe | undefined {
    return this.#known.get(spec);
  }

  /** Throws RecipeLoadError. */
  load(written: string): Promise<LoadedRecipe> {
    const spec = this.#canonical(written);
    let loading = this.#loaded.get(spec);
    if (!loading) this.#loaded.set(spec, (loading = this.#keep(spec)));
    return loading;
  }

  /** `tsbuildout:docker.run`, and `dockeroo:docker.run` of files written for dockeroo, are the built-in recipe. */
  #canonical(spec: string): string {
    const name = spec.replace(/^(tsbuildout|dockeroo):/, "");
    return Object.hasOwn(this.#builtin, name) ? name : spec;
  }

  async #keep(spec: string): Promise<LoadedRecipe> {
    const loaded = await this.#load(spec);
    this.#known.set(spec, loaded);
    return loaded;
  }

  async #load(spec: string): Promise<LoadedRecipe> {
    if (Object.hasOwn(this.#builtin, spec)) {
      const { default: recipe } = await this.#builtin[spec]!();
      // A release of ours must not by itself reinstall everything, so built-in recipes count their own versions.
      return { spec, recipe, version: recipe.version ?? "1" };
    }
    const [name, entry = "default"] = splitSpec(spec);
    const file = this.#find(spec, name);
    const module = await importRecipe(spec, file);
    const recipe = Object.hasOwn(module, entry) ? module[entry] : undefined;
    if (!isRecipe(recipe))
      throw new RecipeLoadError("recipe/not-a-recipe", `${spec} has no recipe as its export "${entry}"`, [
        "export what defineRecipe gives",
      ]);
    return { spec, recipe, version: recipe.version ?? (await versionOf(file)) };
  }

  #find(spec: string, name: string): string {
    if (/^(\.{0,2}\/)/.test(name)) return resolve(this.#directory, name);
    try {
      return createRequire(join(this.#directory, "buildout.cfg")).resolve(name);
    } catch (error) {
      throw this.#unknown(spec, name, error as NodeJS.ErrnoException);
    }
  }

  #unknown(spec: string, name: string, error: NodeJS.ErrnoException): RecipeLoadError {
    if (error.code !== "MODULE_NOT_FOUND")
      return new RecipeLoadError("recipe/missing", `cannot load recipe ${spec}: ${error.message}`, [], {
        cause: error,
      });
    const near = didYouMean(spec, Object.keys(this.#builtin));
    const help = near.length > 0 ? near : [`for a package: npm install ${name} beside the buildout file`];
    return new RecipeLoadError("recipe/missing", `there is no recipe ${spec}`, help, { cause: error });
  }
}

function splitSpec(spec: string): [string, string?] {
  const at = spec.lastIndexOf(":");
  return at > 0 ? [spec.slice(0, at), spec.slice(at + 1)] : [spec];
}

async function importRecipe(spec: string, file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const missing = code === "ERR_MODULE_NOT_FOUND" && message.includes(file);
    const what = missing
      ? `there is no recipe ${spec}: ${file} does not exist`
      : `cannot load recipe ${spec}: ${message}`;
    throw new RecipeLoadError("recipe/missing", what, [], { cause: error });
  }
}

function isRecipe(value: unknown): value is Recipe {
  if (typeof value !== "object" || value === null) return false;
  const { options, install } = value as Partial<Recipe>;
  return typeof options === "object" && options !== null && typeof install === "function";
}

/** The version of the package that a file belongs to, else a digest of the file: code without a version. */
async function versionOf(file: string): Promise<string> {
  // On use: whoever only looks at a configuration asks for no version.
  const { readFile } = await import("node:fs/promises");
  const { createHash } = await import("node:crypto");
  const start = file.includes("/node_modules/") ? dirname(file) : "/";
  for (let folder = start; folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
    const version = text === undefined ? undefined : (JSON.parse(text) as { version?: string }).version;
    if (version) return version;
  }
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex")
    .slice(0, 12);
}
