import { posix } from "node:path";
import type { SectionText } from "./cfg.js";
import { asPairs, asText, asTexts, type Yaml } from "./yaml.js";

/** Names and findings that the converters of one file share. */
export interface ComposeScope {
  readonly project: string;
  /** Compose keeps services, networks and volumes apart; parts share one name space. */
  readonly networks: ReadonlyMap<string, string>;
  readonly volumes: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
  /** The part that builds a service's image: one for all services that build the same under the same name. */
  readonly builds: ReadonlyMap<string, string>;
  /** What networks and volumes that are `external` are called, by their names in the file. */
  readonly external: Readonly<Record<"networks" | "volumes", ReadonlyMap<string, string>>>;
  readonly definitions: { readonly [service: string]: { [key: string]: Yaml } };
  /** The files of secrets and configs by their names. */
  readonly files: Readonly<Record<"secrets" | "configs", ReadonlyMap<string, string>>>;
  /** The variables that secrets come from, by their names. */
  readonly secretVariables: ReadonlyMap<string, string>;
  /** A path of the Compose file as the buildout file has to say it. */
  place(path: string): string;
  note(message: string): void;
}

/** Compose keys with our options for them, by the form of their values, which are carried over as they stand. */
export interface Alike {
  readonly texts: Readonly<Record<string, string>>;
  readonly lists: Readonly<Record<string, string>>;
  readonly pairs: Readonly<Record<string, string>>;
}

export function carryOver(
  part: SectionText,
  map: { [key: string]: Yaml },
  alike: Alike,
  { note }: Pick<ComposeScope, "note">,
): void {
  const onOneLine = (key: string, pair: string): string | undefined => {
    const text = pair.trimEnd();
    if (!text.includes("\n")) return text;
    const instead = key === "environment" ? "; NAME='…' in a file of env-file may have them" : "";
    const name = text.replace(/=[^]*/, "");
    note(`${key} ${name} of [${part.name}] was not carried over: it has several lines${instead}`);
    return undefined;
  };
  for (const [key, option] of Object.entries(alike.texts)) part.set(option, asText(map[key]));
  for (const [key, option] of Object.entries(alike.lists)) part.set(option, asTexts(map[key]));
  for (const [key, option] of Object.entries(alike.pairs))
    part.set(
      option,
      asPairs(map[key]).flatMap((pair) => onOneLine(key, pair) ?? []),
    );
}

/** @param folder that of the Compose file, from the buildout file's: `` where they stand side by side */
export function placing(folder: string): ComposeScope["place"] {
  return (path) => {
    if (folder === "" || !isRelative(path)) return path;
    const placed = posix.join(folder, path);
    return placed.startsWith(".") ? placed : `./${placed}`;
  };
}

/** Nothing absolute, of the home directory, of a variable, and no address of a repository. */
function isRelative(path: string): boolean {
  return !/^([/~$]|[\w+.-]+:|git@|github\.com\/)/.test(path);
}

/** Keys that have no effect on a single host, and those whose meaning is the engine's own here. */
const IGNORED: ReadonlySet<string> = new Set(["build", "depends_on", "attach"]);

/** What makes one file of several is Compose's to carry out. */
export const LET_COMPOSE =
  "docker compose config --no-interpolate --no-path-resolution > FILE makes one file of all; take that";

/** Says of every key that nobody converted that it was left out. */
export function leftOver(
  where: string,
  map: { [key: string]: Yaml },
  known: readonly string[],
  scope: ComposeScope,
): void {
  for (const [key, value] of Object.entries(map))
    if (!known.includes(key) && !key.startsWith("x-") && !IGNORED.has(key) && !isEmpty(value))
      scope.note(`${where}.${key} was not carried over`);
}

/** What Compose's own `config` writes for a key that says nothing. */
function isEmpty(value: Yaml): boolean {
  return typeof value === "object" && Object.keys(value ?? {}).length === 0;
}
