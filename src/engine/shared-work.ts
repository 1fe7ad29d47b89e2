/** Work that several callers may ask for at once and that is then done once. */
interface Work<T> {
  readonly promise: Promise<T>;
  readonly stop: AbortController;
  /** Callers that have not given up. */
  waiting: number;
}

/** Shares work by key. One caller that gives up does not end it for the others; the last one does. */
export class Shared<T> {
  readonly #going = new Map<string, Work<T>>();

  /** @throws what the work throws, or the signal's reason */
  async run(key: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const work = this.#going.get(key) ?? this.#begin(key, start);
      if (!work.stop.signal.aborted) return await join(work, signal);
      // Work that all have given up ends in the name of the last of them, which is no reason for whoever comes now.
      await unless(
        signal,
        work.promise.catch(() => undefined),
        (giveUp) => giveUp(),
      );
    }
  }

  #begin(key: string, start: (signal: AbortSignal) => Promise<T>): Work<T> {
    const stop = new AbortController();
    const promise = start(stop.signal).finally(() => this.#going.delete(key));
    const work = { promise, stop, waiting: 0 };
    this.#going.set(key, work);
    return work;
  }
}

async function join<T>(work: Work<T>, signal: AbortSignal): Promise<T> {
  work.waiting++;
  return await unless(signal, work.promise, (giveUp) => {
    // The last one waits for the work to put its things away before it goes.
    if (--work.waiting === 0) work.stop.abort(signal.reason);
    else giveUp();
  });
}

/** Waits for what goes on for others as well. @param leave is called with the signal, if that comes first */
async function unless<T>(
  signal: AbortSignal,
  work: Promise<T>,
  leave: (giveUp: () => void) => void,
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const aborted = (): void => leave(() => reject(signal.reason as Error));
    signal.addEventListener("abort", aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}
