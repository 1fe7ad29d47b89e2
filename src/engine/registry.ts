import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import type { Recipe } from "./contract.js";
import { RecipeLoadError } from "./packages/error.js";
import { entryFile, findPackage, readManifest } from "./packages/manifest.js";
import type { PackagePrefix } from "./packages/prefix.js";
import { didYouMean } from "./suggest.js";
import type { Source } from "./text.js";

export { RecipeLoadError };

/** A recipe as the engine uses it. */
export interface LoadedRecipe {
  /** As the option `recipe` names it. */
  readonly spec: string;
  readonly recipe: Recipe;
  /** A change of it reinstalls the parts. */
  readonly version: string;
}

type RecipeLoader = () => Promise<{ readonly default: Recipe }>;
export type BuiltinRecipes = Readonly<Record<string, RecipeLoader>>;

export interface RegistrySettings {
  readonly builtin: BuiltinRecipes;
  /** The buildout's. */
  readonly directory: string;
  /** What the names of source files are relative to; the buildout's directory where it is not said. */
  readonly cwd?: string;
  /** Where packages come from that the buildout does not have itself; absent: from nowhere. */
  readonly packages?: PackagePrefix;
  /** The folder in which a run has installed some: for who only looks, and installs none. */
  readonly installed?: string;
}

/** A module with what names and dates it. */
interface Loaded {
  readonly file: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Finds recipes: built-in names, packages (`name`, `name:entry`, `@scope/name:entry`), files (`./x.js`). Each is loaded
 *  once, all by the same path. */
export class Registry {
  readonly #settings: RegistrySettings;
  readonly #loaded = new Map<string, Promise<LoadedRecipe>>();
  readonly #known = new Map<string, LoadedRecipe>();
  /** By the file that says it and as it is written: thousands of parts say the same. */
  readonly #spelled = new Map<string, string>();

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  /** A recipe that is loaded already. @param said as for `load` */
  known(written: string, said?: Source): LoadedRecipe | undefined {
    return this.#known.get(this.#canonical(written, said));
  }

  /** @param said the file that says it: paths are relative to that file; without it, to the buildout
   *  @throws RecipeLoadError */
  load(written: string, said?: Source): Promise<LoadedRecipe> {
    const spec = this.#canonical(written, said);
    let loading = this.#loaded.get(spec);
    if (!loading) this.#loaded.set(spec, (loading = this.#keep(spec)));
    return loading;
  }

  /** `tsbuildout:docker.run`, and `dockeroo:docker.run` of files written for dockeroo, are the built-in recipe. A file is
   *  recorded relative to the buildout, wherever it was named. */
  #canonical(spec: string, said: Source | undefined): string {
    const key = `${said?.lineless ? "" : (said?.name ?? "")}\n${spec}`;
    let name = this.#spelled.get(key);
    if (name === undefined) this.#spelled.set(key, (name = this.#named(spec, said)));
    return name;
  }

  #named(spec: string, said: Source | undefined): string {
    const { directory, cwd = directory } = this.#settings;
    if (isPath(spec)) {
      const named = said && !said.lineless && !/^https?:/.test(said.name);
      const path = relative(directory, resolve(named ? dirname(resolve(cwd, said.name)) : directory, spec));
      return path.startsWith("../") ? path : `./${path}`;
    }
    const name = spec.replace(PREFIX, "");
    return Object.hasOwn(this.#settings.builtin, name) ? name : spec;
  }

  async #keep(spec: string): Promise<LoadedRecipe> {
    const loaded = await this.#load(spec);
    this.#known.set(spec, loaded);
    return loaded;
  }

  async #load(spec: string): Promise<LoadedRecipe> {
    const builtin = this.#settings.builtin[spec];
    if (builtin && Object.hasOwn(this.#settings.builtin, spec)) {
      const { default: recipe } = await builtin();
      // A release of ours must not by itself reinstall everything, so built-in recipes count their own versions.
      return { spec, recipe, version: recipe.version ?? "1" };
    }
    const { file, exports } = await this.loadModule(spec);
    const { requireRecipe } = await import("./recipe-shape.js");
    const recipe = requireRecipe(spec, exports["default"]);
    const { versionOf } = await import("./packages/version.js");
    return { spec, recipe, version: recipe.version ?? (await versionOf(file)) };
  }

  /** The module behind a name that is not built in. @throws RecipeLoadError */
  async loadModule(spec: string): Promise<Loaded> {
    const file = isPath(spec) ? this.#file(spec) : await this.#entry(spec);
    const { importModule } = await import("./packages/import.js");
    return { file, exports: await importModule(spec, file) };
  }

  #file(spec: string): string {
    const file = resolve(this.#settings.directory, spec);
    if (existsSync(file)) return file;
    throw new RecipeLoadError("recipe/missing", `there is no recipe ${spec}: ${file} does not exist`);
  }

  async #entry(spec: string): Promise<string> {
    const [name, entry] = splitSpec(spec);
    if (isOurs(spec)) return await this.#fetch(spec, name);
    const { directory, installed } = this.#settings;
    const folder = findPackage(name, directory) ?? (installed && findPackage(name, installed));
    return await this.#entryIn(folder ?? (await this.#fetch(spec, name)), name, entry);
  }

  async #entryIn(folder: string, name: string, entry: string | undefined): Promise<string> {
    const { checkPeer } = await import("./packages/prefix.js");
    await checkPeer(name, folder);
    const file = await entryFile(
      folder,
      readManifest(folder) ?? {},
      entry === undefined ? "." : `./${entry}`,
    );
    if (file !== undefined && existsSync(file)) return file;
    const what = entry === undefined ? `${name} has no default entry` : `${name} has no entry "${entry}"`;
    throw new RecipeLoadError("recipe/missing", what, ["its package.json says under exports what it has"]);
  }

  /** A misspelt name of ours is not looked for on the Internet, nor that of a Python package: anybody may have published
   *  a package of that name. */
  async #fetch(spec: string, name: string): Promise<string> {
    const near = PYTHON.test(spec) ? [IN_PYTHON] : this.#near(spec);
    if (near.length === 0 && isPackageName(name) && this.#settings.packages)
      return await this.#settings.packages.require(name);
    const packaged = "if a package is meant, install it beside the buildout file yourself";
    const help = isPackageName(name) && !isOurs(spec) ? [...near, packaged] : near;
    const message = spec === "" ? "recipe names nothing" : `there is no recipe ${spec}`;
    throw new RecipeLoadError("recipe/missing", message, help);
  }

  /** The built-in recipe that was probably meant: one of a similar name, or `docker.run` by `run`. */
  #near(spec: string): readonly string[] {
    const names = Object.keys(this.#settings.builtin);
    const name = spec.replace(PREFIX, "");
    if (names.includes(`docker.${name}`)) return [`did you mean "docker.${name}"?`];
    const near = didYouMean(name, names);
    return near.length > 0 || !isOurs(spec) ? near : ["tsbuildout recipes lists those that there are"];
  }
}

/** What may stand before the name of a built-in recipe; the second in files written for dockeroo. */
const PREFIX = /^(tsbuildout|dockeroo):/;

/** What most recipes and extensions of zc.buildout are called (`zc.recipe.egg`, `mr.developer`). */
const PYTHON = /^(zc|mr)\.|^[\w-]+\.recipe\./;
const IN_PYTHON = "recipes of zc.buildout are written in Python and do not run here";

/** Names that only built-in recipes have. */
function isOurs(spec: string): boolean {
  return PREFIX.test(spec) || spec.startsWith("docker.");
}

function isPath(spec: string): boolean {
  return /^\.{0,2}\//.test(spec);
}

/** https://docs.npmjs.com/cli/configuring-npm/package-json#name */
function isPackageName(name: string): boolean {
  return /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(name) && !isOurs(name);
}

function splitSpec(spec: string): [string, string?] {
  const at = spec.lastIndexOf(":");
  return at > 0 ? [spec.slice(0, at), spec.slice(at + 1)] : [spec];
}
