import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { Writable } from "node:stream";

/** A file system's block: what a hole is made of. */
const BLOCK = 4096;
const ZEROS = Buffer.alloc(BLOCK);

/** Writes a file in which blocks of zeros are holes, and knows its size and SHA-256 when it is finished. */
export class SparseFile extends Writable {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #at = 0;
  /** Hexadecimal digits, once finished. */
  sha256 = "";

  /** Replaces what is there. */
  static async create(path: string): Promise<SparseFile> {
    return new SparseFile(await open(path, "w", 0o644));
  }

  private constructor(file: FileHandle) {
    super({ highWaterMark: 1 << 20 });
    this.#file = file;
  }

  get size(): number {
    return this.#at;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#hash.update(chunk);
    this.#store(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.sha256 = this.#hash.digest("hex");
    this.#finish().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#file.close().then(
      () => done(error),
      () => done(error),
    );
  }

  async #store(chunk: Buffer): Promise<void> {
    const start = this.#at;
    this.#at += chunk.length;
    for (const [from, to] of filled(chunk, start)) {
      for (let at = from; at < to; )
        at += (await this.#file.write(chunk, at, to - at, start + at)).bytesWritten;
    }
  }

  async #finish(): Promise<void> {
    await this.#file.truncate(this.#at);
    await this.#file.sync();
  }
}

/** The runs of a chunk that hold anything but zeros, cut at the file's blocks. */
export function filled(chunk: Buffer, offset: number): [from: number, to: number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < chunk.length; ) {
    const end = Math.min(chunk.length, at + BLOCK - ((offset + at) % BLOCK));
    const block = chunk.subarray(at, end);
    if (!block.equals(block.length === BLOCK ? ZEROS : ZEROS.subarray(0, block.length))) {
      const last = runs.at(-1);
      if (last && last[1] === at) last[1] = end;
      else runs.push([at, end]);
    }
    at = end;
  }
  return runs;
}
