/** A file of a container becomes a file of this machine, whole or not at all. */
import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { compress } from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Schema } from "tsbuildout/recipe";
import type { Work } from "./gentoo-exec.js";
import { openFile } from "./gentoo-disk-source.js";
import { SparseFile } from "./gentoo-sparse.js";
import { isOwn, writeWhole } from "./own-file.js";

type Host = InstallContext<Schema>;

const EXTENSIONS = { gzip: ".gz", xz: ".xz", zstd: ".zst" } as const;
type Compressor = keyof typeof EXTENSIONS;

export interface TakingOut {
  /** In the container. */
  readonly path: string;
  /** On this machine. */
  readonly folder: string;
  readonly compress: Compressor | undefined;
  /** Write `<file>.sha256` as well. */
  readonly checksum: boolean;
}

export interface Taken {
  readonly path: string;
  /** Bytes of the file that was written. */
  readonly size: number;
  readonly sha256: string;
}

/**
 * Takes a file out of a container. Blocks of zeros become holes; the file appears under its name when it is whole.
 * @throws RecipeError `gentoo/no-image-file`, `gentoo/no-space`
 */
export async function takeOut(context: Host, work: Work, what: TakingOut): Promise<Taken> {
  const name = `${basename(what.path)}${what.compress ? EXTENSIONS[what.compress] : ""}`;
  const target = join(what.folder, name);
  const source = await openFile(context, work, what.path);
  try {
    const write = async (partial: string) =>
      await fill(context, source, { partial, compress: what.compress });
    const written = await writeWhole(context, target, write);
    await writeChecksum(context, { target, checksum: what.checksum, sha256: written.sha256 });
    return { path: target, ...written };
  } catch (error) {
    throw fullDisk(error, what.folder);
  } finally {
    source.stream.destroy();
  }
}

interface Writing {
  readonly partial: string;
  readonly compress: Compressor | undefined;
}

async function fill(
  context: Host,
  source: { readonly stream: Readable; readonly size: number | undefined },
  { partial, compress: kind }: Writing,
): Promise<{ size: number; sha256: string }> {
  const { signal } = context;
  const file = await SparseFile.create(partial);
  let current = 0;
  source.stream.on("data", (chunk: Buffer) => {
    current += chunk.length;
    const total = source.size === undefined ? {} : { total: source.size };
    context.progress({ step: "save", current, unit: "bytes", ...total });
  });
  source.stream.pause();
  try {
    await pipeline(kind ? compressed(context, source.stream, kind) : source.stream, file, { signal });
  } catch (error) {
    file.destroy();
    throw error;
  }
  if (source.size !== undefined && current !== source.size)
    throw new RecipeError({
      code: "gentoo/cut-short",
      message: `${current} of ${source.size} bytes came from the engine`,
    });
  return { size: file.size, sha256: file.sha256 };
}

/** By all processors: a disk is large. */
function compressed(context: Host, stream: Readable, kind: Compressor): Readable {
  const env = { ...context.env, XZ_OPT: "-T0", ZSTD_NBTHREADS: "0" };
  return Readable.from(compress(stream, kind, { env, signal: context.signal }), { objectMode: false });
}

interface Checksum {
  readonly target: string;
  readonly checksum: boolean;
  readonly sha256: string;
}

/** As sha256sum writes it, and removed where it would be about another file. */
async function writeChecksum(context: Host, { target, checksum, sha256 }: Checksum): Promise<void> {
  const name = `${target}.sha256`;
  const line = `${sha256}  ${basename(target)}\n`;
  if (checksum) await writeWhole(context, name, async (path) => await writeFile(path, line, { flush: true }));
  else if (isOwn(context, name)) {
    await rm(name, { force: true });
    await context.removed({ kind: "file", name });
  }
}

function fullDisk(error: unknown, folder: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new RecipeError(
    {
      code: "gentoo/no-space",
      message: `there is no space left in ${folder} for the disk image`,
      help: ["free some, name another location, or set compress"],
      option: "location",
    },
    { cause: error },
  );
}
