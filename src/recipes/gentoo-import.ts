/** Archives of root filesystems become an image (https://docs.docker.com/reference/api/engine/, ImageCreate). */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import {
  compressionOf,
  decompress,
  familiarName,
  jsonLines,
  mergeTars,
  parseReference,
  speaksApi,
  type Compression,
  type Engine,
} from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Schema } from "tsbuildout/recipe";
import type { ArchiveLine } from "./gentoo-archive-lines.js";
import { commentOf } from "./gentoo-image.js";
import { platformText, type Platform } from "./gentoo-platform.js";

/** An archive that is on this machine. */
export interface LocalArchive {
  readonly path: string;
  readonly prefix: string;
}

export interface Import {
  readonly engine: Engine;
  readonly archives: readonly LocalArchive[];
  /** `name:tag` of the image. */
  readonly reference: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: Platform | undefined;
}

type Host = InstallContext<Schema>;

/** The end of an archive: two blocks of zeros, which is also an archive without anything in it. */
const EMPTY = Buffer.alloc(1024);

/**
 * Makes an image of archives, unpacked over each other; of none, an empty one.
 * @returns its id
 * @throws RecipeError `archive/import-failed`, `archive/broken`, `archive/no-program`
 */
export async function importImage(context: Host, what: Import): Promise<string> {
  const [only, ...more] = what.archives;
  if (!only) return await send(context, what, Readable.from([EMPTY], { objectMode: false }));
  if (more.length === 0 && only.prefix === "") return await importOne(context, what, only.path);
  const parts = what.archives.map(({ path, prefix }) => ({ source: path, prefix }));
  return await send(context, what, mergeTars(parts, { env: context.env, signal: context.signal }));
}

/** One archive goes as it is: the engine unpacks it. Where it lacks what that takes, it is unpacked here. */
async function importOne(context: Host, what: Import, path: string): Promise<string> {
  const { kind, size } = await lookAt(path);
  // Engines before 23 (API 1.42) do not know zstd.
  if (kind === "zstd" && !speaksApi(what.engine, "1.42"))
    return await send(context, what, plain(context, path));
  try {
    return await send(context, what, createReadStream(path, { highWaterMark: CHUNK }), size);
  } catch (error) {
    context.signal.throwIfAborted();
    // For xz the engine needs a program of its host, and podman takes no bzip2. Trying here tells that from a broken file.
    if (kind !== "xz" && kind !== "bzip2") throw error;
    return await send(context, what, plain(context, path));
  }
}

const CHUNK = 1 << 20;

function plain(context: Host, path: string): Readable {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  const bytes = decompress(file, { env: context.env, signal: context.signal });
  return Readable.from(bytes, { objectMode: false, highWaterMark: CHUNK });
}

async function lookAt(path: string): Promise<{ kind: Compression; size: number }> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(8);
    await file.read(start, 0, start.length, 0);
    return { kind: compressionOf(start), size: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

async function send(context: Host, what: Import, body: Readable, total?: number): Promise<string> {
  const { domain: _domain, tag = "latest", ...rest } = parseReference(what.reference);
  const repo = familiarName({ domain: _domain, ...rest });
  let broken: unknown;
  body.on("error", (error) => (broken ??= error));
  let id: string | undefined;
  try {
    const answer = await what.engine.stream({
      method: "POST",
      path: "/images/create",
      query: {
        fromSrc: "-",
        repo,
        tag,
        message: commentOf(context),
        changes: Object.entries(what.labels).map(([key, value]) => `LABEL ${quoted(key)}=${quoted(value)}`),
        ...(what.platform ? { platform: platformText(what.platform) } : {}),
      },
      headers: { "Content-Type": "application/x-tar" },
      body: counted(context, body, total),
      signal: context.signal,
    });
    for await (const line of jsonLines<{ status?: string }>(answer))
      if (line.status?.startsWith("sha256:")) id = line.status;
  } catch (error) {
    context.signal.throwIfAborted();
    throw isProblem(broken) ? broken : importFailed(what, error);
  }
  if (id) return id;
  throw importFailed(what, "the engine named no image");
}

/** Text in a Dockerfile's instruction, where a dollar would be a variable. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\$]/g, (character) => `\\${character}`)}"`;
}

function isProblem(error: unknown): boolean {
  return error instanceof Error && "problem" in error;
}

function importFailed(what: Import, error: unknown): RecipeError {
  const names = what.archives.map(({ path }) => path).join(", ") || "an empty archive";
  return new RecipeError(
    {
      code: "archive/import-failed",
      message: `the engine could not import ${names}`,
      notes: [error instanceof Error ? error.message : String(error)],
      help: ["see that the archive is whole (a checksum tells) and that the engine's disk has room for it"],
      option: "archives",
    },
    { cause: error },
  );
}

function counted(context: Host, body: Readable, total: number | undefined): Readable {
  let current = 0;
  body.on("data", (chunk: Buffer) => {
    current += chunk.length;
    context.progress({ step: "import", current, unit: "bytes", ...(total === undefined ? {} : { total }) });
  });
  // The listener must not make it flow before the request reads it.
  return body.pause();
}

/** What tells images of the same archives apart from others: kept as a label on what is made of them. */
export const ARCHIVES_LABEL = "org.tsbuildout.archives";

export function archivesDigest(archives: readonly ArchiveLine[], local: readonly LocalArchive[]): string {
  const parts = archives.map(({ url, prefix, checksum }, at) => [
    url,
    prefix,
    checksum ?? "",
    local[at]?.path ?? "",
  ]);
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
