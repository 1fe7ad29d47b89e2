import { isAbsolute, resolve } from "node:path";

/** What a line of `vol` or `out-vol` means. `stage` and `part` are names of sections. */
export type StageMount =
  /** The stage's own volume, at a further place. */
  | { readonly kind: "own"; readonly target: string }
  | { readonly kind: "code"; readonly target: string }
  | { readonly kind: "stage"; readonly stage: string; readonly target: string }
  | { readonly kind: "volume"; readonly part: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: "folder"; readonly source: string; readonly target: string; readonly readOnly: boolean };

export interface MountScope {
  readonly directory: string;
  readonly home: string;
  /** The recipe's name of a section, without its package; undefined where there is no such part. */
  recipeOf(section: string): string | undefined;
}

/** One line of `vol`: `code`, `STAGE[:/path]`, `VOLUME-PART[:/path[:ro]]`, `/host/path:/path[:ro]`; undefined where it
 *  names nothing. */
export function parseStageMount(line: string, scope: MountScope): StageMount | undefined {
  const [source = "", path, mode] = splitMount(line);
  const target = path ?? `/${source}`;
  if (source === "code" && scope.recipeOf("code") === undefined) return { kind: "code", target };
  const readOnly = mode === "ro";
  if (isAbsolute(source) || /^(\.{1,2}|~)(\/|$)/.test(source)) {
    const full = source.replace(/^~(?=\/|$)/, () => scope.home);
    return path === undefined
      ? undefined
      : { kind: "folder", source: resolve(scope.directory, full), target, readOnly };
  }
  const recipe = scope.recipeOf(source);
  if (recipe === "docker.stage") return { kind: "stage", stage: source, target };
  if (recipe === "docker.volume") return { kind: "volume", part: source, target, readOnly };
  return undefined;
}

/** One line of `out-vol`: `/path` or `STAGE:/path`, where that stage is the one itself, or a volume part; undefined where
 *  it names nothing that a stage may write into. Its own name alone says what is so in any case. */
export function parseOutMount(line: string, self: string, scope: MountScope): StageMount | undefined {
  if (/^\/[^:]+$/.test(line)) return { kind: "own", target: line };
  const [source = "", path] = splitMount(line);
  if (source === self) return { kind: "own", target: path ?? `/${self}` };
  const mount = parseStageMount(line, scope);
  return mount?.kind === "volume" && !mount.readOnly ? mount : undefined;
}

/** Splits at the colons before a path and before the mode only. */
function splitMount(line: string): string[] {
  const match = /^(.+?)(?::(\/[^:]*))?(?::(ro|rw))?$/.exec(line);
  return match
    ? [match[1]!, ...(match[2] === undefined ? [] : [match[2], ...(match[3] ? [match[3]] : [])])]
    : [line];
}
