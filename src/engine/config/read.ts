import { createReadStream, readFileSync, realpathSync, statSync } from "node:fs";
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

/** A local file's text. Throws Unreadable. A pipe (`-c <(…)`) is read until its end or until the signal. */
export async function readLocal(file: string, signal?: AbortSignal): Promise<string> {
  try {
    const stat = statSync(file);
    if (stat.isDirectory())
      throw new Unreadable("not-a-file", `${file} is a directory, not a configuration file`);
    if (!stat.isFile()) return decode(await readStream(file, signal), file);
    if (stat.size > LARGEST) throw tooLarge(file);
    return decode(readFileSync(file), file);
  } catch (error) {
    throw explained(error, file);
  }
}

async function readStream(file: string, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
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

function explained(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || error instanceof Unreadable) return error;
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return new Unreadable("missing-file", `there is no file ${file}`);
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
