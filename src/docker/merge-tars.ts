import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { decompress, type CompressionOptions } from "./compression.js";
import { isDirectory, isHardLink, rewriteTar, type ArchiveEntry, type Rewritten } from "./tar-rewrite.js";
import { END_OF_ARCHIVE, tarHeader } from "./tar-write.js";
import { byteString, unreadable } from "./tree.js";

/** An archive that becomes a piece of a larger one. */
export interface ArchivePart {
  /** A file on the host, or its bytes; compressed in any way that the system has a program for. */
  readonly source: string | Readable;
  /** The folder of the whole in which its content goes: `var/db/repos`; its root unless said. */
  readonly prefix?: string;
}

/**
 * Several archives as one tar stream, in the order given: names, owners, times, attributes and contents as they are in
 * each, names below the prefixes. Never in memory or on disk as a whole.
 * @throws (in the stream) DockerError `archive/…`, `folder/unreadable`
 */
export function mergeTars(parts: readonly ArchivePart[], options: CompressionOptions): Readable {
  const whole = async function* (): AsyncGenerator<Buffer> {
    const there = new Set<string>();
    for (const { source, prefix = "" } of parts) {
      const folder = byteString(pieces(prefix).join("/"));
      yield* newFolders(folder, there);
      yield* rewriteTar(decompress(read(source), options), (entry) => {
        const to = below(folder, entry);
        if (to?.name !== undefined && isDirectory(entry)) there.add(to.name);
        return to;
      });
    }
    yield END_OF_ARCHIVE;
  };
  return Readable.from(whole(), { objectMode: false });
}

function pieces(path: string): string[] {
  return path.split("/").filter((piece) => piece !== "" && piece !== ".");
}

/** The folders of a prefix that no archive before it has brought: an engine would make them unreadable for users. */
function* newFolders(prefix: string, there: Set<string>): Generator<Buffer> {
  for (const [at] of pieces(prefix).entries()) {
    const name = pieces(prefix)
      .slice(0, at + 1)
      .join("/");
    if (there.has(name)) continue;
    there.add(name);
    yield tarHeader({ name: `${name}/`, type: "5", mode: 0o755, uid: 0, gid: 0, size: 0, mtimeNs: 0n });
  }
}

async function* read(source: string | Readable): AsyncGenerator<Buffer, void, undefined> {
  if (typeof source !== "string") {
    yield* source as AsyncIterable<Buffer>;
    return;
  }
  try {
    yield* createReadStream(source, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw unreadable(byteString(source), error);
  }
}

function below(prefix: string, entry: ArchiveEntry): Rewritten | undefined {
  const name = joined(prefix, entry.name);
  // A root's own entry: without a prefix it is the engine's to make.
  if (name === "") return undefined;
  return { name, ...(isHardLink(entry) ? { link: joined(prefix, entry.link) } : {}) };
}

/** Names begin with `./`, with `/` or with neither: in the whole all begin alike. */
function joined(prefix: string, name: string): string {
  const plain = name.replace(/^(?:\.?\/+)+/, "").replace(/^\.$/, "");
  return prefix === "" || plain === "" ? `${prefix}${plain}` : `${prefix}/${plain}`;
}
