import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import type { Readable } from "node:stream";
import { DigestCache } from "./digest-cache.js";
import { archiveIgnore, IGNORE, patternOf, readIgnore, type IgnoreFile } from "./ignore-file.js";
import { DockerError, fileReason, systemCode } from "./errors.js";
import { onceForStamp } from "./folder-stamp.js";
import { digestTree } from "./tree-digest.js";
import { readPlainFile } from "./plain-file.js";
import { packTree, type ExtraFile } from "./tree-pack.js";
import { byteString, textOf, unreadable, walkTree, type TreeEntry } from "./tree.js";

/** What belongs to a build context besides the folder's own files, and what does not. */
export interface ContextOptions {
  /** The Dockerfile, below the folder or absolute; `Dockerfile` unless said. It is always part of the context. */
  readonly dockerfile?: string;
  /** Files that are added to those of the folder (an inline Dockerfile). They win over the folder's own. */
  readonly extra?: readonly ExtraFile[];
  /** Absolute paths that are never part of the context: what this program itself writes into the folder. */
  readonly leaveOut?: readonly string[];
  readonly signal?: AbortSignal;
}

/** What a build context holds. */
interface Listed {
  /** What goes into the archive, in which builders look for the Dockerfile and `.dockerignore` even where they are ignored. */
  readonly entries: readonly TreeEntry[];
  /** What the Dockerfile's instructions see. */
  readonly visible: readonly TreeEntry[];
}

/** A build context: a listing of a folder, from which its digest and its archive are made. */
export interface BuildContext {
  readonly root: string;
  /** Begun when the context was opened; it goes on while others work. @throws DockerError `folder/unreadable` */
  readonly listed: Promise<Listed>;
  /** Whether there is more in the archive than the Dockerfile's instructions are to see. */
  readonly hides: boolean;
  /** Files that are not in the folder. */
  readonly extra: readonly ExtraFile[];
  /** What names the Dockerfile within the context, for the build's parameter `dockerfile`. */
  readonly dockerfile: string;
  /** What was in it when the folder was listed. */
  readonly dockerfileContent: Buffer;
  /** In the words of `.dockerignore`, what of the folder is not visible. */
  readonly patterns: string;
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
 * Opens a build context, and begins to list it.
 * @param root the folder
 * @throws DockerError `folder/unreadable`, `context/no-dockerfile`, `context/bad-ignore`
 */
export async function openContext(root: string, options: ContextOptions = {}): Promise<BuildContext> {
  const { signal } = options;
  mustBeFolder(root);
  const placed = await placeDockerfile(root, options);
  const ignore = await readIgnore(root, options.dockerfile ?? "Dockerfile");
  const ignored = (path: string): boolean => ignore?.patterns.ignores(path) ?? false;
  const added = placed.extra.some(({ name }) => name === placed.dockerfile);
  return contextOf(root, {
    ...placed,
    listed: listContext(root, { ...placed, options, ignore }),
    hides: placed.extra.length > 0 || ignored(placed.dockerfile) || ignored(IGNORE),
    archiveIgnore: await archiveIgnore(root, { dockerfile: placed.dockerfile, added, ignore }),
    patterns: [ignore?.text ?? "", ...leftOut(root, options).map(patternOf), ""].join("\n"),
    ignoreFile: ignore?.name,
    signal,
  });
}

function listContext(root: string, from: Chooser): Promise<Listed> {
  const { signal } = from.options;
  const ignored = new Set<string>();
  const choose = chooser(root, { ...from, ignored });
  const list = async (): Promise<Listed> => {
    const entries = await walkTree(root, {
      ...(signal ? { signal } : {}),
      ...(choose && { choose: (bytes, directory) => choose(textOf(bytes), directory) }),
    });
    return { entries, visible: withoutIgnored(entries, ignored) };
  };
  const listed = list();
  // Whoever asks for it hears what went wrong.
  listed.catch(() => undefined);
  return listed;
}

/** Entries without the ignored ones, but for the directories of what is left. */
function withoutIgnored(entries: readonly TreeEntry[], ignored: ReadonlySet<string>): readonly TreeEntry[] {
  if (ignored.size === 0) return entries;
  const inUse = new Set<string>();
  const visible = entries.toReversed().filter(({ path }) => {
    if (ignored.has(textOf(path)) && !inUse.has(path)) return false;
    inUse.add(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    return true;
  });
  return visible.toReversed();
}

/** What is never part of the context, below the folder. */
function leftOut(root: string, { leaveOut = [] }: ContextOptions): string[] {
  const below = leaveOut.map((path) => relative(root, path).split(sep).join("/"));
  return below.filter((path) => path !== "" && !/^\.\.(?:\/|$)/.test(path));
}

interface Placed {
  /** Below the folder. */
  readonly dockerfile: string;
  readonly dockerfileContent: Buffer;
  readonly extra: readonly ExtraFile[];
}

interface Chooser extends Placed {
  readonly options: ContextOptions;
  readonly ignore: IgnoreFile | undefined;
  /** Where the paths go that are ignored and listed all the same. */
  readonly ignored?: Set<string>;
}

interface Choice {
  readonly take: boolean;
  readonly enter: boolean;
}

/** Undefined where everything is taken: nothing is then asked for each of thousands of files. */
function chooser(root: string, from: Chooser): ((path: string, directory: boolean) => Choice) | undefined {
  const { options, dockerfile, extra, ignore, ignored } = from;
  const added = new Set(extra.map(({ name }) => name));
  // The engine needs these two whatever the patterns say; it takes them out again itself.
  const kept = new Set([dockerfile, IGNORE]);
  const left = new Set(leftOut(root, options));
  if (!ignore && added.size + left.size === 0) return undefined;
  return (path, directory) => {
    if (left.has(path)) return { take: false, enter: false };
    const choice = ignore?.patterns.choose(path, directory) ?? { take: true, enter: true };
    const leads = directory && dockerfile.startsWith(`${path}/`);
    if (!choice.take && (directory || kept.has(path))) ignored?.add(path);
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
  const placed = await placeDockerfile(root, options);
  const ignore = await readIgnore(root, options.dockerfile ?? "Dockerfile");
  // Which files of the folder count is in the stamp, whatever it is that says so.
  const salt = placed.extra.flatMap(({ name, content }) => [name, digestOf(content)]);
  const choose = chooser(root, { ...placed, options, ignore });
  const look = { choose, salt, signal: options.signal };
  return await onceForStamp(
    { root, path: `${cachePath}.stamp`, look },
    async () => await (await openContext(root, options)).digest(cachePath),
  );
}

/** An inline Dockerfile may hold what is not to be kept in a file. */
function digestOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

type Parts = Omit<BuildContext, "root" | "digest" | "pack"> & {
  readonly archiveIgnore: ExtraFile | undefined;
  readonly signal: AbortSignal | undefined;
};

function contextOf(root: string, parts: Parts): BuildContext {
  const { signal, archiveIgnore: instead, ...rest } = parts;
  const { listed, extra } = rest;
  const abortable = signal ? { signal } : {};
  return {
    root,
    ...rest,
    digest: async (cachePath, known) => {
      const { entries } = await listed;
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
    pack: () => {
      const added = instead ? [instead, ...extra] : extra;
      const how = { uid: 0, gid: 0, wholeSeconds: true, extra: added, ...abortable };
      return packTree(root, without(listed, instead?.name), how);
    },
  };
}

async function* without(
  listed: Promise<Listed>,
  replaced: string | undefined,
): AsyncGenerator<readonly TreeEntry[]> {
  const { entries } = await listed;
  yield replaced === undefined ? entries : entries.filter(({ path }) => path !== replaced);
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

/** Where the Dockerfile is in the context; one from outside, or behind a link, is added under a name of our own. */
async function placeDockerfile(root: string, options: ContextOptions): Promise<Placed> {
  const extra = options.extra ?? [];
  const asked = options.dockerfile ?? "Dockerfile";
  const path = isAbsolute(asked) ? asked : join(root, asked);
  const within = relative(root, path).split(sep).join("/");
  const added = extra.find(({ name }) => name === within);
  if (added) return { dockerfile: within, dockerfileContent: added.content, extra };
  const content = await readPlainFile(path).catch((error: unknown) => {
    throw noDockerfile(path, error, options.dockerfile === undefined ? "source" : "dockerfile");
  });
  // Where a link leads is no part of the context, or may not be.
  const linked = realpathSync(path) !== join(realpathSync(root), within);
  if (!within.startsWith("../") && !linked) return { dockerfile: within, dockerfileContent: content, extra };
  const file = { name: OUTSIDE, content };
  return { dockerfile: OUTSIDE, dockerfileContent: content, extra: [...extra, file] };
}

function noDockerfile(path: string, error: unknown, option: string): DockerError {
  const code = systemCode(error) ?? "";
  const why = fileReason(code === "ENOTDIR" ? "ENOENT" : code);
  return new DockerError(
    { code: "context/no-dockerfile", message: `cannot read ${path}: ${why}`, option },
    { cause: error },
  );
}
