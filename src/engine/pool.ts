/** Bounds how many leaves of work run at once; first come, first served. */
export class Pool {
  readonly #size: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#size) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running++;
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** The place goes straight to the next one, so that nobody can come in between. */
  #leave(): void {
    const go = this.#waiting[this.#next];
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
