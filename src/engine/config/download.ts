import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
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
  if (there && (offline || !newest)) return decode(readFileSync(cached), `${url} (cached as ${cached})`);
  if (offline)
    throw new Unreadable("offline", `${url} is not downloaded in offline mode`, [
      cache
        ? "run once without -o to fill extends-cache"
        : "set extends-cache to keep files for offline mode",
    ]);
  try {
    const text = await download(url, fetching);
    if (cached) keep(cached, text);
    return text;
  } catch (error) {
    if (!there || fetching.signal?.aborted) throw error;
    return decode(readFileSync(cached), `${url} (cached as ${cached})`);
  }
}

/** Another run may read the cache at this moment: it sees the old file or the new one, never half of one. */
function keep(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.part`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}

async function download(url: string, fetching: Fetching): Promise<string> {
  const { EnvHttpProxyAgent, interceptors, request } = await import("undici");
  const wait = fetching.timeout * 1000;
  const agent = new EnvHttpProxyAgent({
    ...proxies(fetching.environment),
    connect: { timeout: wait },
    headersTimeout: wait,
    bodyTimeout: wait,
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 10 }));
  try {
    const { target, headers } = credentials(url);
    const options = { dispatcher, headers, signal: fetching.signal ?? null };
    const { statusCode, headers: answer, body } = await request(target, options);
    if (statusCode !== 200) throw refused(url, statusCode);
    const bytes = await collect(body, url);
    return textOf(bytes, String(answer["content-type"] ?? ""), url);
  } catch (error) {
    throw explained(error, url, fetching);
  } finally {
    await agent.destroy();
  }
}

/** undici refuses a proxy without a scheme; curl and Docker take it for http. */
function proxies(environment: Environment) {
  const proxy = (lower: string, upper: string) => {
    const value = environment[lower] || environment[upper] || "";
    return value === "" || /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  };
  return {
    httpProxy: proxy("http_proxy", "HTTP_PROXY"),
    httpsProxy: proxy("https_proxy", "HTTPS_PROXY"),
    noProxy: environment["no_proxy"] ?? environment["NO_PROXY"] ?? "",
  };
}

/** A user and password in the URL become a header; the URL itself goes into logs of servers and proxies. */
function credentials(url: string) {
  const target = new URL(url);
  const headers: Record<string, string> = { "user-agent": "tsbuildout", accept: "text/plain, */*" };
  if (target.username !== "") {
    const pair = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`;
    headers["authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
    target.username = "";
    target.password = "";
  }
  return { target, headers };
}

function refused(url: string, status: number): Unreadable {
  if (status === 404 || status === 410)
    return new Unreadable("missing-file", `there is no file ${url} (HTTP ${status})`);
  const help =
    status === 401 || status === 403
      ? ["does the file need a login? A URL may hold one: https://user:password@host/"]
      : [];
  return new Unreadable("download", `${url} was refused (HTTP ${status})`, help);
}

async function collect(body: AsyncIterable<Buffer>, url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST) throw tooLarge(url);
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
      `${url} answers with ${media || "a web page"}, not with a configuration file`,
      ["is it the address of the raw file, and may it be read without logging in?"],
    );
  if (/^(image|audio|video|font)\/|^application\/(zip|gzip|x-gzip|x-tar|pdf)$/.test(media)) throw wrong();
  const text = decode(bytes, url);
  if (/^\s*(<!doctype|<html|<\?xml|\{)/i.test(text.slice(0, 1000))) throw wrong();
  return text;
}

function explained(error: unknown, url: string, { timeout, signal }: Fetching): unknown {
  if (error instanceof Unreadable || signal?.aborted || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code.startsWith("UND_ERR_") && code.endsWith("_TIMEOUT"))
    return new Unreadable("download", `${url} has not answered for ${timeout} seconds`, [
      "wait longer with -t SECONDS",
    ]);
  const reason =
    code === "ENOTFOUND" || code === "EAI_AGAIN" ? "the host is not known" : error.message || code;
  return new Unreadable("download", `${url} cannot be downloaded: ${reason}`);
}
