import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { RecipeError } from "../contract.js";
import { withoutPassword } from "./address.js";
import type { Environment } from "./expression.js";
import { decode, LARGEST, tooLarge, Unreadable } from "./read.js";

/** How a file is fetched, as the main file, the user defaults and the command line have it. */
export interface Fetching {
  /** Absolute; absent where nothing is cached. */
  readonly cache?: string | undefined;
  /** Nothing is downloaded; what is in the cache is used. */
  readonly offline: boolean;
  /** A cached file is asked for again, and used as it is where that fails. */
  readonly newest: boolean;
  /** For connecting, and for each wait for more, in seconds. */
  readonly timeout: number;
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
}

/** The text behind a URL, from the cache or the network. Throws Unreadable. */
export async function readUrl(url: string, fetching: Fetching): Promise<string> {
  const { cache, offline, newest } = fetching;
  const cached = cache && path.join(cache, createHash("md5").update(url).digest("hex"));
  const there = cached !== undefined && existsSync(cached);
  if (there && (offline || !newest))
    return decode(readFileSync(cached), `${withoutPassword(url)} (cached as ${cached})`);
  if (offline)
    throw new Unreadable("offline", `${withoutPassword(url)} is not downloaded in offline mode`, [
      cache
        ? "run once without -o to fill extends-cache"
        : "set extends-cache to keep files for offline mode",
    ]);
  let text: string;
  try {
    text = await download(url, fetching);
  } catch (error) {
    if (!there || fetching.signal?.aborted) throw error;
    return decode(readFileSync(cached), `${withoutPassword(url)} (cached as ${cached})`);
  }
  if (cached) keep(cached, text);
  return text;
}

/** Another run may read the cache at this moment: it sees the old file or the new one, never half of one. */
function keep(file: string, text: string): void {
  const folder = path.dirname(file);
  const temporary = `${file}.${randomUUID()}.part`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(temporary, text);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    const message = `what was downloaded cannot be kept in ${folder}: ${(error as Error).message}`;
    throw new Unreadable("download", message, [
      "make room or make the folder writable, or name another extends-cache",
    ]);
  }
}

async function download(url: string, fetching: Fetching): Promise<string> {
  const { httpClient, splitCredentials } = await import("../http.js");
  const { request } = await import("undici");
  const wait = fetching.timeout * 1000;
  const dispatcher = await httpClient(fetching.environment, wait);
  const silence = new Silence(wait, fetching.signal);
  try {
    const { url: target, headers } = splitCredentials(url);
    const accept = { "user-agent": "tsbuildout", accept: "text/plain, */*", ...headers };
    const answer = await request(target, { dispatcher, headers: accept, signal: silence.signal });
    silence.end();
    if (answer.statusCode !== 200) throw refused(url, answer.statusCode);
    return textOf(await collect(answer.body, url), String(answer.headers["content-type"] ?? ""), url);
  } catch (error) {
    throw explained(error, url, fetching);
  } finally {
    silence.end();
    await dispatcher.destroy();
  }
}

/** Aborts where nothing has answered at all: a proxy that takes a connection and says nothing counts as well. */
class Silence {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(wait: number, signal: AbortSignal | undefined) {
    const silent = new AbortController();
    this.#timer = setTimeout(() => silent.abort(new SilentError()), wait);
    this.signal = signal ? AbortSignal.any([signal, silent.signal]) : silent.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

class SilentError extends Error {
  readonly code = "UND_ERR_SILENCE_TIMEOUT";
}

function refused(url: string, status: number): Unreadable {
  if (status === 404 || status === 410)
    return new Unreadable("missing-file", `there is no file ${withoutPassword(url)} (HTTP ${status})`);
  if (status >= 300 && status < 400)
    return new Unreadable("download", `${withoutPassword(url)} cannot be downloaded: ${LEADS_NOWHERE}`);
  const help =
    status === 401 || status === 403
      ? ["does the file need a login? A URL may hold one: https://user:password@host/"]
      : [];
  return new Unreadable("download", `${withoutPassword(url)} was refused (HTTP ${status})`, help);
}

async function collect(body: AsyncIterable<Buffer>, url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST) throw tooLarge(withoutPassword(url));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A login page or an archive would give a hundred senseless parse errors. */
function textOf(bytes: Buffer, type: string, url: string): string {
  const media = (type.split(";")[0] ?? "").trim().toLowerCase();
  const wrong = () =>
    new Unreadable(
      "download",
      `${withoutPassword(url)} answers with ${media || "a web page"}, not with a configuration file`,
      ["is it the address of the raw file, and may it be read without logging in?"],
    );
  if (/^(image|audio|video|font)\/|^application\/(zip|gzip|x-gzip|x-tar|pdf)$/.test(media)) throw wrong();
  const text = decode(bytes, withoutPassword(url));
  if (/^\s*(<!doctype|<html|<\?xml|\{)/i.test(text.slice(0, 1000))) throw wrong();
  return text;
}

function explained(error: unknown, url: string, { timeout, signal }: Fetching): unknown {
  if (error instanceof Unreadable || signal?.aborted || !(error instanceof Error)) return error;
  if (error instanceof RecipeError) return new Unreadable("download", error.message, error.problem.help);
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const shown = withoutPassword(url);
  if (code.startsWith("UND_ERR_") && code.endsWith("_TIMEOUT")) {
    const waited = `${timeout} ${timeout === 1 ? "second" : "seconds"}`;
    return new Unreadable("download", `${shown} has not answered for ${waited}`, [
      "wait longer with -t SECONDS",
    ]);
  }
  const { reason, help = [] } = failure(code) ?? { reason: error.message || code };
  return new Unreadable("download", `${shown} cannot be downloaded: ${reason}`, help);
}

/** What to say instead of the words of those who noticed it: OpenSSL, undici, the resolver. */
function failure(code: string): { reason: string; help?: readonly string[] } | undefined {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return { reason: "the host is not known" };
  // The address that it began with was good: https://undici.nodejs.org/#/docs/api/Errors
  if (code === "UND_ERR_INVALID_ARG" || code === "ERR_INVALID_URL") return { reason: LEADS_NOWHERE };
  if (code === "EPROTO" || code.startsWith("ERR_SSL"))
    return { reason: "the server answers no TLS there", help: ["is it http:// rather than https://?"] };
  return undefined;
}

const LEADS_NOWHERE = "it redirects in a circle, too often, or to no address";
