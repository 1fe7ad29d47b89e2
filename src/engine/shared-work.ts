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

  async run(key: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // Work that all have given up ends in the name of the last of them, which is no reason for whoever comes now.
    for (let left = this.#going.get(key); left?.stop.signal.aborted; left = this.#going.get(key))
      await left.promise.catch(() => undefined);
    signal.throwIfAborted();
    const work = this.#going.get(key) ?? this.#begin(key, start);
    work.waiting++;
    return await new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        // The last one waits for the work to put its things away before it goes.
        if (--work.waiting === 0) work.stop.abort(signal.reason);
        else reject(signal.reason as Error);
      };
      signal.addEventListener("abort", leave, { once: true });
      work.promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }

  #begin(key: string, start: (signal: AbortSignal) => Promise<T>): Work<T> {
    const stop = new AbortController();
    const promise = start(stop.signal).finally(() => this.#going.delete(key));
    const work = { promise, stop, waiting: 0 };
    this.#going.set(key, work);
    return work;
  }
}
