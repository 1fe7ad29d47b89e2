// The public API for programs: read a configuration, resolve it, report what is wrong with it.

export type { Config, HistoryEntry, Section, Value } from "./engine/config/model.js";
export { loadConfig, type LoadRequest } from "./engine/config/load.js";
export type { Entry, Resolved, Resolver } from "./engine/config/resolve.js";
export { isSilent } from "./engine/config/builtin.js";
export { type Diagnostic, DiagnosticError, distinct, type Note } from "./engine/diagnostic.js";
export { noteText, type Paint, renderDiagnostic } from "./engine/render.js";
export { openly } from "./engine/hidden.js";
export { isSecretName } from "./engine/secret-name.js";
export { didYouMean } from "./engine/suggest.js";
export { lineAt, place, type Position, positionAt, type Source, type Span } from "./engine/text.js";

// Open a buildout, plan, install, uninstall.
export {
  Buildout,
  type GraphPart,
  type InstallOptions,
  type OpenRequest,
  type PartStatus,
  type Plan,
  type RunOptions,
  type UninstallOptions,
} from "./engine/buildout.js";
export {
  type Action,
  type DiagnosticJson,
  diagnosticJson,
  type End,
  type Event,
  type PartResult,
  type Reporter,
  type Step,
  type Summary,
  toDiagnostics,
} from "./engine/events.js";
export { now } from "./engine/clock.js";
export { newRunId } from "./engine/run-id.js";
export { openBuildout } from "./open.js";
export { openResolver } from "./open-resolver.js";
export { loadRecipe, recipeNames } from "./open-recipe.js";
export { type LoadedRecipe, RecipeLoadError } from "./engine/registry.js";
export { ENGINE_OPTIONS } from "./engine/part.js";
export type { Option, Schema } from "./engine/schema.js";
