import { isAbsolute, posix, resolve } from "node:path";
import { digestFiles, readPlainFile } from "tsbuildout/docker";
import { globMatcher, OptionValueError, RecipeError, splitLines, type Context } from "tsbuildout/recipe";
import type { KeyRow } from "./build-cache-key.js";
import { cacheFile } from "./cache-file.js";

/** A line of `cache-on`. */
export interface CacheOn {
  /** A path or a pattern. */
  readonly pattern: string;
  /** The way to one value of a JSON file: `["a", "b"]` of `file.json#.a.b`. */
  readonly path?: readonly string[];
  /** Marked by `?`: it may be missing. */
  readonly optional: boolean;
}

/** @throws OptionValueError */
export function parseCacheOn(text: string): readonly CacheOn[] {
  return splitLines(text).map((line) => {
    const optional = line.startsWith("?");
    const [pattern, selector] = split(optional ? line.slice(1).trim() : line);
    if (pattern === "") throw new OptionValueError(`"${line}" names no file`);
    return { pattern, optional, ...(selector !== undefined && { path: parseSelector(line, selector) }) };
  });
}

/** At a `#` that a `.` or `[` follows: other files may have a # in their names. */
function split(line: string): [pattern: string, selector?: string] {
  const at = line.search(/#[.[]/);
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at + 1)];
}

/** `.a.b`, `.a["b.c"]`, `.list[0]`, as jq has them; `.` is the whole. */
function parseSelector(line: string, selector: string): readonly string[] {
  const path: string[] = [];
  const piece = /\.([\w$@/-]+)|\.?\["((?:[^"\\]|\\.)*)"\]|\.?\[(\d+)\]|\.(?=$|\[)/y;
  while (piece.lastIndex < selector.length) {
    const from = piece.lastIndex;
    const match = piece.exec(selector);
    if (!match || piece.lastIndex === from)
      throw new OptionValueError(`"${line}": "${selector.slice(from)}" is not the way to a value`, [
        'write file.json#.name.name, or file.json#.name["any name"]',
      ]);
    const name = match[1] ?? match[2]?.replace(/\\(.)/g, "$1") ?? match[3];
    if (name !== undefined) path.push(name);
  }
  return path;
}

export interface CacheFiles {
  /** Where paths start: the build's folder, then the buildout's. */
  readonly folders: readonly string[];
  readonly entries: readonly CacheOn[];
}

/** The rows of a key for the files of `cache-on`. @throws a problem `cache/no-file`, `cache/no-value`, … */
export async function fileRows(context: Context, { folders, entries }: CacheFiles): Promise<KeyRow[]> {
  const rows: KeyRow[] = [];
  for (const entry of entries) {
    const row = entry.path
      ? await valueRow(entry, entry.path, folders)
      : await filesRow(context, entry, folders);
    if (!row && !entry.optional) throw noFile(entry, folders);
    rows.push(row ?? { name: `file ${shownName(entry)}`, value: "missing" });
  }
  return rows;
}

async function filesRow(
  context: Context,
  entry: CacheOn,
  folders: readonly string[],
): Promise<KeyRow | undefined> {
  for (const folder of folders) {
    const cachePath = cacheFile(context, "cache-on", `${folder}\0${entry.pattern}`);
    const found = await matching(entry, folder, { cachePath, signal: context.signal });
    if (!found) continue;
    const { count, digest } = found;
    const name = `file ${entry.pattern}`;
    return { name, value: digest, ...(count > 1 && { shown: `${digest} (${count} files)` }) };
  }
  return undefined;
}

const SPECIAL = /[*?[{]/;

/** A path that is there is that path, whatever it is called; otherwise `*` and the like mean what they do in a shell. */
async function matching(entry: CacheOn, folder: string, how: { cachePath: string; signal: AbortSignal }) {
  const pattern = posix.normalize(entry.pattern).replace(/\/$/, "");
  const plain = await digestFiles(folder, { base: pattern === "." ? "" : pattern }, how);
  if (plain || !SPECIAL.test(pattern)) return plain;
  const pieces = pattern.split("/");
  const fixed = pieces.slice(
    0,
    pieces.findIndex((piece) => SPECIAL.test(piece)),
  );
  // All that is below: nothing to be matched.
  if (fixed.length === pieces.length - 1 && pieces.at(-1) === "**")
    return await digestFiles(folder, { base: fixed.join("/") }, how);
  const depth = pieces.includes("**") ? undefined : pieces.length - fixed.length;
  const matches = await globMatcher([isAbsolute(pattern) ? pattern.slice(1) : pattern]);
  return await digestFiles(folder, { base: fixed.join("/"), matches, ...(depth && { depth }) }, how);
}

async function valueRow(
  entry: CacheOn,
  path: readonly string[],
  folders: readonly string[],
): Promise<KeyRow | undefined> {
  for (const folder of folders) {
    const text = (await readPlainFile(resolve(folder, entry.pattern)).catch(ignoreMissing))?.toString();
    if (text === undefined) continue;
    const value = valueAt(parseJson(entry, text), path);
    if (value === undefined && !entry.optional) throw noValue(entry);
    const canonical = value === undefined ? "missing" : JSON.stringify(sortKeys(value));
    const name = `file ${shownName(entry)}`;
    return {
      name,
      value: canonical,
      shown: canonical.length > 72 ? `${canonical.slice(0, 71)}…` : canonical,
    };
  }
  return undefined;
}

function ignoreMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  const message = `cache-on: ${(error as Error).message}`;
  throw new RecipeError({ code: "cache/no-file", message, option: "cache-on" }, { cause: error });
}

function parseJson(entry: CacheOn, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const message = `cache-on: ${entry.pattern} is not JSON: ${(error as Error).message}`;
    throw new RecipeError({ code: "cache/no-value", message, option: "cache-on" }, { cause: error });
  }
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}

/** The order of a JSON object's names says nothing. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sortKeys(inner)]));
}

function shownName({ pattern, path }: CacheOn): string {
  return path ? `${pattern}#${path.map((name) => `.${name}`).join("") || "."}` : pattern;
}

function noFile({ pattern }: CacheOn, folders: readonly string[]): RecipeError {
  return new RecipeError({
    code: "cache/no-file",
    message: `cache-on: there is no "${pattern}"`,
    notes: folders.map((folder) => `looked in ${folder}`),
    help: [`mark it with a question mark where it may be missing: ?${pattern}`],
    option: "cache-on",
  });
}

function noValue(entry: CacheOn): RecipeError {
  return new RecipeError({
    code: "cache/no-value",
    message: `cache-on: there is no value ${shownName(entry)}`,
    help: [`mark it with a question mark where it may be missing: ?${shownName(entry)}`],
    option: "cache-on",
  });
}
