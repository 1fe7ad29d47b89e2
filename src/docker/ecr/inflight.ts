import { unlessAborted } from "../unless-aborted.js";

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
      // By a signal of each one's own: to Node more than ten listeners at one look like a leak.
      return await (signal ? unlessAborted(this.#result, AbortSignal.any([signal])) : this.#result);
    } finally {
      if (--this.#waiting === 0) this.#controller.abort();
    }
  }
}
