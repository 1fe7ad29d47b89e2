/** One request for all who want the same at the same time. It goes on as long as anyone waits: a caller that is
 *  aborted leaves alone, and the last one to leave ends the request. */
export class InFlight<T> {
  readonly #controller = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;

  constructor(start: (signal: AbortSignal) => Promise<T>) {
    this.#result = start(this.#controller.signal);
    // Nobody may be left to hear of a failure.
    this.#result.catch(() => {});
  }

  async join(signal?: AbortSignal): Promise<T> {
    this.#waiting++;
    try {
      return await (signal ? unlessAborted(this.#result, signal) : this.#result);
    } finally {
      if (--this.#waiting === 0) this.#controller.abort();
    }
  }
}

async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const own = AbortSignal.any([signal]);
  own.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const end = (): void => reject(own.reason as Error);
    own.addEventListener("abort", end, { once: true });
    result.then(resolve, reject).finally(() => own.removeEventListener("abort", end));
  });
}
