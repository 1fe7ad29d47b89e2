import path from "node:path";
import type { Diagnostic } from "../diagnostic.js";
import { isUrl } from "./address.js";
import { BELOW_DIRECTORY, BESIDE_FILE } from "./builtin.js";
import type { Merged } from "./merge.js";
import { configError } from "./mistakes.js";
import { Composed, type Substitution, type Value } from "./model.js";
import { hasReference } from "./template.js";

/** Joins as zc.buildout does: an absolute name stands alone, and nothing is tidied up. */
function joined(directory: string, name: string): string {
  if (path.isAbsolute(name) || directory === "") return name;
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/** A directory of `[buildout]`, or the state file, as a path. An empty `installed` stays: nothing is recorded then. */
export function below(directory: string, option: string, text: string): string {
  return option === "installed" && text === "" ? "" : joined(directory, text);
}

export interface Places {
  readonly cwd: string;
  readonly home: string;
  readonly substitution: Substitution;
}

/**
 * Makes the directories of `[buildout]` absolute, in place, before anything reads them. A text that holds a reference
 * is left for the resolver. Gives what is ambiguous.
 */
export function settleDirectories(merged: Merged, places: Places): Diagnostic[] {
  const values = merged.get("buildout")?.options;
  const directory = values?.get("directory");
  if (!values || !directory) return [];
  const open = (value: Value) => hasReference(value.text, places.substitution);
  if (!open(directory)) {
    settle(values, "directory", path.resolve(places.cwd, directory.text));
    const base = values.get("directory")?.text ?? "";
    for (const name of BELOW_DIRECTORY) {
      const value = values.get(name);
      if (value && !open(value)) settle(values, name, below(base, name, value.text));
    }
  }
  return BESIDE_FILE.flatMap((name) => {
    const value = values.get(name);
    if (!value || open(value) || value.text === "" || path.isAbsolute(value.text)) return [];
    const source = value.span.source;
    if (isUrl(source.name) && !value.text.startsWith("~")) return [ambiguous(name, value)];
    const base = source.lineless
      ? (values.get("directory")?.text ?? places.cwd)
      : path.dirname(path.resolve(places.cwd, source.name));
    settle(values, name, path.resolve(base, expanded(value.text, places.home)));
    return [];
  });
}

/** Sets the buildout directory, which is known only after its references are resolved. */
export function setDirectory(merged: Merged, directory: string): void {
  const values = merged.get("buildout")?.options;
  if (values) settle(values, "directory", directory);
}

/** `~` and `~/x` below the home directory. */
export function expanded(text: string, home: string): string {
  return text === "~" || text.startsWith("~/") ? home + text.slice(1) : text;
}

function settle(values: Map<string, Value>, name: string, text: string): void {
  const value = values.get(name);
  if (!value || value.text === text) return;
  const entry = { operation: "directory", text, span: value.span } as const;
  values.set(name, new Composed(text, [...value.history, entry]));
}

function ambiguous(name: string, value: Value): Diagnostic {
  const message = `"${value.text}" in a file that was downloaded is relative to no directory of this machine`;
  return configError("ambiguous-directory", message, {
    span: value.span,
    help: [`give ${name} an absolute path, or one that starts with "~/"`],
  });
}
