import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import {
  inspectImage,
  parseDockerfile,
  parseReference,
  remoteImage,
  type Dockerfile,
  type Engine,
  readIgnore,
  readPlainFile,
} from "tsbuildout/docker";
import { RecipeError, type InputsContext } from "tsbuildout/recipe";
import { fileRows } from "./build-cache-files.js";
import { concealed, type KeyRow } from "./build-cache-key.js";
import { imagesTaken } from "./build-contexts.js";
import { contextDigests, filesDigest, sourceOf } from "./build-files.js";
import type { buildOptions } from "./build-options.js";
import { buildArgsOf } from "./build-spec.js";
import { BUILDOUT_LABEL, engineOf } from "./common.js";
import { loginFor } from "./login.js";
import { isReference } from "./names.js";

type Inputs = InputsContext<typeof buildOptions>;

/** All that decides about the image of a build. @throws a problem `cache/no-file`, … */
export async function keyRows(context: Inputs): Promise<KeyRow[]> {
  const { options } = context;
  const { rows, dockerfile } = await sourceRows(context);
  rows.push({ name: "platform", value: options.platform?.join(",") || (await enginePlatform(context)) });
  if (options.target) rows.push({ name: "target", value: options.target });
  if (options["cache-key-extra"]) rows.push({ name: "cache-key-extra", value: options["cache-key-extra"] });
  for (const [name, value] of Object.entries(buildArgsOf(context, options)))
    rows.push({ name: `build-arg ${name}`, value, shown: concealed(value) });
  for (const [name, value = ""] of options.labels) rows.push({ name: `label ${name}`, value });
  for (const [name, value = ""] of options.annotations) rows.push({ name: `annotation ${name}`, value });
  const folders = await contextDigests(context, options);
  for (const [name, value = ""] of options["build-contexts"])
    rows.push({ name: `build-context ${name}`, value: folders.get(name) ?? value });
  if (dockerfile) rows.push(...(await baseRows(context, dockerfile)));
  return rows;
}

interface SourceRows {
  readonly rows: KeyRow[];
  /** Undefined where it cannot be known without fetching. */
  readonly dockerfile: Dockerfile | undefined;
}

/** With `cache-on` the named files and the Dockerfile decide, else the whole context. */
async function sourceRows(context: Inputs): Promise<SourceRows> {
  const { options } = context;
  const entries = context.text("cache-on") === undefined ? undefined : options["cache-on"];
  const source = sourceOf(context, options);
  const folder = source?.kind === "local" ? source.path : undefined;
  const text = entries && (await dockerfileText(context, folder));
  const { directory } = context.buildout;
  const folders = [...new Set([folder ?? directory, directory])];
  const files = entries ? await fileRows(context, { folders, entries }) : [];
  if (text !== undefined) {
    const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
    return { rows: [{ name: "Dockerfile", value: digest }, ...files], dockerfile: parseDockerfile(text) };
  }
  const { inputs, dockerfile } = await filesDigest(context, options);
  const whole = Object.entries(inputs).map(([name, value]) => ({ name, value }));
  const inline = options["dockerfile-inline"];
  if (inline !== undefined) whole.push({ name: "Dockerfile", value: concealed(inline) });
  else if (options.dockerfile) whole.push({ name: "Dockerfile", value: options.dockerfile });
  return { rows: [...whole, ...files], dockerfile };
}

/** Whether the whole context decides, and git's own folder is in it. */
export async function countsGit(context: Inputs): Promise<boolean> {
  const { options } = context;
  const source = context.text("cache-on") === undefined ? sourceOf(context, options) : undefined;
  if (source?.kind !== "local" || !existsSync(join(source.path, ".git"))) return false;
  const ignore = await readIgnore(source.path, options.dockerfile ?? "Dockerfile");
  return !(ignore?.patterns.ignores(".git/HEAD") ?? false);
}

async function dockerfileText(context: Inputs, folder: string | undefined): Promise<string | undefined> {
  const { options } = context;
  if (options["dockerfile-inline"] !== undefined)
    return options["custom-context"] ? undefined : options["dockerfile-inline"];
  const name = options.dockerfile ?? "Dockerfile";
  if (folder === undefined) return undefined;
  // An archive is no folder: its own digest counts.
  const path = isAbsolute(name) ? name : join(folder, name);
  return (await readPlainFile(path).catch(() => undefined))?.toString();
}

async function enginePlatform(context: Inputs): Promise<string> {
  const { os, arch, variant } = await (await engineOf(context)).info();
  return `${os}/${arch}${variant ? `/${variant}` : ""}`;
}

async function baseRows(context: Inputs, dockerfile: Dockerfile): Promise<KeyRow[]> {
  const bases = imagesTaken(context, context.options, dockerfile);
  const rows: KeyRow[] = [];
  const engine = bases.length > 0 ? await engineOf(context) : undefined;
  for (const base of engine ? bases : []) {
    const value = await baseValue(context, engine!, base);
    if (value !== undefined) rows.push({ name: `image ${base}`, value });
  }
  return rows;
}

/** What was built here has no other name that says what is in it than its id. What comes from a registry goes by its
 *  digest there, where that is asked for. */
async function baseValue(context: Inputs, engine: Engine, base: string): Promise<string | undefined> {
  const image = await inspectImage(engine, base, context.signal);
  if (image?.Config?.Labels?.[BUILDOUT_LABEL]) return image.Id;
  if (!context.options["cache-base-digest"]) return undefined;
  if (image && !isReference(base)) return image.Id;
  const { domain, path } = parseReference(base);
  const known = (image?.RepoDigests ?? []).map((name) => parseReference(name));
  const local = known.find((name) => name.domain === domain && name.path === path)?.digest;
  const { offline, newest } = context.buildout;
  const remote = offline || (local && !newest) ? undefined : await inRegistry(context, engine, base);
  const value = remote ?? local ?? image?.Id;
  if (value) return value;
  throw new RecipeError({
    code: "cache/no-base",
    message: `cache-base-digest: there is no image ${base}, neither on the engine nor in its registry`,
    help: ["see that FROM names an image that is there, or leave cache-base-digest out"],
    option: "cache-base-digest",
  });
}

/** An image that only this engine has may be called like one that no registry has: then its id stands for it. */
async function inRegistry(context: Inputs, engine: Engine, base: string): Promise<string | undefined> {
  const { signal } = context;
  try {
    const credentials = await loginFor(context, base);
    return (await remoteImage(engine, { reference: base, credentials, signal }))?.digest;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
