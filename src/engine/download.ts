import { createHash } from "node:crypto";
import { access, mkdir, rename, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileChecksum, parseChecksum, type Checksum } from "./checksum.js";
import { RecipeError, type Download, type Progress } from "./contract.js";
import { cannotWrite, dropPart, fetchFile } from "./fetch-file.js";
import { requireText } from "./given.js";
import { shownUrl } from "./http.js";
import { badUrl, localPath } from "./local-path.js";
import { Shared } from "./shared-work.js";
import { takePart, type PartFile } from "./part-file.js";

export interface DownloadSettings {
  /** Absolute; made when needed. */
  readonly cacheDirectory: string;
  /** Absolute: relative paths start there. */
  readonly directory: string;
  readonly offline: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  /** Milliseconds before a failed request is repeated, doubled each time. */
  readonly retryDelay?: number;
}

interface Wanted {
  readonly url: string;
  readonly checksum: Checksum | undefined;
  readonly path: string;
  readonly fresh: boolean;
}

/** Downloads that are going on, by the file they fill: whoever wants the same file waits for the one transfer. */
const running = new Shared<string>();

/**
 * The path of a file that holds what the URL names. http(s) goes through the cache; `file://` and paths are used where
 * they are. A file of the cache is replaced only by one that is whole and has the checksum.
 * @throws RecipeError `download/…`
 */
export async function download(what: Download, at: DownloadSettings): Promise<string> {
  requireText(what.url, "the url of a download");
  const checksum = what.checksum ? parseChecksum(what.checksum) : undefined;
  const local = localPath(what.url, at);
  if (local !== undefined) return await checkLocal(local, checksum, at.signal);
  if (!URL.canParse(what.url) || !/^https?:\/\//i.test(what.url)) throw badUrl(what.url);
  const path = join(at.cacheDirectory, cacheName(what));
  const wanted: Wanted = { url: what.url, checksum, path, fresh: what.fresh === true };
  const key = `${path}\n${checksum?.hex ?? ""}`;
  return await running.run(key, at.signal, (signal) => fromCache(wanted, { ...at, signal }));
}

/** The digest keeps files of one name and different addresses apart; the name is for people. */
function cacheName(what: Download): string {
  const digest = createHash("sha256").update(what.url).digest("hex").slice(0, 12);
  const last = what.name ?? decodeName(new URL(what.url).pathname);
  return `${digest}-${last.replaceAll(/[^\w.+@-]/g, "_").slice(-120) || "download"}`;
}

function decodeName(pathname: string): string {
  const last = basename(pathname);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

async function checkLocal(
  path: string,
  checksum: Checksum | undefined,
  signal: AbortSignal,
): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    const message = found ? `${path} is not a file` : `there is no file ${path}`;
    throw new RecipeError({ code: "download/missing", message });
  }
  await verify({ path, name: path, checksum, signal });
  return path;
}

async function fromCache(wanted: Wanted, at: DownloadSettings): Promise<string> {
  const cached = await access(wanted.path).then(
    () => true,
    () => false,
  );
  if (cached && (at.offline || !wanted.fresh)) {
    const fits = await hasChecksum(wanted.path, wanted.checksum, at.signal);
    if (fits) return wanted.path;
  }
  if (at.offline) throw offline(wanted, cached);
  const part = await openCache(wanted.path, at.cacheDirectory);
  try {
    await fetchWhole(wanted, part.path, at);
    await rename(part.path, wanted.path);
    await dropPart(part.path);
  } finally {
    await part.release();
  }
  return wanted.path;
}

async function openCache(path: string, cacheDirectory: string): Promise<PartFile> {
  try {
    await mkdir(cacheDirectory, { recursive: true });
    return await takePart(path);
  } catch (error) {
    throw cannotWrite(error, cacheDirectory);
  }
}

async function fetchWhole(wanted: Wanted, part: string, at: DownloadSettings): Promise<void> {
  const { url } = wanted;
  const { env, signal, progress, retryDelay = 1000 } = at;
  const { resumed } = await fetchFile({ url, part, env, signal, progress, retryDelay });
  if (await hasChecksum(part, wanted.checksum, signal)) return;
  if (resumed) {
    // What was kept may have been another file's beginning: once more, from the first byte.
    await dropPart(part);
    await fetchFile({ url, part, env, signal, progress, retryDelay });
  }
  try {
    await verify({ path: part, name: shownUrl(url), checksum: wanted.checksum, signal });
  } catch (error) {
    await dropPart(part);
    throw error;
  }
}

async function hasChecksum(
  path: string,
  checksum: Checksum | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  return !checksum || (await fileChecksum(path, checksum.algorithm, signal)) === checksum.hex;
}

interface Verification {
  readonly path: string;
  readonly name: string;
  readonly checksum: Checksum | undefined;
  readonly signal: AbortSignal;
}

async function verify({ path, name, checksum, signal }: Verification): Promise<void> {
  if (!checksum) return;
  const found = await fileChecksum(path, checksum.algorithm, signal);
  if (found === checksum.hex) return;
  throw new RecipeError({
    code: "download/checksum",
    message: `the ${checksum.algorithm} of ${name} differs`,
    notes: [`expected ${checksum.hex}`, `found    ${found}`],
    help: ["check where the file comes from, then the checksum"],
  });
}

function offline(wanted: Wanted, cached: boolean): RecipeError {
  const why = cached ? "is in the download cache with another checksum" : "is not in the download cache";
  return new RecipeError({
    code: "download/offline",
    message: `${shownUrl(wanted.url)} ${why}, and this run is offline`,
    notes: [`looked for ${wanted.path}`],
    help: ["run once without -o"],
  });
}
