import { createWriteStream } from "node:fs";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { RecipeError, type Progress } from "./contract.js";
import { httpClient, shownUrl, splitCredentials } from "./http.js";

export interface Fetch {
  readonly url: string;
  /** Where the bytes gather; an earlier attempt's file there is gone on with. */
  readonly part: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  /** Milliseconds before the first repetition, doubled each time. */
  readonly retryDelay: number;
}

/** What tells whether the file on the server is still the one that was begun. */
interface Begun {
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly total?: number;
}

const ATTEMPTS = 5;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A failure that may be gone a moment later. */
class PassingError extends Error {}

/**
 * Fetches a file over http(s) into `part`, going on where an earlier attempt stopped if the server vouches for it.
 * @returns whether bytes of an earlier run were kept, so that a checksum that differs may be their fault
 * @throws RecipeError `download/refused`, `download/cut-short`, `download/no-space`, `download/proxy`
 */
export async function fetchFile(what: Fetch): Promise<{ resumed: boolean }> {
  const client = await httpClient(what.env);
  let resumed = false;
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        resumed = (await fetchOnce(client, what)) || resumed;
        return { resumed };
      } catch (error) {
        what.signal.throwIfAborted();
        if (!(error instanceof PassingError) || attempt === ATTEMPTS) throw told(error, what);
        resumed = true;
        await delay(what.retryDelay * 2 ** (attempt - 1), undefined, { signal: what.signal });
      }
    }
  } finally {
    await client.destroy().catch(() => undefined);
  }
}

async function fetchOnce(client: Dispatcher, what: Fetch): Promise<boolean> {
  const begun = await readBegun(what);
  if (begun && begun.size === begun.total) return true;
  const answer = await ask(client, what, begun ? resumeHeaders(begun) : {});
  const { statusCode, headers, body } = answer;
  if (begun && (statusCode === 416 || (statusCode === 206 && !continues(headers, begun)))) {
    // Not what was asked for: whatever the server means by it, only a whole answer can be trusted.
    body.on("error", () => undefined).destroy();
    await dropPart(what.part);
    return await fetchOnce(client, what);
  }
  if (statusCode !== 200 && !(begun && statusCode === 206)) throw await refusal(answer, what);
  const offset = begun && statusCode === 206 ? begun.size : 0;
  await receive({ what, offset, headers, body });
  return offset > 0;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

async function ask(client: Dispatcher, what: Fetch, extra: Record<string, string>) {
  const { request } = await import("undici");
  const { url, headers } = splitCredentials(what.url);
  try {
    return await request(url, {
      dispatcher: client,
      signal: what.signal,
      headers: { "user-agent": "tsbuildout", "accept-encoding": "identity", ...headers, ...extra },
    });
  } catch (error) {
    throw new PassingError(reason(error), { cause: error });
  }
}

function resumeHeaders(begun: Begun & { size: number }): Record<string, string> {
  const validator = begun.etag ?? begun.lastModified;
  return { range: `bytes=${begun.size}-`, ...(validator ? { "if-range": validator } : {}) };
}

/** Whether a 206 gives just the bytes that are missing. */
function continues(headers: Headers, begun: Begun & { size: number }): boolean {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(one(headers["content-range"]) ?? "");
  if (!match || Number(match[1]) !== begun.size) return false;
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (total !== undefined && Number(match[2]) !== total - 1) return false;
  return begun.total === undefined || total === undefined || total === begun.total;
}

async function receive(from: {
  what: Fetch;
  offset: number;
  headers: Headers;
  body: Readable;
}): Promise<void> {
  const { what, offset, headers, body } = from;
  const length = one(headers["content-length"]);
  const total = length === undefined ? undefined : offset + Number(length);
  if (offset === 0) await writeBegun(what, headers, total);
  const counter = new ByteCounter(what, offset, total);
  const file = createWriteStream(what.part, { flags: offset > 0 ? "a" : "w", flush: true });
  try {
    await pipeline(body, counter, file, { signal: what.signal });
  } catch (error) {
    if (isFileError(error)) throw error;
    throw new PassingError(reason(error), { cause: error });
  }
  if (total !== undefined && counter.current !== total)
    throw new PassingError(`${counter.current} of ${total} bytes came`);
}

/** Counts what passes and says so, at most ten times a second. */
class ByteCounter extends Transform {
  current: number;
  readonly #tell: (current: number) => void;
  #told = 0;

  constructor(what: Fetch, offset: number, total: number | undefined) {
    super({ highWaterMark: 1 << 20 });
    this.current = offset;
    const known = { step: "download", id: basename(what.part, ".part"), unit: "bytes" as const };
    this.#tell = (current) => what.progress({ ...known, current, ...(total === undefined ? {} : { total }) });
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, data: Buffer) => void): void {
    this.current += chunk.length;
    const now = performance.now();
    if (now - this.#told > 100) {
      this.#told = now;
      this.#tell(this.current);
    }
    done(null, chunk);
  }

  override _flush(done: () => void): void {
    this.#tell(this.current);
    done();
  }
}

/** An earlier attempt at the same URL, if the server can be asked whether it still fits. */
async function readBegun(what: Fetch): Promise<(Begun & { size: number }) | undefined> {
  try {
    const begun = JSON.parse(await readFile(`${what.part}.json`, "utf8")) as Begun;
    const { size } = await stat(what.part);
    const usable = begun.url === what.url && size > 0 && (begun.etag ?? begun.lastModified) !== undefined;
    return usable && size <= (begun.total ?? Infinity) ? { ...begun, size } : undefined;
  } catch {
    return undefined;
  }
}

async function writeBegun(what: Fetch, headers: Headers, total: number | undefined): Promise<void> {
  const etag = one(headers["etag"]);
  const lastModified = one(headers["last-modified"]);
  const begun: Begun = {
    url: what.url,
    // A weak tag does not promise the same bytes.
    ...(etag && !etag.startsWith("W/") ? { etag } : {}),
    ...(lastModified ? { lastModified } : {}),
    ...(total === undefined ? {} : { total }),
  };
  await writeFile(what.part, "");
  await writeFile(`${what.part}.json`, JSON.stringify(begun), { mode: 0o600 });
}

export async function dropPart(part: string): Promise<void> {
  await Promise.all([rm(part, { force: true }), rm(`${part}.json`, { force: true })]);
}

async function refusal(answer: Dispatcher.ResponseData, what: Fetch): Promise<Error> {
  const { statusCode } = answer;
  await answer.body.dump({ limit: 1 << 16 }).catch(() => undefined);
  const message = `${shownUrl(what.url)} was answered with HTTP status ${statusCode}`;
  if (PASSING.has(statusCode)) return new PassingError(message);
  return new RecipeError({
    code: "download/refused",
    message,
    help: [statusCode === 404 || statusCode === 410 ? "check the URL" : "check the URL and who may read it"],
  });
}

function told(error: unknown, what: Fetch): unknown {
  if (!(error instanceof PassingError)) return cannotWrite(error, dirname(what.part));
  return new RecipeError(
    {
      code: "download/failed",
      message: `${shownUrl(what.url)} could not be downloaded: ${error.message}`,
      notes: [`tried ${ATTEMPTS} times`],
      help: ["run again: what came so far is kept and gone on with"],
    },
    { cause: error },
  );
}

/** What a user can mend about a folder; other errors pass as they are. */
export function cannotWrite(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return error;
  const full = error.code === "ENOSPC" || error.code === "EDQUOT";
  const problem = full
    ? {
        code: "download/no-space",
        message: `there is no space left in ${folder}`,
        help: ["free some, and run again"],
      }
    : { code: "download/cache", message: `cannot write to ${folder}`, notes: [error.message] };
  return new RecipeError(problem, { cause: error });
}

/** The disk's fault, not the network's. */
function isFileError(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "ENOENT", "EISDIR"].some((code) =>
    isSystemError(error, code),
  );
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function reason(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  return inner instanceof Error ? inner.message : String(inner);
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
