/** The messages of fsutil's transfer of a folder (github.com/tonistiigi/fsutil, types/wire.proto and types/stat.proto). */
import { fieldsOf, numberOf, textOf } from "./protobuf.js";
import { majorMinor } from "./tree-pack.js";
import type { TreeEntry } from "./tree.js";

export const REQUEST = 1;
const DATA = 2;
export const FINISHED = 3;
export const FAILED = 4;

/** A packet that the receiver sends. */
export interface Packet {
  readonly type: number;
  /** Which file it is about: its place among the listed. */
  readonly id: number;
  readonly text: string;
}

export function decodePacket(message: Uint8Array): Packet {
  const packet = { type: 0, id: 0, text: "" };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) packet.type = numberOf(field);
    else if (field.number === 3) packet.id = numberOf(field);
    else if (field.number === 4) packet.text = textOf(field);
  }
  return packet;
}

/** Go's bits for what a file is (io/fs, FileMode). */
const KINDS = {
  file: 0,
  directory: 2 ** 31,
  symlink: 2 ** 27,
  block: 2 ** 26,
  character: 2 ** 26 + 2 ** 21,
  fifo: 2 ** 25,
} as const;

/** The three bits above the permissions: Linux's -> Go's. */
const SPECIAL = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
] as const;

export function goMode({ type, mode }: Pick<TreeEntry, "type" | "mode">): number {
  const special = SPECIAL.reduce((sum, [linux, go]) => sum + ((mode & linux) === 0 ? 0 : go), 0);
  return KINDS[type] + special + (mode & 0o777);
}

/**
 * Packets with gRPC's framing, written into one buffer after the other.
 * It is what a build of many small files spends its time with, and so makes no object for each of them.
 */
export class PacketWriter {
  #buffer: Buffer;
  #used = 0;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    this.#buffer = Buffer.allocUnsafe(size);
  }

  get used(): number {
    return this.#used;
  }

  /** Whether so many bytes fit in besides what is there. */
  has(bytes: number): boolean {
    return this.#used + bytes <= this.#size;
  }

  /** What has been written; the writer goes on with a new buffer. */
  take(): Buffer {
    const full = this.#buffer.subarray(0, this.#used);
    this.#buffer = Buffer.allocUnsafe(this.#size);
    this.#used = 0;
    return full;
  }

  /** One entry of the list. Everything belongs to root, as the docker CLI has it. @param link of a symlink or a hard link */
  stat(entry: TreeEntry, link: string | undefined): void {
    const frame = this.#begin(5);
    this.#byte(0x12);
    const outer = this.#used;
    this.#used += 3;
    this.#bytes(0x0a, entry.path);
    this.#varint(0x10, goMode(entry));
    const hard = link !== undefined && entry.type !== "symlink";
    if (entry.size > 0 && !hard) this.#varint(0x28, entry.size);
    this.#time(entry.mtimeNs);
    if (link !== undefined) this.#bytes(0x3a, link);
    const { major = 0, minor = 0 } = majorMinor(entry);
    if (major > 0) this.#varint(0x40, major);
    if (minor > 0) this.#varint(0x48, minor);
    this.#fixed(outer, this.#used - outer - 3);
    this.#end(frame);
  }

  /** The end of the list. */
  listed(): void {
    this.#end(this.#begin(5));
  }

  /** A piece of a file, filled in by `fill` or following by itself; an empty one says that the file is over. */
  data(id: number, length: number, fill: ((into: Buffer) => void) | undefined): void {
    const frame = this.#begin(5);
    this.#varint(0x08, DATA);
    if (id > 0) this.#varint(0x18, id);
    if (length > 0) this.#varint(0x22, length);
    fill?.(this.#buffer.subarray(this.#used, this.#used + length));
    if (fill) this.#used += length;
    this.#end(frame, fill ? 0 : length);
  }

  word(type: typeof FINISHED | typeof FAILED, text = ""): void {
    const frame = this.#begin(5);
    this.#varint(0x08, type);
    if (text !== "") this.#bytes(0x22, Buffer.from(text).toString("latin1"));
    this.#end(frame);
  }

  #begin(head: number): number {
    const at = this.#used;
    this.#used += head;
    return at;
  }

  #end(frame: number, following = 0): void {
    this.#buffer[frame] = 0;
    this.#buffer.writeUInt32BE(this.#used + following - frame - 5, frame + 1);
  }

  #byte(value: number): void {
    this.#buffer[this.#used++] = value;
  }

  /** A varint of three bytes, whose place was kept before its value was known. */
  #fixed(at: number, value: number): void {
    this.#buffer[at] = (value & 127) | 128;
    this.#buffer[at + 1] = ((value >> 7) & 127) | 128;
    this.#buffer[at + 2] = value >> 14;
  }

  #varint(key: number, value: number): void {
    this.#byte(key);
    this.#number(value);
  }

  #number(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 128);
    this.#byte(rest);
  }

  #bytes(key: number, text: string): void {
    this.#varint(key, text.length);
    this.#used += this.#buffer.write(text, this.#used, "latin1");
  }

  /** Nanoseconds do not fit into a number. Four bytes at a time: BigInts cost more than all else of an entry. */
  #time(ns: bigint): void {
    this.#byte(0x30);
    let rest = BigInt.asUintN(64, ns);
    for (; rest > FOUR; rest >>= 28n) {
      const low = Number(rest & FOUR);
      for (let shift = 0; shift < 28; shift += 7) this.#byte(((low >> shift) & 127) | 128);
    }
    this.#number(Number(rest));
  }
}

/** What four bytes of a varint hold. */
const FOUR = 2n ** 28n - 1n;

/** At most so many bytes of a packet besides names and content. */
export const OVERHEAD = 128;

/** What goes before a piece of a file that is sent from where it was read. */
export function dataHead(id: number, length: number): Buffer {
  const writer = new PacketWriter(OVERHEAD);
  writer.data(id, length, undefined);
  return writer.take();
}
