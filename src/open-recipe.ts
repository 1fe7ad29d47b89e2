import { join } from "node:path";
import { type LoadedRecipe, Registry } from "./engine/registry.js";
import { recipes } from "./recipes/index.js";
import { pages } from "./recipes/pages.js";

/** Names of the built-in recipes, in alphabetical order. */
export const recipeNames: readonly string[] = Object.keys(recipes).sort();

/** A recipe as the option `recipe` names it, with all that its page says: built in, of a package, or a file.
 *  @param directory the buildout's, where packages and files are looked up @throws RecipeLoadError */
export async function loadRecipe(spec: string, directory: string): Promise<LoadedRecipe> {
  const installed = join(directory, ".tsbuildout", "packages");
  const loaded = await new Registry({ builtin: recipes, directory, installed }).load(spec);
  return { ...loaded, recipe: { ...loaded.recipe, ...pages[loaded.spec] } };
}
