/** From the lines of `archives` to files on this machine. */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { localPath, RecipeError, type Context, type InstallContext, type Schema } from "tsbuildout/recipe";
import { about } from "./blame.js";
import { archiveDigest } from "./build-archive.js";
import type { ArchiveLine } from "./gentoo-archive-lines.js";
import type { LocalArchive } from "./gentoo-import.js";
import { isLatestPage, parseDigests, parseLatest, verifiedText, type Stage } from "./gentoo-stage3.js";

type Host = InstallContext<Schema>;

/** A fetched archive, and the page's word for what it is. */
export interface Fetched extends LocalArchive {
  /** Where it came from in the end: the stage that a `latest-…` page named. */
  readonly url: string;
}

/**
 * Downloads archives, all at once, into the download cache.
 * @param keys a file of PGP keys: Gentoo's signed pages and digests are checked against it
 */
export async function fetchArchives(
  context: Host,
  archives: readonly ArchiveLine[],
  keys: string | undefined,
): Promise<readonly Fetched[]> {
  const fetchAll = async () =>
    await Promise.all(archives.map((archive) => fetchArchive(context, archive, keys)));
  return await about("archives", fetchAll);
}

async function fetchArchive(context: Host, archive: ArchiveLine, keys: string | undefined): Promise<Fetched> {
  const { prefix } = archive;
  const stage: Stage = isLatestPage(archive.url)
    ? await newestStage(context, archive.url, keys)
    : { url: archive.url };
  const checksum = archive.checksum ?? (keys ? await signedChecksum(context, stage.url, keys) : undefined);
  const path = await context.download({ url: stage.url, ...(checksum ? { checksum } : {}) });
  await checkSize(path, stage);
  return { path, prefix, url: stage.url };
}

async function newestStage(context: Host, url: string, keys: string | undefined): Promise<Stage> {
  const file = await context.download({ url, fresh: true });
  const text = keys ? await verifiedText(context, file, keys) : await readFile(file, "utf8");
  const stage = parseLatest(text, url);
  context.log(`${basename(url)} names ${stage.url}`, "note");
  return stage;
}

/** Gentoo signs the digests of a stage, not the stage. A host without them is not Gentoo's: that is a warning. */
async function signedChecksum(context: Host, url: string, keys: string): Promise<string | undefined> {
  if (!/^https?:/i.test(url)) return undefined;
  let file: string;
  try {
    file = await context.download({ url: `${url}.DIGESTS` });
  } catch (error) {
    context.signal.throwIfAborted();
    context.warn({
      code: "gentoo/no-digests",
      message: `${url} has no signed digests beside it: its content is not verified`,
      notes: [error instanceof Error ? error.message : String(error)],
      help: ["give its checksum behind the URL"],
      option: "archives-key",
    });
    return undefined;
  }
  const name = basename(new URL(url).pathname);
  const checksum = parseDigests(await verifiedText(context, file, keys), name);
  if (checksum) return checksum;
  throw new RecipeError({
    code: "gentoo/digests",
    message: `the signed digests of ${url} do not name it`,
    option: "archives-key",
  });
}

async function checkSize(path: string, { url, size }: Stage): Promise<void> {
  const found = (await stat(path)).size;
  if (size === undefined || size === found) return;
  throw new RecipeError({
    code: "archive/broken",
    message: `${url} has ${found} bytes, and its signed page says ${size}`,
    help: ["remove it from the download cache and try again"],
  });
}

/** Digests of those archives that are files on this machine: their content is an input of the part. What is not there, or
 *  no file, is for the install to complain of. */
export async function localArchiveDigests(
  context: Context,
  archives: readonly ArchiveLine[],
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  const at = { directory: context.buildout.directory, home: context.home };
  for (const { url } of archives) {
    const path = await about("archives", async () => await Promise.resolve(localPath(url, at)));
    if (path === undefined) continue;
    const found = await stat(path).catch(() => undefined);
    digests[`archive ${url}`] = found?.isFile() ? await archiveDigest(context, path) : "missing";
  }
  return digests;
}
