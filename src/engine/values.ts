import { fillHoles, type Hole } from "./hole.js";
import { hashSecret, isHashed, type StoredRecord } from "./state.js";
import type { Part } from "./part.js";

/** `real` is what a recipe gets. `mark` has a keyed hash in place of a secret output: the form in which values are
 *  compared and recorded, which is known also when only the hash is. */
export type Form = "real" | "mark";

interface Output {
  readonly mark: string;
  /** Undefined where only the hash of a secret is known. */
  readonly real: string | undefined;
}

/** What is known, at this point of the run, of values that only an install tells. */
export class Values {
  readonly #parts: ReadonlyMap<string, Part>;
  readonly #key: string;
  readonly #outputs = new Map<string, Map<string, Output>>();

  constructor(parts: ReadonlyMap<string, Part>, key: string) {
    this.#parts = parts;
    this.#key = key;
  }

  /** The part stays as it is recorded. */
  recall(record: StoredRecord): void {
    const known = this.#outputs.get(record.part);
    if (!known && Object.keys(record.outputs).length === 0) return;
    const outputs = new Map<string, Output>();
    for (const [name, mark] of Object.entries(record.outputs)) {
      const before = known?.get(name);
      const real = isHashed(mark) ? (before?.mark === mark ? before.real : undefined) : mark;
      outputs.set(name, { mark, real });
    }
    this.#outputs.set(record.part, outputs);
  }

  /** The part has told a value. Returns the form in which it is recorded. */
  tell(part: string, name: string, text: string, secret: boolean): string {
    const mark = secret ? hashSecret(text, this.#key) : text;
    this.#set(part, name, { mark, real: text });
    return mark;
  }

  /** The part has told of a secret what is recorded of it: that it stays as it was. */
  keep(part: string, name: string, mark: string): string {
    this.#set(part, name, { mark, real: undefined });
    return mark;
  }

  #set(part: string, name: string, output: Output): void {
    let outputs = this.#outputs.get(part);
    if (!outputs) this.#outputs.set(part, (outputs = new Map()));
    outputs.set(name, output);
  }

  forget(part: string): void {
    this.#outputs.delete(part);
  }

  fill(text: string, form: Form): string {
    return fillHoles(text, (hole) => this.#value(hole, form, 0));
  }

  #value({ section, option }: Hole, form: Form, depth: number): string | undefined {
    const computed = this.#parts.get(section)?.computed.get(option);
    // Computed options may be computed from one another; nobody nests them a hundred deep but a circle.
    if (computed && depth < 100)
      return fillHoles(computed.text, (inner) => this.#value(inner, form, depth + 1));
    return this.#outputs.get(section)?.get(option)?.[form];
  }

  /** Outputs whose values are secrets of which only the hash is known. */
  isHashOnly({ section, option }: Hole): boolean {
    const output = this.#outputs.get(section)?.get(option);
    return output !== undefined && output.real === undefined;
  }
}
