import { statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import type { Readable } from "node:stream";
import { DigestCache } from "./digest-cache.js";
import { DockerIgnore } from "./dockerignore.js";
import { DockerError, fileReason, systemCode } from "./errors.js";
import { onceForStamp } from "./folder-stamp.js";
import { digestTree } from "./tree-digest.js";
import { readPlainFile } from "./plain-file.js";
import { packTree, type ExtraFile } from "./tree-pack.js";
import { byteString, textOf, unreadable, walkTree, type TreeEntry } from "./tree.js";

export interface ContextOptions {
  /** The Dockerfile, below the folder or absolute; `Dockerfile` unless said. It is always part of the context. */
  readonly dockerfile?: string;
  /** Files that are added to those of the folder (an inline Dockerfile). They win over the folder's own. */
  readonly extra?: readonly ExtraFile[];
  /** Absolute paths that are never part of the context: what this program itself writes into the folder. */
  readonly leaveOut?: readonly string[];
  readonly signal?: AbortSignal;
}

/** A build context: a listing of a folder, from which its digest and its archive are made. */
export interface BuildContext {
  readonly root: string;
  readonly entries: readonly TreeEntry[];
  /** Files that are not in the folder. */
  readonly extra: readonly ExtraFile[];
  /** Bytes of its files. */
  readonly size: number;
  /** What names the Dockerfile within the context, for the build's parameter `dockerfile`. */
  readonly dockerfile: string;
  /** The file whose patterns count: `<Dockerfile>.dockerignore` or `.dockerignore`. */
  readonly ignoreFile: string | undefined;
  /**
   * Of content, not of times.
   * @param cachePath where digests of single files are kept
   * @param known digests of files that were read after the folder was listed, by path
   * @returns `sha256:…`
   */
  digest(cachePath?: string, known?: ReadonlyMap<string, string>): Promise<string>;
  /** The archive that a build takes: sorted, streamed, owned by root as the docker CLI has it. */
  pack(): Readable;
}

/** Where a Dockerfile that lies outside of the folder is put in the context. */
const OUTSIDE = ".tsbuildout.Dockerfile";

/**
 * Lists a build context.
 * @param root the folder
 * @throws DockerError `folder/unreadable`, `context/no-dockerfile`, `context/bad-ignore`
 */
export async function openContext(root: string, options: ContextOptions = {}): Promise<BuildContext> {
  const { signal } = options;
  mustBeFolder(root);
  const { dockerfile, extra } = await placeDockerfile(root, options);
  const ignore = await readIgnore(root, options.dockerfile ?? "Dockerfile");
  const choose = chooser(root, { options, dockerfile, extra, ignore });
  const all = await walkTree(root, {
    ...(signal ? { signal } : {}),
    ...(choose && { choose: (bytes, directory) => choose(textOf(bytes), directory) }),
  });
  return contextOf(root, { entries: all, dockerfile, extra, ignoreFile: ignore?.name, signal });
}

interface Chooser {
  readonly options: ContextOptions;
  readonly dockerfile: string;
  readonly extra: readonly ExtraFile[];
  readonly ignore: Ignore | undefined;
}

interface Choice {
  readonly take: boolean;
  readonly enter: boolean;
}

/** Undefined where everything is taken: nothing is then asked for each of thousands of files. */
function chooser(root: string, from: Chooser): ((path: string, directory: boolean) => Choice) | undefined {
  const { options, dockerfile, extra, ignore } = from;
  const added = new Set(extra.map(({ name }) => name));
  // The engine needs these two whatever the patterns say; it takes them out again itself.
  const kept = new Set([dockerfile, ".dockerignore"]);
  const below = (options.leaveOut ?? []).map((path) => relative(root, path).split(sep).join("/"));
  const left = new Set(below.filter((path) => !path.startsWith("../")));
  if (!ignore && added.size + left.size === 0) return undefined;
  return (path, directory) => {
    if (left.has(path)) return { take: false, enter: false };
    const choice = ignore?.patterns.choose(path, directory) ?? { take: true, enter: true };
    const leads = directory && dockerfile.startsWith(`${path}/`);
    return { take: !added.has(path) && (choice.take || kept.has(path)), enter: choice.enter || leads };
  };
}

/** Says what `openContext` would say of the folder itself and of the Dockerfile. @throws as it does */
export async function checkContext(root: string, options: ContextOptions): Promise<void> {
  mustBeFolder(root);
  await placeDockerfile(root, options);
}

/**
 * The digest of a build context, as `openContext(…).digest(…)` gives it, without listing a folder that nobody has written
 * to since the last time.
 * @param cachePath where digests of single files are kept; the folder's own goes beside it
 * @returns `sha256:…`
 */
export async function contextDigest(
  root: string,
  options: ContextOptions,
  cachePath: string,
): Promise<string> {
  mustBeFolder(root);
  const { dockerfile, extra } = await placeDockerfile(root, options);
  const ignore = await readIgnore(root, options.dockerfile ?? "Dockerfile");
  const salt = [
    dockerfile,
    ignore?.name ?? "",
    ...extra.flatMap(({ name, content }) => [name, content.toString("latin1")]),
  ];
  const choose = chooser(root, { options, dockerfile, extra, ignore });
  const look = { choose, salt, signal: options.signal };
  return await onceForStamp(
    { root, path: `${cachePath}.stamp`, look },
    async () => await (await openContext(root, options)).digest(cachePath),
  );
}

interface Parts {
  readonly entries: readonly TreeEntry[];
  readonly dockerfile: string;
  readonly extra: readonly ExtraFile[];
  readonly ignoreFile: string | undefined;
  readonly signal: AbortSignal | undefined;
}

function contextOf(root: string, parts: Parts): BuildContext {
  const { entries, dockerfile, extra, ignoreFile } = parts;
  const abortable = parts.signal ? { signal: parts.signal } : {};
  return {
    root,
    entries,
    extra,
    dockerfile,
    ignoreFile,
    size: entries.reduce((sum, entry) => sum + entry.size, 0),
    digest: async (cachePath, known) => {
      const cache = cachePath === undefined ? undefined : await DigestCache.open(cachePath);
      const digest = await digestTree(root, entries, {
        extra,
        known,
        ...abortable,
        ...(cache ? { cache } : {}),
      });
      await cache?.save();
      return digest;
    },
    pack: () => packTree(root, entries, { uid: 0, gid: 0, wholeSeconds: true, extra, ...abortable }),
  };
}

function mustBeFolder(root: string): void {
  if (isDirectory(root)) return;
  throw new DockerError({ code: "folder/unreadable", message: `cannot read ${root}: it is not a folder` });
}

function isDirectory(root: string): boolean {
  try {
    return statSync(root).isDirectory();
  } catch (error) {
    throw unreadable(byteString(root), error);
  }
}

/** Where the Dockerfile is in the context; one from outside is added under a name of our own. */
async function placeDockerfile(
  root: string,
  options: ContextOptions,
): Promise<{ dockerfile: string; extra: readonly ExtraFile[] }> {
  const extra = options.extra ?? [];
  const asked = options.dockerfile ?? "Dockerfile";
  const path = isAbsolute(asked) ? asked : join(root, asked);
  const within = relative(root, path).split(sep).join("/");
  if (extra.some(({ name }) => name === within)) return { dockerfile: within, extra };
  const content = await readPlainFile(path).catch((error: unknown) => {
    throw noDockerfile(path, error, options.dockerfile === undefined ? "source" : "dockerfile");
  });
  if (!within.startsWith("../") && !isAbsolute(within)) return { dockerfile: within, extra };
  return { dockerfile: OUTSIDE, extra: [...extra, { name: OUTSIDE, content }] };
}

function noDockerfile(path: string, error: unknown, option: string): DockerError {
  const code = systemCode(error) ?? "";
  const why = fileReason(code === "ENOTDIR" ? "ENOENT" : code);
  return new DockerError(
    { code: "context/no-dockerfile", message: `cannot read ${path}: ${why}`, option },
    { cause: error },
  );
}

interface Ignore {
  readonly name: string;
  readonly patterns: DockerIgnore;
}

async function readIgnore(root: string, dockerfile: string): Promise<Ignore | undefined> {
  const beside = isAbsolute(dockerfile) ? dockerfile : join(root, dockerfile);
  for (const path of [`${beside}.dockerignore`, join(root, ".dockerignore")]) {
    const text = await readPlainFile(path).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
      throw unreadable(byteString(path), error);
    });
    if (text !== undefined) return { name: path, patterns: new DockerIgnore(text.toString(), path) };
  }
  return undefined;
}
