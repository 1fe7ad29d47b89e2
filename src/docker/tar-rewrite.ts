import type { Readable } from "node:stream";
import type { Outlet } from "./outlet.js";
import { readPax, type PaxRecord } from "./pax.js";
import { DockerError } from "./errors.js";
import {
  BLOCK,
  fitsOctal,
  isSealed,
  isZero,
  paddingOf,
  readNumber,
  readText,
  seal,
  writeNumber,
  writeText,
} from "./tar-header.js";
import { extendedHeader, metaBlocks } from "./tar-write.js";

/** What a rewriter is told of an entry of an archive. Texts are byte strings (latin1). */
export interface ArchiveEntry {
  /** As the archive has it, a directory's trailing slash taken away. */
  readonly name: string;
  /** The target of a hard link or symlink, else empty. */
  readonly link: string;
  readonly type: string;
  /** Bytes of content in the archive. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, with a fraction. */
  readonly mtime: number;
}

/** What becomes of an entry; what is not said stays as it is, byte for byte. */
export interface Rewritten {
  readonly name?: string;
  /** Only for hard links: a symlink's target is content. */
  readonly link?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Nanoseconds since 1970, where the archive has lost the fraction. */
  readonly mtime?: string;
}

/** Drops the entry where it answers undefined. */
export type Rewriter = (entry: ArchiveEntry) => Rewritten | undefined;

export const isDirectory = (entry: ArchiveEntry): boolean => entry.type === "5";
export const isHardLink = (entry: ArchiveEntry): boolean => entry.type === "1";

/** No name, target or attribute is near this long. */
const META_LIMIT = 8 * 1024 * 1024;

/**
 * Changes names and owners in a tar stream and nothing else: contents, times, sparse maps and extended records pass as
 * the bytes that they are. Memory is bounded by the size of a chunk. The end-of-archive blocks are taken away, so that
 * several archives can follow each other.
 * @throws DockerError `archive/broken`, `archive/cut-off`
 */
export async function* rewriteTar(
  source: AsyncIterable<Buffer>,
  rewriter: Rewriter,
): AsyncGenerator<Buffer, void, undefined> {
  const scanner = new TarRewriter(rewriter);
  for await (const chunk of source) {
    const out = scanner.push(chunk);
    if (out) yield out;
  }
  scanner.finish("end or not");
}

/** The same from a stream into another one, of an archive that must come to its own end. */
export async function passTar(outlet: Outlet, source: Readable, rewriter: Rewriter): Promise<void> {
  const scanner = new TarRewriter(rewriter);
  await outlet.pass(source, (chunk) => scanner.push(chunk));
  scanner.finish();
}

/** What the next bytes of the archive are. */
type State =
  | { readonly kind: "header" }
  | { readonly kind: "meta"; readonly type: string; readonly size: number }
  | { readonly kind: "sparse" }
  | { readonly kind: "body"; readonly keep: boolean }
  | { readonly kind: "end" };

/** `rewriteTar` for who has the chunks. After the last one comes `finish()`. */
export class TarRewriter {
  readonly #rewriter: Rewriter;
  #state: State = { kind: "header" };
  /** Bytes of the state's piece that are still to come. */
  #left = BLOCK;
  #held: Buffer[] = [];
  #pax: PaxRecord[] = [];
  #longName: string | undefined;
  #longLink: string | undefined;
  #keepBody = false;
  #bodyLeft = 0;
  #ended = false;

  constructor(rewriter: Rewriter) {
    this.#rewriter = rewriter;
  }

  /** @returns what of the archive can be passed on now, if anything */
  push(chunk: Buffer): Buffer | undefined {
    const out: Buffer[] = [];
    for (let at = 0; at < chunk.length && this.#state.kind !== "end"; ) {
      const end = Math.min(chunk.length, at + this.#left);
      const piece = chunk.subarray(at, end);
      at = end;
      this.#left -= piece.length;
      if (this.#state.kind !== "body") this.#held.push(piece);
      else if (this.#state.keep) out.push(piece);
      while (this.#left === 0) this.#next(out);
    }
    return out.length < 2 ? out[0] : Buffer.concat(out);
  }

  /** @param how whether an archive may do without its end, as some programs write them */
  finish(how?: "end or not"): void {
    if (this.#ended) return;
    const between = this.#state.kind === "header" && this.#left === BLOCK && this.#pax.length === 0;
    if (!between) throw broken("archive/cut-off", "the archive ends within an entry");
    if (!how) throw broken("archive/cut-off", "the archive has no end");
  }

  #next(out: Buffer[]): void {
    const state = this.#state;
    if (state.kind === "end") this.#left = Infinity;
    else if (state.kind === "header") this.#header(out, this.#take());
    else if (state.kind === "meta") this.#meta(state, this.#take());
    else if (state.kind === "sparse") this.#sparse(out, this.#take());
    else this.#expectHeader();
  }

  #take(): Buffer {
    const [only, ...more] = this.#held;
    this.#held = [];
    return only && more.length === 0 ? only : Buffer.concat([...(only ? [only] : []), ...more]);
  }

  #expectHeader(): void {
    this.#state = { kind: "header" };
    this.#left = BLOCK;
  }

  #header(out: Buffer[], block: Buffer): void {
    if (!isSealed(block)) {
      if (!isZero(block)) throw broken("archive/broken", "a block that should be a header is none");
      this.#ended = true;
      this.#state = { kind: "end" };
      this.#left = Infinity;
      return;
    }
    const type = readText(block, "type") || "0";
    if ("xgLK".includes(type)) {
      const size = sizeOf(readNumber(block, "size"));
      if (size > META_LIMIT) throw broken("archive/broken", "an extended header is too long");
      this.#state = { kind: "meta", type, size };
      this.#left = size + paddingOf(size);
      return;
    }
    this.#entry(out, block, type);
  }

  #meta(state: { readonly type: string; readonly size: number }, bytes: Buffer): void {
    const content = bytes.subarray(0, state.size);
    if (state.type === "x") this.#pax = parsePax(content);
    const text = content.toString("latin1").replace(/\0.*$/s, "");
    if (state.type === "L") this.#longName = text;
    if (state.type === "K") this.#longLink = text;
    // A global header (`g`) says nothing that an engine heeds, and must not reach into an archive that follows.
    this.#expectHeader();
  }

  #entry(out: Buffer[], original: Buffer, type: string): void {
    // A copy: the chunk may be somebody else's.
    const block = Buffer.from(original);
    const pax = this.#pax;
    const entry: ArchiveEntry = {
      name: stripSlash(
        this.#longName ?? value(pax, "GNU.sparse.name") ?? value(pax, "path") ?? fullName(block),
      ),
      link: this.#longLink ?? value(pax, "linkpath") ?? readText(block, "link"),
      type: type === "7" ? "0" : type,
      size: hasBody(type) ? sizeOf(Number(value(pax, "size") ?? readNumber(block, "size"))) : 0,
      mode: readNumber(block, "mode"),
      uid: Number(value(pax, "uid") ?? readNumber(block, "uid")),
      gid: Number(value(pax, "gid") ?? readNumber(block, "gid")),
      mtime: Number(value(pax, "mtime") ?? readNumber(block, "mtime")),
    };
    const to = this.#rewriter(entry);
    if (to) out.push(...writeEntry({ block, pax, entry, to, gnu: this.#isGnu(block) }));
    this.#pax = [];
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#keepBody = to !== undefined;
    this.#bodyLeft = entry.size + paddingOf(entry.size);
    if (type === "S" && block[482]) {
      this.#state = { kind: "sparse" };
      this.#left = BLOCK;
    } else this.#expectBody();
  }

  /** Whether long names of this entry are GNU's, and not pax's. */
  #isGnu(block: Buffer): boolean {
    return block.toString("latin1", 257, 265) === "ustar  \0" && this.#pax.length === 0;
  }

  /** Old GNU sparse maps go on in blocks of their own. */
  #sparse(out: Buffer[], block: Buffer): void {
    if (this.#keepBody) out.push(block);
    if (block[504]) this.#left = BLOCK;
    else this.#expectBody();
  }

  #expectBody(): void {
    this.#state = { kind: "body", keep: this.#keepBody };
    this.#left = this.#bodyLeft;
  }
}

/** With any other number, what follows would never be found. */
function sizeOf(size: number): number {
  if (Number.isInteger(size) && size >= 0) return size;
  throw broken("archive/broken", "an entry says no size");
}

function hasBody(type: string): boolean {
  return !"123456".includes(type);
}

function fullName(block: Buffer): string {
  const name = readText(block, "name");
  // In GNU's format the prefix's place holds times and sparse maps.
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? readText(block, "prefix") : "";
  return prefix ? `${prefix}/${name}` : name;
}

function stripSlash(name: string): string {
  return name.length > 1 ? name.replace(/\/+$/, "") : name;
}

/** Of several records with one name the last one counts. */
function value(pax: readonly PaxRecord[], key: string): string | undefined {
  return pax.findLast((record) => record.key === key)?.value.toString("latin1");
}

function parsePax(content: Buffer): PaxRecord[] {
  try {
    // A copy: the records outlive the chunk.
    return readPax(Buffer.from(content));
  } catch (error) {
    throw broken("archive/broken", error instanceof Error ? error.message : "a broken extended header");
  }
}

function broken(code: string, why: string): DockerError {
  return new DockerError({ code, message: "the tar archive cannot be read", notes: [why] });
}

interface Writing {
  readonly block: Buffer;
  readonly pax: readonly PaxRecord[];
  readonly entry: ArchiveEntry;
  readonly to: Rewritten;
  readonly gnu: boolean;
}

const NAME_ROOM = 100;

/** The entry's header blocks with what is to be different. */
function writeEntry(writing: Writing): Buffer[] {
  const { block, entry, to, gnu } = writing;
  const pax = new Map(writing.pax.map(({ key, value }) => [key, value]));
  const before: Buffer[] = [];
  const put = (key: "path" | "linkpath", text: string): void => {
    pax.delete(key);
    const field = key === "path" ? "name" : "link";
    writeText(block, field, text.slice(0, NAME_ROOM));
    if (text.length <= NAME_ROOM) return;
    if (gnu) before.push(longBlock(key === "path" ? "L" : "K", text));
    else pax.set(key, Buffer.from(text, "latin1"));
  };
  const name = `${to.name ?? entry.name}${isDirectory(entry) ? "/" : ""}`;
  if (!gnu && readText(block, "prefix")) writeText(block, "prefix", "");
  put("path", name);
  if (pax.has("GNU.sparse.name")) pax.set("GNU.sparse.name", Buffer.from(name, "latin1"));
  const link = to.link ?? entry.link;
  if (link !== "") put("linkpath", link);
  for (const key of ["uid", "gid"] as const) if (to[key] !== undefined) setOwner(block, pax, key, to[key]);
  if (to.mtime !== undefined) pax.set("mtime", Buffer.from(to.mtime, "latin1"));
  seal(block);
  const records = [...pax].map(([key, value]) => ({ key, value }));
  return [...before, ...(records.length > 0 ? [extendedHeader(records)] : []), block];
}

function setOwner(block: Buffer, pax: Map<string, Buffer>, key: "uid" | "gid", id: number): void {
  pax.delete(key);
  // A name would win over the number where it is known.
  pax.delete(key === "uid" ? "uname" : "gname");
  block.fill(0, key === "uid" ? 265 : 297, key === "uid" ? 297 : 329);
  writeNumber(block, key, fitsOctal(id, key) ? id : 0);
  if (!fitsOctal(id, key)) pax.set(key, Buffer.from(String(id), "latin1"));
}

function longBlock(type: "L" | "K", text: string): Buffer {
  return metaBlocks(type, Buffer.from(`${text}\0`, "latin1"), "././@LongLink");
}
