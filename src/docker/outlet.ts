import { Readable } from "node:stream";

/** Where a function puts the content of a stream. */
export interface Outlet {
  /** Resolves when more is wanted. */
  give(bytes: Buffer): Promise<void>;
  /**
   * Passes a stream on to its end, as it comes: large copies spend their time here, and a promise for each chunk would
   * cost more than the chunk. @param change makes of a chunk what goes on, if anything
   */
  pass(source: Readable, change: (chunk: Buffer) => Buffer | undefined): Promise<void>;
}

/** A stream of what a function puts into the outlet. It is called when the first bytes are wanted. */
export function streamOf(write: (outlet: Outlet) => Promise<void>): Readable {
  return new Written(write);
}

const CLOSED = "the stream was closed before its end";

/** So much may wait for who reads. */
const WAITING = 128 * 1024;

class Written extends Readable implements Outlet {
  readonly #write: (outlet: Outlet) => Promise<void>;
  #started = false;
  #source: Readable | undefined;
  /** Called when more is wanted. */
  #more: (() => void) | undefined;

  constructor(write: (outlet: Outlet) => Promise<void>) {
    super({ highWaterMark: WAITING });
    this.#write = write;
  }

  async give(bytes: Buffer): Promise<void> {
    if (this.push(bytes)) return;
    await new Promise<void>((resolve) => (this.#more = resolve));
  }

  async pass(source: Readable, change: (chunk: Buffer) => Buffer | undefined): Promise<void> {
    if (source.destroyed) throw source.errored ?? new Error(CLOSED);
    if (this.destroyed) source.destroy();
    this.#source = source;
    this.#more = () => void source.resume();
    await new Promise<void>((resolve, reject) => {
      source.once("end", resolve).once("error", reject);
      source.once("close", () => reject(new Error(CLOSED)));
      source.on("data", (chunk: Buffer) => {
        try {
          const changed = change(chunk);
          if (changed && !this.push(changed)) source.pause();
        } catch (error) {
          source.destroy(error as Error);
        }
      });
      // It may have been paused by who looked into it first.
      source.resume();
    });
    this.#source = undefined;
    this.#more = undefined;
  }

  override _read(): void {
    this.#more?.();
    if (this.#started) return;
    this.#started = true;
    this.#write(this).then(
      () => this.push(null),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#source?.destroy();
    done(error);
  }
}
