import { readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Resource } from "./contract.js";
import { syncDirectory } from "./durable.js";
import { isRecord, isResource, type State, type StoredRecord } from "./state.js";

/** One change of the state, as a line of JSON. Replaying a line twice does no harm. */
export type Change =
  | { readonly set: StoredRecord }
  | { readonly gone: string }
  | { readonly part: string; readonly created: Resource }
  | { readonly part: string; readonly removed: Resource };

/** The journal's first line: the state that the changes build upon. */
export interface JournalHead {
  readonly journal: 1;
  readonly id: string;
  readonly key: string;
  readonly generation: number;
}

export interface JournalContent {
  readonly head: JournalHead;
  readonly changes: readonly Change[];
  /** Bytes up to the last whole line: what follows was cut off by a crash. */
  readonly length: number;
}

/** Thrown where a line other than the last cannot be read. */
export class JournalFormatError extends Error {
  override readonly name = "JournalFormatError";
}

/** The journal's content; undefined where there is none. One that did not get as far as its first line fits no state. */
export function readJournal(path: string): JournalContent | undefined {
  const bytes = readIfThere(path);
  if (!bytes) return undefined;
  // A line counts once its end is written: a torn last line is one whose change did not happen.
  const length = bytes.lastIndexOf(10) + 1;
  const lines = bytes.subarray(0, length).toString("utf8").split("\n").slice(0, -1);
  if (lines.length === 0)
    return { head: { journal: 1, id: "", key: "", generation: -1 }, changes: [], length: 0 };
  const [head, ...changes] = lines.map((line, index) => parseLine(line, index + 1));
  if (!isHead(head)) throw new JournalFormatError("line 1 is not the head of a journal");
  return { head, changes: changes.map((change, index) => checked(change, index + 2)), length };
}

function isHead(value: unknown): value is JournalHead {
  const { journal, id, key, generation } = (value ?? {}) as Partial<JournalHead>;
  return journal === 1 && typeof id === "string" && typeof key === "string" && typeof generation === "number";
}

function checked(change: unknown, line: number): Change {
  const { set, gone, part, created, removed } = (change ?? {}) as Record<string, unknown>;
  const ofPart = typeof part === "string" && (isResource(created) || isResource(removed));
  if (isRecord(set) || typeof gone === "string" || ofPart) return change as Change;
  throw notRead(line);
}

function notRead(line: number): JournalFormatError {
  return new JournalFormatError(`line ${line} cannot be read`);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw notRead(number);
  }
}

/** Applies one change to the state. */
export function applyChange(state: State, change: Change): void {
  const { records } = state;
  if ("set" in change) {
    // A part that begins anew goes to the end: the recorded order is the order of installation.
    if (change.set.phase === "installing") records.delete(change.set.part);
    records.set(change.set.part, change.set);
  } else if ("gone" in change) records.delete(change.gone);
  else {
    const record = records.get(change.part);
    if (record) records.set(change.part, { ...record, resources: nextResources(record, change) });
  }
}

function nextResources(
  record: StoredRecord,
  change: { created: Resource } | { removed: Resource },
): Resource[] {
  const resource = "created" in change ? change.created : change.removed;
  const others = record.resources.filter((known) => !sameResource(known, resource));
  return "created" in change ? [...others, resource] : others;
}

export function sameResource(a: Resource, b: Resource): boolean {
  return a.kind === b.kind && a.name === b.name;
}

/** The journal being written. Lines that come while one write is under way share the next one and its fsync. */
export class JournalWriter {
  readonly #file: FileHandle;
  #waiting: string[] = [];
  #durable = false;
  #next: Promise<void> | undefined;
  #running: Promise<void> = Promise.resolve();
  #size: number;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Opens the journal for going on after `length` bytes (0: a new one that begins with the head). */
  static async open(path: string, length: number, head: JournalHead): Promise<JournalWriter> {
    const file = await open(path, length === 0 ? "w" : "r+", 0o600);
    try {
      await file.truncate(length);
      const writer = new JournalWriter(file, length);
      if (length === 0) {
        await writer.append(head, false);
        await syncDirectory(dirname(path));
      }
      return writer;
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the line is written; with `durable`, when a power cut could not lose it any more. */
  append(line: Change | JournalHead, durable: boolean): Promise<void> {
    this.#waiting.push(`${JSON.stringify(line)}\n`);
    this.#durable ||= durable;
    if (!this.#next) {
      this.#next = this.#running.then(() => this.#flush());
      this.#running = this.#next.catch(() => {});
    }
    return this.#next;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#waiting.join(""));
    const durable = this.#durable;
    this.#waiting = [];
    this.#durable = false;
    this.#next = undefined;
    await this.#write(bytes);
    if (durable) await this.#file.datasync();
  }

  async #write(bytes: Buffer): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.length) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#size + done);
        done += bytesWritten;
      }
    } catch (error) {
      // A piece of a line must not stand before the next one; where even this fails, reading drops the piece.
      await this.#file.truncate(this.#size).catch(() => {});
      throw error;
    }
    this.#size += bytes.length;
  }

  /** With all that was appended on the disk. */
  async close(): Promise<void> {
    await this.#running;
    try {
      await this.#file.datasync();
    } finally {
      await this.#file.close();
    }
  }
}
