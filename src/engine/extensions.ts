import type { Config, Section, Value } from "./config/model.js";
import { defaultValue } from "./config/outside.js";
import { words } from "./config/space.js";
import type { Extension } from "./contract.js";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import type { Event, Reporter } from "./events.js";
import { reasonOf } from "./given.js";
import { RecipeLoadError, type Registry } from "./registry.js";

/** A configuration after its extensions have had their say. */
export interface Extended {
  readonly config: Config;
  readonly reporters: readonly Reporter[];
}

/** Loads what `[buildout] extensions` names, before anything else; in order, the last one's defaults win. Throws a
 *  DiagnosticError where one cannot be loaded.
 *  @param warn is told of one that fails later on */
export async function extend(
  config: Config,
  registry: Registry,
  warn: (diagnostic: Diagnostic) => void,
): Promise<Extended> {
  const value = config.sections.get("buildout")?.options.get("extensions");
  const names = words(value?.text ?? "");
  if (!value || names.length === 0) return { config, reporters: [] };
  const extensions: Extension[] = [];
  for (const { text } of names) extensions.push(await load(text, registry, value));
  return {
    config: extensions.reduce((now, { defaults }) => (defaults ? withDefaults(now, defaults) : now), config),
    reporters: extensions.map((extension, index) => onlooker(extension, names[index]!.text, warn)),
  };
}

/** Who only looks on does not stop a run: one that fails is told no more of it. */
function onlooker(extension: Extension, name: string, warn: (diagnostic: Diagnostic) => void): Reporter {
  let failed = false;
  const tell = async (event: Event): Promise<void> => await extension.report?.(event);
  const fail = (error: unknown): void => {
    if (failed) return;
    failed = true;
    const message = `the extension ${name} failed, and is told no more of this run: ${reasonOf(error)}`;
    warn({ severity: "warning", code: "extension/failed", message });
  };
  return (event) => {
    if (!failed) tell(event).catch(fail);
  };
}

async function load(name: string, registry: Registry, value: Value): Promise<Extension> {
  try {
    const { exports } = await registry.loadModule(name);
    const { requireExtension } = await import("./recipe-shape.js");
    return requireExtension(name, exports["default"]);
  } catch (error) {
    if (!(error instanceof RecipeLoadError)) throw error;
    const { code, message, help } = error;
    throw new DiagnosticError([{ severity: "error", code, message, span: value.span, help }]);
  }
}

/** What the file says itself stands. `*` means every section with a recipe. */
function withDefaults(config: Config, defaults: NonNullable<Extension["defaults"]>): Config {
  const sections = new Map(config.sections);
  for (const [wanted, options] of Object.entries(defaults))
    for (const section of wanted === "*" ? [...sections.values()].filter(isPart) : [sections.get(wanted)])
      if (section) sections.set(section.name, filled(section, options));
  return { ...config, sections };
}

function isPart(section: Section): boolean {
  return section.name !== "buildout" && section.options.has("recipe");
}

function filled(section: Section, options: Readonly<Record<string, string>>): Section {
  const missing = Object.entries(options).filter(([name]) => !section.options.has(name));
  return {
    ...section,
    options: new Map([
      ...section.options,
      ...missing.map(([name, text]) => [name, defaultValue(text)] as const),
    ]),
  };
}
