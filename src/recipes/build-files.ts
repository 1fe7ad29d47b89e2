import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import {
  contextDigest,
  openContext,
  packFiles,
  parseDockerfile,
  parseSource,
  type BuildSource,
  type ContextOptions,
} from "tsbuildout/docker";
import { RecipeError, type Context, type InputsContext, type InstallContext } from "tsbuildout/recipe";
import { archiveDigest, archiveFiles } from "./build-archive.js";
import type { buildOptions } from "./build-options.js";
import { openGit, openUrl, remoteStamp } from "./build-remote.js";
import { inlineDockerfile, zipped, type BuildFiles, type FilesDigest } from "./build-opened.js";
import type { BuildOptions } from "./build-spec.js";

type Inputs = InputsContext<typeof buildOptions>;
type Install = InstallContext<typeof buildOptions>;

/** Where the context comes from. An inline Dockerfile without source has none. */
export function sourceOf(context: Context, options: BuildOptions): BuildSource | undefined {
  const { source, "dockerfile-inline": inline } = options;
  const { directory } = context.buildout;
  if (inline !== undefined && options["custom-context"]) return parseSource(inline.trim(), directory);
  if (source === undefined) return inline === undefined ? { kind: "local", path: directory } : undefined;
  return parseSource(source, directory);
}

/** @throws a problem where the source is not there */
export async function openFiles(context: Install, options: BuildOptions): Promise<BuildFiles> {
  const source = sourceOf(context, options);
  if (!source) return inlineFiles(options);
  if (source.kind === "git")
    return await openGit(context, source, async (folder) => await folderFiles(context, options, folder));
  if (source.kind === "url") return await openUrl(context, options, source.url);
  if (await isFolder(source.path)) return await folderFiles(context, options, source.path);
  return await archiveFiles(source.path, options);
}

export async function filesDigest(context: Inputs, options: BuildOptions): Promise<FilesDigest> {
  const source = sourceOf(context, options);
  if (!source) return { inputs: {}, dockerfile: inlineDockerfile(options) };
  if (source.kind !== "local")
    return { inputs: { source: await remoteStamp(context, source) }, dockerfile: inlineDockerfile(options) };
  if (!(await isFolder(source.path))) {
    const digest = await archiveDigest(context, source.path);
    return { inputs: { source: digest }, dockerfile: inlineDockerfile(options) };
  }
  const cache = join(context.buildout.cacheDirectory, "contexts", `${shortHash(source.path)}.json`);
  const digest = await contextDigest(source.path, folderOptions(context, options), cache);
  return { inputs: { source: digest }, dockerfile: (await readDockerfile(options, source.path)).content };
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** @throws a problem `build/no-source` */
async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found) return found.isDirectory();
  throw new RecipeError({ code: "build/no-source", message: `${path} does not exist`, option: "source" });
}

/** Where an inline Dockerfile is put: a name that no folder has, so that its own Dockerfile stays what it is. */
const INLINE = ".tsbuildout.Dockerfile";

function inlineFiles(options: BuildOptions): BuildFiles {
  const text = options["dockerfile-inline"] ?? "";
  return {
    dockerfile: { name: "dockerfile-inline", content: parseDockerfile(text) },
    pathInContext: INLINE,
    tar: ({ gzip }) => zipped(packFiles([{ name: INLINE, content: Buffer.from(text) }]), gzip),
    close: async () => await Promise.resolve(),
  };
}

async function folderFiles(context: Context, options: BuildOptions, folder: string): Promise<BuildFiles> {
  const opened = await openContext(folder, folderOptions(context, options));
  return {
    dockerfile: await readDockerfile(options, folder),
    pathInContext: opened.dockerfile,
    tar: ({ gzip }) => zipped(opened.pack(), gzip),
    close: async () => await Promise.resolve(),
  };
}

function folderOptions(context: Context, options: BuildOptions): ContextOptions {
  const inline = options["dockerfile-inline"];
  return {
    ...(inline === undefined
      ? { dockerfile: options.dockerfile ?? "Dockerfile" }
      : { dockerfile: INLINE, extra: [{ name: INLINE, content: Buffer.from(inline) }] }),
    leaveOut: ownFiles(context),
    signal: context.signal,
  };
}

/** What a run writes into the buildout's folder: in a context it would make every run see a change. */
function ownFiles({ buildout }: Context): string[] {
  const installed = resolve(buildout.directory, buildout.options["installed"] || ".installed.cfg");
  return [buildout.cacheDirectory, installed, `${installed}.journal`, `${installed}.lock`];
}

async function readDockerfile(options: BuildOptions, folder: string): Promise<BuildFiles["dockerfile"]> {
  const inline = options["dockerfile-inline"];
  if (inline !== undefined) return { name: "dockerfile-inline", content: parseDockerfile(inline) };
  const name = options.dockerfile ?? "Dockerfile";
  const text = await readFile(isAbsolute(name) ? name : join(folder, name), "utf8");
  return { name, content: parseDockerfile(text) };
}
