import { type LoadedRecipe, Registry } from "./engine/registry.js";
import { recipes } from "./recipes/index.js";

/** Names of the built-in recipes, in alphabetical order. */
export const recipeNames: readonly string[] = Object.keys(recipes).sort();

/** A recipe as the option `recipe` names it: built in, of a package, or a file.
 *  @param directory where packages and files are looked up @throws RecipeLoadError */
export async function loadRecipe(spec: string, directory: string): Promise<LoadedRecipe> {
  return await new Registry({ builtin: recipes, directory }).load(spec);
}
