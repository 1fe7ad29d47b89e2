import type { Yaml } from "./yaml.js";

/** Names and findings that the converters of one file share. */
export interface ComposeScope {
  readonly project: string;
  /** Compose keeps services, networks and volumes apart; parts share one name space. */
  readonly networks: ReadonlyMap<string, string>;
  readonly volumes: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
  readonly definitions: { readonly [service: string]: { [key: string]: Yaml } };
  /** The files of secrets and configs by their names. */
  readonly files: Readonly<Record<"secrets" | "configs", ReadonlyMap<string, string>>>;
  /** The variables that secrets come from, by their names. */
  readonly secretVariables: ReadonlyMap<string, string>;
  note(message: string): void;
}

/** Keys that have no effect on a single host, and those whose meaning is the engine's own here. */
const IGNORED: ReadonlySet<string> = new Set(["expose", "build", "depends_on", "attach"]);

/** Says of every key that nobody converted that it was left out. */
export function leftOver(
  where: string,
  map: { [key: string]: Yaml },
  known: readonly string[],
  scope: ComposeScope,
): void {
  for (const key of Object.keys(map))
    if (!known.includes(key) && !key.startsWith("x-") && !IGNORED.has(key))
      scope.note(`${where}.${key} was not carried over`);
}
