import { statSync, type Stats } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import {
  checkContext,
  contextDigest,
  openContext,
  packFiles,
  parseDockerfile,
  parseSource,
  shareContext,
  type BuildContext,
  type BuildSource,
  type Dockerfile,
  type ContextOptions,
  type GitSource,
  readPlainFile,
} from "tsbuildout/docker";
import {
  RecipeError,
  type Context,
  type InputsContext,
  type InstallContext,
  type Problem,
} from "tsbuildout/recipe";
import { about } from "./blame.js";
import { archiveDigest, archiveFiles, notArchive } from "./build-archive.js";
import { furtherContexts } from "./build-contexts.js";
import type { buildOptions } from "./build-options.js";
import { ownPaths } from "./own-state.js";
import { openUrl, remoteStamp, workingCopy } from "./build-remote.js";
import {
  INLINE,
  INLINE_SHOWN,
  inlineDockerfile,
  inlineFile,
  inlineText,
  zipped,
  type BuildFiles,
  type FilesDigest,
} from "./build-opened.js";
import { writtenPaths } from "./build-output.js";
import type { BuildOptions } from "./build-spec.js";
import { cacheFile } from "./cache-file.js";

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
  if (!source) return inlineFiles(context, options);
  if (source.kind === "git") return await gitFiles(context, options, source);
  if (source.kind === "url") return await openUrl(context, options, source.url);
  if (!isFolder(source.path)) return await archiveFiles(context, options, source.path);
  const known = context.record?.inputs[SOURCE] !== undefined || options["cache-repository"];
  const files = await (known ? folderFiles : toldFiles)(context, options, source.path);
  return { ...files, dockerfile: { ...files.dockerfile, name: shownName(context, options, source.path) } };
}

/** Of several Dockerfiles a failure is to tell which one is meant. */
function shownName({ buildout }: Context, options: BuildOptions, folder: string): string {
  if (inlineText(options) !== undefined) return INLINE_SHOWN;
  const path = resolve(folder, options.dockerfile ?? "Dockerfile");
  const within = relative(buildout.directory, path);
  return within.startsWith("..") ? path : within;
}

async function gitFiles(context: Install, options: BuildOptions, source: GitSource): Promise<BuildFiles> {
  const files = await folderFiles(context, options, await workingCopy(context, source));
  const fetched = inlineText(options) === undefined;
  return { ...files, dockerfile: { ...files.dockerfile, fetched } };
}

/** The name of the files' digest among the inputs. */
const SOURCE = "source";

/** Those of a first install, which was asked for without knowing their digest. */
async function toldFiles(context: Install, options: BuildOptions, folder: string): Promise<BuildFiles> {
  const opened = await opening(context, options, folder);
  const cache = cacheFile(context, "contexts", folder);
  return {
    ...(await contextFiles(opened, options)),
    tell: async (sent) => context.input(SOURCE, await opened.digest(cache, sent?.digests)),
  };
}

/** @param later of a part that is to be installed whatever the files are: their digest is told when they are sent */
export async function filesDigest(
  context: Inputs,
  options: BuildOptions,
  later = false,
): Promise<FilesDigest> {
  const source = sourceOf(context, options);
  if (!source) return { inputs: {}, dockerfile: inlineDockerfile(options) };
  if (source.kind !== "local")
    return { inputs: { source: await remoteStamp(context, source) }, dockerfile: inlineDockerfile(options) };
  if (!isFolder(source.path)) {
    const digest = await archiveDigest(context, source.path);
    return { inputs: { source: digest }, dockerfile: inlineDockerfile(options) };
  }
  const inputs: Record<string, string> = {};
  const { path } = source;
  const how = folderOptions(context, options);
  if (later) await checkFiles(context, options);
  else
    inputs[SOURCE] = await aboutFiles(
      context,
      options,
      async () => await contextDigest(path, how, cacheFile(context, "contexts", path)),
    );
  return { inputs, dockerfile: (await readDockerfile(options, source.path)).content };
}

/** Looks whether what is on this machine is there. @throws a problem where it is not */
export async function checkFiles(context: Inputs, options: BuildOptions): Promise<void> {
  const source = sourceOf(context, options);
  if (source?.kind !== "local" || !isFolder(source.path)) return;
  const how = folderOptions(context, options);
  await aboutFiles(context, options, async () => await checkContext(source.path, how));
}

/**
 * Does something with a folder. `docker build -f` starts where one is, as many write `dockerfile`, and Compose and bake
 * call the folder `context`: it is shown what to write.
 */
async function aboutFiles<T>(context: Context, options: BuildOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await about("source", work);
  } catch (error) {
    const { problem } = error as { readonly problem?: Problem };
    const help = problem?.code === "context/no-dockerfile" ? meant(context, options) : undefined;
    throw help ? new RecipeError({ ...problem!, help: [help] }, { cause: error }) : error;
  }
}

function meant(context: Context, options: BuildOptions): string | undefined {
  const { context: folder, dockerfile, source } = options;
  const at = (path: string): string => resolve(context.buildout.directory, path);
  if (dockerfile && statOf(at(dockerfile))?.isFile())
    return `the path begins in the source: write dockerfile = ${relative(at(source ?? "."), at(dockerfile))}`;
  if (folder && source === undefined && statOf(at(folder))?.isDirectory())
    return `context says where the engine is: write source = ${folder}`;
  return undefined;
}

/** Of the folders that the Dockerfile may copy from besides, by the names that it has for them. @throws where one is not there */
export async function contextDigests(context: Inputs, options: BuildOptions): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  const noDockerfile = { dockerfile: INLINE, extra: [inlineFile("")] };
  for (const [name, folder] of furtherContexts(context, options).folders) {
    const how = { ...noDockerfile, leaveOut: ownPaths(context), signal: context.signal };
    const digest = async (): Promise<string> =>
      await contextDigest(folder, how, cacheFile(context, "contexts", folder));
    digests.set(name, await about("build-contexts", digest));
  }
  return digests;
}

/** @throws a problem `build/no-source`; `build/not-archive` for a pipe or a device, which is not to be opened */
function isFolder(path: string): boolean {
  const found = statOf(path);
  if (found?.isDirectory() || found?.isFile()) return found.isDirectory();
  if (found) throw notArchive(path);
  throw new RecipeError({ code: "build/no-source", message: `${path} does not exist`, option: "source" });
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** No files at all; only the builder must be given the Dockerfile. */
function inlineFiles({ buildout }: Context, options: BuildOptions): BuildFiles {
  const file = inlineFile(inlineText(options) ?? "");
  const content = parseDockerfile(file.content.toString());
  const ignore = { name: ".dockerignore", content: Buffer.from(`${INLINE}\n.dockerignore\n`) };
  const nothing = { root: buildout.directory, files: [], patterns: "**", digests: new Map<string, string>() };
  // An archive is quicker, and is not seen where nothing is taken from it.
  const hides = takesFromContext(content);
  return {
    dockerfile: { name: INLINE_SHOWN, content },
    pathInContext: INLINE,
    tar: ({ gzip }) => zipped(packFiles(hides ? [ignore, file] : [file]), gzip),
    hides,
    ...(hides && { share: async () => await Promise.resolve({ ...nothing, dockerfile: file }) }),
  };
}

function takesFromContext({ instructions }: Dockerfile): boolean {
  const takes = /^(?:COPY|ADD|RUN\s.*--mount)/s;
  return instructions.some(({ keyword, rest }) => takes.test(`${keyword} ${rest}`) && !/--from=/.test(rest));
}

async function folderFiles(context: Install, options: BuildOptions, folder: string): Promise<BuildFiles> {
  return await contextFiles(await opening(context, options, folder), options);
}

async function opening(context: Install, options: BuildOptions, folder: string): Promise<BuildContext> {
  const open = async () => await openContext(folder, folderOptions(context, options));
  return await aboutFiles(context, options, open);
}

async function contextFiles(opened: BuildContext, options: BuildOptions): Promise<BuildFiles> {
  return {
    dockerfile: await readDockerfile(options, opened.root),
    pathInContext: opened.dockerfile,
    tar: ({ gzip }) => zipped(opened.pack(), gzip),
    hides: opened.hides,
    share: async () => await shareContext(opened),
  };
}

function folderOptions(context: Inputs | Install, options: BuildOptions): ContextOptions {
  const inline = inlineText(options);
  return {
    ...(inline === undefined
      ? { ...(options.dockerfile && { dockerfile: options.dockerfile }) }
      : { dockerfile: INLINE, extra: [inlineFile(inline)] }),
    leaveOut: [...ownPaths(context), ...writtenPaths(context, options)],
    signal: context.signal,
  };
}

async function readDockerfile(options: BuildOptions, folder: string): Promise<BuildFiles["dockerfile"]> {
  const content = inlineDockerfile(options);
  if (content) return { name: INLINE_SHOWN, content };
  const name = options.dockerfile ?? "Dockerfile";
  const text = await readPlainFile(isAbsolute(name) ? name : join(folder, name));
  return { name, content: parseDockerfile(text.toString()) };
}
