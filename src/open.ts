import { Buildout, type OpenRequest } from "./engine/buildout.js";
import { recipes } from "./recipes/index.js";

/** Opens the buildout of a configuration file, with the built-in recipes; nothing is read before it is asked something. */
export function openBuildout(
  request: Omit<OpenRequest, "recipes"> & Partial<Pick<OpenRequest, "recipes">>,
): Buildout {
  return new Buildout({ recipes, ...request });
}
