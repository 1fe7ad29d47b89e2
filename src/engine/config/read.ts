import {
  constants,
  createReadStream,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import type { Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import type { Address } from "./address.js";

/** Why a file's text cannot be had; `missing` is the one reason that `optional-extends` forgives. */
export class Unreadable extends Error {
  readonly kind: string;
  readonly help: readonly string[];

  constructor(kind: string, message: string, help: readonly string[] = []) {
    super(message);
    this.kind = kind;
    this.help = help;
  }
}

/** The largest configuration that is read, in bytes. Real ones have some thousand; this keeps memory bounded. */
export const LARGEST = 64 * 1024 * 1024;

/** One name for all spellings of a local file, links included; the address itself where it is not there or a URL. */
export function identity(address: Address): string {
  if (address.kind === "url") return address.url;
  try {
    return realpathSync(address.path);
  } catch {
    return address.path;
  }
}

export interface Reading {
  readonly signal?: AbortSignal | undefined;
  readonly patience?: number;
}

/** A local file's text. Throws Unreadable. A pipe (`-c <(…)`) is read until its end, or until the signal. */
export async function readLocal(file: string, reading: Reading = {}): Promise<string> {
  const { signal } = reading;
  try {
    const stat = statSync(file);
    if (stat.isDirectory())
      throw new Unreadable("not-a-file", `${file} is a directory, not a configuration file`);
    if (stat.isFIFO()) return decode(await readPipe(file, reading), file);
    // The files of /proc have no size and may never end.
    if (!stat.isFile() || stat.size === 0)
      return decode(await collect(createReadStream(file, { signal }), file), file);
    if (stat.size > LARGEST) throw tooLarge(file);
    return decode(readFileSync(file), file);
  } catch (error) {
    signal?.throwIfAborted();
    throw explained(error, file);
  }
}

/** How long a pipe may have nobody who writes to it, in milliseconds. */
const PATIENCE = 10_000;

/** Opened and read in the common way, a pipe holds the process until somebody writes, whatever the signal says. */
async function readPipe(file: string, { signal, patience = PATIENCE }: Reading): Promise<Buffer> {
  const { Socket } = await import("node:net");
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false, ...(signal && { signal }) });
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0 && isAtEnd(fd, socket))
      socket.destroy(new Unreadable("unreadable-file", `${file} is a pipe that nobody writes to`));
  }, patience);
  try {
    return await collect(socket, file);
  } finally {
    clearTimeout(timer);
  }
}

function isAtEnd(fd: number, socket: Socket): boolean {
  const byte = Buffer.alloc(1);
  try {
    if (readSync(fd, byte) === 0) return true;
    socket.unshift(byte);
  } catch {
    // EAGAIN: somebody has it open, and takes time.
  }
  return false;
}

async function collect(stream: AsyncIterable<Buffer>, file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > LARGEST) throw tooLarge(file);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function tooLarge(name: string): Unreadable {
  return new Unreadable("too-large", `${name} is larger than ${LARGEST / 1024 / 1024} MB`, [
    "a configuration file is text that a person writes; is this the right file?",
  ]);
}

/** UTF-8 text, a BOM skipped. Throws Unreadable with the offset of the first wrong byte. */
export function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Unreadable("not-text", `${name} is not text in UTF-8: see byte ${firstWrongByte(bytes)}`, [
      "save the file as UTF-8",
    ]);
  }
}

function firstWrongByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      // A cut character at the end is not yet wrong: stream says that more may follow.
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

/** Who stands in a folder below meant the file of the project. */
function above(file: string): readonly string[] {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(dirname(folder), basename(file));
    if (existsSync(path)) return [`there is one in a folder above: ${path}`];
  }
  return [];
}

function explained(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || error instanceof Unreadable) return error;
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return new Unreadable("missing-file", `there is no file ${file}`, above(file));
    case "EACCES":
    case "EPERM":
      return new Unreadable("unreadable-file", `${file} may not be read by this user`);
    case "ELOOP":
      return new Unreadable("unreadable-file", `${file} is a symbolic link that leads back to itself`);
    case "ENAMETOOLONG":
      return new Unreadable("missing-file", `the name of the file is too long: ${file.slice(0, 80)}…`);
    case undefined:
      return error;
    default:
      return new Unreadable("unreadable-file", `${file} cannot be read: ${error.message}`);
  }
}
