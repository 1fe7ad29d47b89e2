/**
 * A build context over a session: the builder asks for what it needs, file by file, and keeps no archive of it
 * (buildkit: session/filesync; github.com/tonistiigi/fsutil, send.go).
 */
import { createHash, hash } from "node:crypto";
import { basename } from "node:path";
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import type { BuildContext } from "./context.js";
import { DockerError } from "./errors.js";
import {
  dataHead,
  decodePacket,
  FAILED,
  FINISHED,
  OVERHEAD,
  PacketWriter,
  type Packet,
  REQUEST,
} from "./filesync-packet.js";
import { MessageReader } from "./grpc.js";
import { CHUNK, largeChunks, readSmall, SMALL } from "./tree-read.js";
import { byteString, textOf, type TreeEntry } from "./tree.js";

/** A folder that a builder may read. */
export interface SharedFolder {
  readonly root: string;
  readonly files: readonly TreeEntry[];
  /** In the words of `.dockerignore`, what of the folder is not among the files. */
  readonly patterns: string;
  /** Is asked for by itself, and need not be among the files. */
  readonly dockerfile: { readonly name: string; readonly content: Buffer };
  /** Of the files that were sent whole, by path: what the builder has, whoever writes to the folder meanwhile. */
  readonly digests: Map<string, string>;
  /** Why a file could not be read: the reason for what the builder then says. */
  broken?: unknown;
  /** Called when a builder has all of the files, and goes on without the folder. */
  sent?: () => void;
}

interface SharedFile {
  readonly entry: TreeEntry;
  /** Of a file that is not in the folder. */
  readonly content?: Buffer;
}

/** @returns undefined where the protocol cannot carry what is in the folder: names that are not UTF-8 */
export async function shareContext(context: BuildContext): Promise<SharedFolder | undefined> {
  const { root, listed, patterns, dockerfile, dockerfileContent: content } = context;
  const { entries, visible } = await listed;
  if (entries.some(({ path, target = "" }) => !isUtf8(path) || !isUtf8(target))) return undefined;
  const digests = new Map([[byteString(dockerfile), hash("sha256", content)]]);
  return { root, files: visible, patterns, dockerfile: { name: basename(dockerfile), content }, digests };
}

const NOBODY = {
  type: "file",
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  inode: "",
  links: 1,
  device: 0,
} as const;

function isUtf8(bytes: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7F]*$/.test(bytes) || byteString(textOf(bytes)) === bytes;
}

/** What one call of FileSync/DiffCopy asks for. */
export interface FolderRequest {
  /** `context` or `dockerfile`. */
  readonly name: string;
  /** The paths that the build reads at all; everything where there are none. */
  readonly paths: readonly string[];
}

/** Serves one call of FileSync/DiffCopy, to its end. */
export async function sendFolder(
  stream: Duplex,
  { name, paths }: FolderRequest,
  folder: SharedFolder,
): Promise<void> {
  if (name === "dockerfile") return await new Sender(stream, folder, [dockerfileOf(folder)]).run();
  const { files } = folder;
  const wanted = paths.map(plain);
  // More than is asked for does no harm.
  const all = wanted.length === 0 || wanted.some((path) => path === "" || /[*?[\\%]/.test(path));
  const sent = all ? files : chosen(files, wanted.map(byteString));
  await new Sender(
    stream,
    folder,
    sent.map((entry) => ({ entry })),
  ).run();
  if (all) folder.sent?.();
}

function dockerfileOf({ dockerfile: { name, content } }: SharedFolder): SharedFile {
  return { entry: { ...NOBODY, path: byteString(name), mode: 0o644, size: content.length }, content };
}

/** `./a/`, `/a` -> `a` */
function plain(path: string): string {
  return path
    .replace(/^(\.?\/)+/, "")
    .replace(/\/+$/, "")
    .replace(/^\.$/, "");
}

/** What is at or below the paths, and the folders on the way; everything where a symlink may lead elsewhere. */
function chosen(files: readonly TreeEntry[], paths: readonly string[]): readonly TreeEntry[] {
  const leads = (path: string): boolean => paths.some((one) => one === path || one.startsWith(`${path}/`));
  const below = (path: string): boolean => paths.some((one) => path.startsWith(`${one}/`));
  if (files.some(({ type, path }) => type === "symlink" && leads(path))) return files;
  return files.filter(({ path }) => leads(path) || below(path));
}

/** Bytes of the list that go out at once: the builder begins with the first files while the last are still listed. */
const LISTED = 64 * 1024;

class Sender {
  readonly #stream: Duplex;
  readonly #folder: SharedFolder;
  readonly #files: readonly SharedFile[];
  readonly #base: string;
  readonly #writer = new PacketWriter(CHUNK);
  /** Files that were asked for and are not sent yet. */
  readonly #asked: number[] = [];
  #finished = false;
  #wake: () => void = () => undefined;
  /** The writes that are under way; two of them, so that one is read while the other is sent. */
  #before: Promise<void> = Promise.resolve();
  #last: Promise<void> = Promise.resolve();

  constructor(stream: Duplex, folder: SharedFolder, files: readonly SharedFile[]) {
    this.#stream = stream;
    this.#folder = folder;
    this.#files = files;
    this.#base = byteString(folder.root.endsWith("/") ? folder.root : `${folder.root}/`);
  }

  async run(): Promise<void> {
    // Reading goes on until the call is over: whoever stops reading early resets it.
    const refused = this.#listen().then(() => new Promise<never>(() => undefined));
    try {
      await Promise.race([this.#send(), refused]);
    } catch (error) {
      if (error instanceof DockerError) {
        this.#folder.broken ??= error;
        this.#writer.take();
        this.#writer.word(FAILED, error.message);
        await this.#flush().catch(() => undefined);
      }
      throw error;
    }
  }

  /** A builder asks for each file by itself: to wait for each of these messages would cost more than to read them. */
  async #listen(): Promise<void> {
    const reader = new MessageReader();
    this.#stream.on("data", (chunk: Buffer) => {
      try {
        for (const message of reader.read(chunk)) this.#hear(decodePacket(message));
        this.#wake();
      } catch (error) {
        this.#stream.destroy(error as Error);
      }
    });
    try {
      await finished(this.#stream, { writable: false });
    } finally {
      this.#finished = true;
      this.#wake();
    }
  }

  #hear({ type, id, text }: Packet): void {
    if (type === REQUEST) this.#asked.push(id);
    else if (type === FAILED) throw new Error(text);
    else if (type === FINISHED) this.#finished = true;
  }

  async #send(): Promise<void> {
    await this.#list();
    let at = 0;
    while (at < this.#asked.length || !this.#finished) {
      const id = this.#asked[at];
      if (id !== undefined) {
        at += 1;
        await this.#file(id);
      } else if (this.#writer.used > 0) await this.#flush();
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#writer.word(FINISHED);
    await this.#flush();
    await this.#last;
  }

  async #list(): Promise<void> {
    const linked = new Map<string, string>();
    for (const { entry } of this.#files) {
      const first = entry.links > 1 && entry.type !== "directory" ? linked.get(entry.inode) : undefined;
      if (entry.links > 1 && first === undefined) linked.set(entry.inode, entry.path);
      const link = first ?? entry.target;
      if (this.#writer.used + entry.path.length + (link?.length ?? 0) > LISTED) await this.#flush();
      this.#writer.stat(entry, link);
    }
    this.#writer.listed();
    await this.#flush();
  }

  async #file(id: number): Promise<void> {
    const file = this.#files[id];
    if (!file) throw new Error(`the builder asks for file ${id}, of which it was not told`);
    const { entry, content } = file;
    if (content) await this.#content(id, content);
    else if (entry.size > SMALL) await this.#large(id, entry);
    else await this.#small(id, entry);
    // An empty piece is the end of the file.
    await this.#piece(id, 0, () => undefined);
  }

  async #piece(id: number, length: number, fill: (into: Buffer) => void): Promise<void> {
    if (!this.#writer.has(OVERHEAD + length)) await this.#flush();
    this.#writer.data(id, length, fill);
  }

  async #content(id: number, content: Buffer): Promise<void> {
    for (let at = 0; at < content.length; at += SMALL) {
      const piece = content.subarray(at, at + SMALL);
      await this.#piece(id, piece.length, (into) => void piece.copy(into));
    }
  }

  async #small(id: number, entry: TreeEntry): Promise<void> {
    if (entry.size === 0) return void this.#folder.digests.set(entry.path, hash("sha256", ""));
    await this.#piece(id, entry.size, (into) => {
      readSmall(this.#path(entry), into);
      this.#folder.digests.set(entry.path, hash("sha256", into));
    });
  }

  async #large(id: number, entry: TreeEntry): Promise<void> {
    if (this.#writer.used > 0) await this.#flush();
    const whole = createHash("sha256");
    for await (const chunk of largeChunks({
      path: this.#path(entry),
      size: entry.size,
      headroom: OVERHEAD,
    })) {
      const head = dataHead(id, chunk.length - OVERHEAD);
      const start = OVERHEAD - head.length;
      head.copy(chunk, start);
      await this.#write(chunk.subarray(start));
      whole.update(chunk.subarray(OVERHEAD));
    }
    this.#folder.digests.set(entry.path, whole.digest("hex"));
  }

  #path(entry: TreeEntry): Buffer {
    return Buffer.from(this.#base + entry.path, "latin1");
  }

  async #flush(): Promise<void> {
    await this.#write(this.#writer.take());
  }

  async #write(bytes: Buffer): Promise<void> {
    const before = this.#before;
    this.#before = this.#last;
    this.#last = new Promise((resolve, reject) => {
      this.#stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    this.#last.catch(() => undefined);
    await before;
  }
}
