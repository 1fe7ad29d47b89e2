/** Jobs that run one after another, in the order in which they came; one that fails does not hold up the next. */
export class Queue {
  readonly #onError: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** How many jobs have not ended. */
  get length(): number {
    return this.#waiting;
  }

  add(job: () => Promise<void>): void {
    this.#waiting++;
    this.#last = this.#last
      .then(job)
      .catch(this.#onError)
      .finally(() => this.#waiting--);
  }

  /** Resolves when all jobs so far have ended. */
  idle(): Promise<void> {
    return this.#last;
  }
}
