/** Where buildx puts what it has built (https://docs.docker.com/reference/cli/docker/buildx/build/#output). */
import { lstat, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { makeFolders } from "tsbuildout/docker";
import {
  RecipeError,
  type Drift,
  type InputsContext,
  type InstallContext,
  type PartRecord,
  type Schema,
} from "tsbuildout/recipe";
import { referencesOf, type Names } from "./build-names.js";
import type { BuildOptions } from "./build-spec.js";
import { announceFolders } from "./own-file.js";

interface Output {
  readonly type: string;
  /** What it calls the image itself. */
  readonly names: readonly string[];
  /** A file or a folder of this machine. */
  readonly dest: string | undefined;
  /** The same, where it is a file. */
  readonly file: string | undefined;
  readonly values: readonly string[];
}

type Asked = Pick<BuildOptions, "output"> & Names;

/** Kinds of outputs that go to standard output where no file is given. */
const STREAMED = ["oci", "tar"];
/** Kinds of outputs that are images with names. */
const NAMED = ["docker", "image", "oci", "registry"];
const PUSHED = ["image", "registry"];
/** Those that the engine may have in the end, where its own BuildKit builds. */
const IN_ENGINE = ["docker", "image", "registry"];

/** The names under which the engine gets the image, or may get it. @throws a problem `reference/invalid` */
export function namesInEngine(options: Asked): readonly string[] {
  if (options.output.length === 0) return referencesOf(options);
  const outputs = options.output.map(parseOutput);
  const there = outputs.filter(({ type, dest }) => IN_ENGINE.includes(type) && dest === undefined);
  return [...new Set(there.flatMap((output) => namesOf(output, options)))];
}

/** The names under which the image goes to a registry. */
export function namesPut(options: Asked): readonly string[] {
  const outputs = options.output.map(parseOutput);
  return outputs.filter(({ type }) => PUSHED.includes(type)).flatMap((output) => namesOf(output, options));
}

/** What buildx is told: names of the whole build would take the place of those that an output gives itself. */
export function outputsWithNames(options: Asked): string[] {
  return options.output.map((text) => {
    const output = parseOutput(text);
    if (!NAMED.includes(output.type) || output.names.length > 0) return text;
    return `${text},"name=${referencesOf(options).join(",")}"`;
  });
}

type Made = Pick<InstallContext<Schema>, "buildout" | "created" | "removed">;

/**
 * Has buildx write files beside their places, which they take when the build has succeeded: it empties a file before it
 * begins. The folders that they need are made.
 * @param build is told where its outputs go
 */
export async function withWholeFiles<T>(
  context: Made,
  output: readonly string[],
  build: (output: readonly string[]) => Promise<T>,
): Promise<T> {
  const files: { readonly target: string; readonly partial: string }[] = [];
  const lines: string[] = [];
  for (const text of output) {
    const { dest, file, values } = parseOutput(text);
    const target = file && resolve(context.buildout.directory, file);
    if (dest !== undefined && file === undefined)
      await announceFolders(context, resolve(context.buildout.directory, dest));
    if (!target || !(await isReplaceable(target))) {
      lines.push(text);
      continue;
    }
    const partial = partialOf(target);
    await announceFolders(context, dirname(target));
    await makeFolders(dirname(target));
    await context.created({ kind: "file", name: partial });
    files.push({ target, partial });
    lines.push(values.map((value) => field(/^\s*dest=/i.test(value) ? `dest=${partial}` : value)).join(","));
  }
  try {
    const built = await build(lines);
    for (const { target, partial } of files) await rename(partial, target);
    return built;
  } finally {
    for (const { partial } of files) {
      await rm(partial, { force: true });
      await context.removed({ kind: "file", name: partial });
    }
  }
}

/**
 * What a part's builds write, which no build is made of though it lie in the source: with it every build would be a change
 * for the next one. A folder that was there before the first build is somebody's, and may be needed.
 * @returns absolute paths
 */
export function writtenPaths(
  { buildout, record }: Pick<InputsContext<Schema>, "buildout" | "record">,
  { output, "cache-to": caches }: Pick<BuildOptions, "output" | "cache-to">,
): string[] {
  const at = (path: string): string => resolve(buildout.directory, path);
  const made = new Set(record?.resources.map(({ kind, name }) => (kind === "folder" ? at(name) : "")));
  const outputs = output.map(parseOutput).flatMap(({ dest, file }) => {
    if (file !== undefined) return [at(file), partialOf(at(file))];
    return dest !== undefined && made.has(at(dest)) ? [at(dest)] : [];
  });
  const local = caches.filter((line) => line.includes("=")).map(parseOutput);
  return [...outputs, ...local.flatMap(({ type, dest }) => (type === "local" && dest ? [at(dest)] : []))];
}

function partialOf(target: string): string {
  return join(dirname(target), `.${basename(target)}.part`);
}

/** What is no plain file, a pipe, a device, a link, is written to as it is. */
async function isReplaceable(path: string): Promise<boolean> {
  const there = await lstat(path).catch(() => undefined);
  return there?.isFile() ?? true;
}

/** What the last build has put into files and folders, and is not there any more. */
export async function outputsGone({ options }: PartRecord, directory: string): Promise<Drift[]> {
  const lines = (options["output"] ?? "").split("\n").filter((line) => line.trim() !== "");
  const found: Drift[] = [];
  for (const dest of lines.flatMap((line) => parseOutput(line.trim()).dest ?? [])) {
    const path = resolve(directory, dest);
    if (!(await stat(path).catch(() => undefined)))
      found.push({ kind: "missing", message: `output ${path} is gone` });
  }
  return found;
}

/** One of comma-separated values. */
export function field(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function namesOf({ names }: Output, options: Asked): readonly string[] {
  if (names.length === 0) return referencesOf(options);
  return names.flatMap((name) => referencesOf({ name, named: "output" }));
}

/** A line of comma-separated values; a word alone is a folder. @throws a problem `option/value` */
function parseOutput(text: string): Output {
  const values = [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain,
  );
  const fields = new Map(
    values.flatMap((value): [string, string][] => {
      const [, key, meant = ""] = /^([^=]+)=(.*)$/s.exec(value) ?? [];
      return key === undefined ? [] : [[key.trim().toLowerCase(), meant]];
    }),
  );
  const names = (fields.get("name") ?? "").split(",").filter(Boolean);
  const type = fields.get("type") ?? "local";
  const dest = fields.size === 0 ? text : fields.get("dest");
  if (dest === "-" || (dest === undefined && STREAMED.includes(type)))
    throw new RecipeError({
      code: "option/value",
      message: `output: "${text}" goes to standard output, which nobody reads`,
      help: ["say into which file: dest=FILE"],
      option: "output",
    });
  const isFile = ["docker", ...STREAMED].includes(type) && fields.get("tar") !== "false";
  return { type, names, dest, file: isFile ? dest : undefined, values };
}
