import { type Merged, merging } from "./merge.js";
import { provided, type Value } from "./model.js";

/** The options of `[buildout]` that have a value without anybody setting them. */
const defaults: Readonly<Record<string, string>> = {
  "bin-directory": "bin",
  installed: ".installed.cfg",
  newest: "true",
  offline: "false",
  "parts-directory": "parts",
};

/** What lies under all files: the built-in defaults and the directory of the main file. */
export function builtins(directory: string): Merged {
  const options = new Map<string, Value>([["directory", provided(directory, "computed")]]);
  for (const [option, text] of Object.entries(defaults)) options.set(option, provided(text, "default"));
  return new Map([
    ["buildout", merging("buildout", undefined, { options, borrowed: false, waiting: undefined })],
  ]);
}

/** Options of `[buildout]` whose text is a path below the buildout directory. */
export const BELOW_DIRECTORY: ReadonlySet<string> = new Set([
  "bin-directory",
  "parts-directory",
  "installed",
]);

/** Options of `[buildout]` whose text is a path relative to the file that set it. */
export const BESIDE_FILE: readonly string[] = ["download-cache", "extends-cache"];

/** Defaults that say nothing about this buildout: shown by annotate only where somebody set them. */
const silent = new Set(["bin-directory", "newest", "offline"]);

/** Whether an option of `[buildout]` is a default that nobody asked for. */
export function isSilent(option: string, value: Value): boolean {
  return (
    silent.has(option) &&
    value.history.every(({ operation }) => operation === "default" || operation === "directory")
  );
}
