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
 * Several archives as one tar stream, as if they were unpacked over each other in the order given: names, owners, times,
 * attributes and contents as they are in each, names below the prefixes. A file of a later archive replaces an earlier one;
 * folders keep what the first says of them, and a symlink that stands for a folder stays. No name comes twice, which
 * engines refuse. Never in memory or on disk as a whole; files on the host are read twice, all but the first.
 * @throws (in the stream) DockerError `archive/…`, `folder/unreadable`
 */
export function mergeTars(parts: readonly ArchivePart[], options: CompressionOptions): Readable {
  const whole = async function* (): AsyncGenerator<Buffer> {
    const names = await Promise.all(
      parts.map(async (part, at) => await namesOf(at === 0 ? undefined : part, options)),
    );
    const there = new Set<string>();
    for (const [at, { source, prefix = "" }] of parts.entries()) {
      const later = names.slice(at + 1);
      const folder = byteString(pieces(prefix).join("/"));
      yield* newFolders(folder, there);
      yield* rewriteTar(decompress(read(source), options), (entry) => {
        const to = below(folder, entry);
        return to && isWanted(entry, to.name, { there, later }) ? to : undefined;
      });
    }
    yield END_OF_ARCHIVE;
  };
  return Readable.from(whole(), { objectMode: false });
}

/** What an archive has under each name in the whole: a folder or something else. */
type Names = ReadonlyMap<string, "folder" | "other">;

/** Bytes that come as a stream cannot be read twice: of them nothing is known before. */
async function namesOf(part: ArchivePart | undefined, options: CompressionOptions): Promise<Names> {
  const names = new Map<string, "folder" | "other">();
  const { source, prefix = "" } = part ?? {};
  if (typeof source !== "string") return names;
  const folder = byteString(pieces(prefix).join("/"));
  const scan = rewriteTar(decompress(read(source), options), (entry) => {
    const to = below(folder, entry);
    if (to) names.set(to.name, isDirectory(entry) ? "folder" : "other");
    return undefined;
  });
  for await (const _ of scan) continue;
  return names;
}

interface Others {
  /** Names that are in the whole already. */
  readonly there: Set<string>;
  readonly later: readonly Names[];
}

function isWanted(entry: ArchiveEntry, name: string, { there, later }: Others): boolean {
  if (there.has(name)) return false;
  if (!isDirectory(entry) && later.some((names) => replaces(names.get(name), entry))) return false;
  there.add(name);
  return true;
}

function replaces(other: "folder" | "other" | undefined, entry: ArchiveEntry): boolean {
  return other === "other" || (other === "folder" && entry.type !== SYMLINK);
}

const SYMLINK = "2";

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

function below(prefix: string, entry: ArchiveEntry): (Rewritten & { readonly name: string }) | undefined {
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
