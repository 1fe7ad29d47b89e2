/** Bounds how many leaves of work run at once; first come, first served. */
export class Pool {
  readonly size: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #next = 0;

  constructor(size: number) {
    this.size = size;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.size) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running++;
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /**
   * For work that is run here and only waits: its place goes to another one meanwhile. Afterwards it goes on at once, if
   * with one more than there are places, since it may have to be done in a certain time.
   */
  async aside<T>(wait: () => Promise<T>): Promise<T> {
    this.#leave();
    try {
      return await wait();
    } finally {
      this.#running++;
    }
  }

  /** The place goes straight to the next one, so that nobody can come in between. */
  #leave(): void {
    const go = this.#running > this.size ? undefined : this.#waiting[this.#next];
    if (!go) {
      this.#running--;
      return;
    }
    this.#next++;
    if (this.#next > 1000 && this.#next * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
    go();
  }
}
