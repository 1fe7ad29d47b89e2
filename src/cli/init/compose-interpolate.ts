import { SectionText } from "./cfg.js";
import type { Yaml } from "./yaml.js";

/** The section with what a reference to the environment cannot say by itself. */
export const FALLBACKS = "fallbacks";

/** One variable; the word behind its operator may hold others. */
const VARIABLE = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?([-?+])((?:[^{}]|\{[^{}]*\})*))?\})/g;

/** An option of that section: what it is where its variable is empty, and where it is not. */
interface Fallback {
  readonly variable: string;
  readonly empty: string;
  readonly set: string;
}

/** Compose's own interpolation, as references to the environment; its `$$` is a plain `$`. */
export class Interpolation {
  readonly #known: Readonly<Record<string, string>>;
  readonly #expected: ReadonlySet<string>;
  readonly #fallbacks = new Map<string, Fallback>();

  /**
   * @param known the variables that Compose sets itself
   * @param expected those that are always set, as `.env` has them: a run without them would make everything anew, with
   * empty values
   */
  constructor(known: Readonly<Record<string, string>>, expected: Iterable<string> = []) {
    this.#known = known;
    this.#expected = new Set(expected);
  }

  /** A value of the file with all that is in it. Integers come as numbers, and as texts where a number would lose digits. */
  of(value: Yaml | bigint): Yaml {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (Array.isArray(value)) return value.map((item) => this.of(item));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.of(item)]));
  }

  /** The section of fallbacks, and one more for each of their variables that counts where it is set. */
  sections(): SectionText[] {
    const variables = [...new Set([...this.#fallbacks.values()].map(({ variable }) => variable))];
    const otherwise = new SectionText(FALLBACKS);
    for (const [option, { empty }] of this.#fallbacks) otherwise.set(option, empty);
    const set = variables.map((variable) => {
      const section = new SectionText(`${FALLBACKS}:env.${variable}`);
      for (const [option, one] of this.#fallbacks)
        if (one.variable === variable) section.set(option, one.set);
      return section;
    });
    return set.length === 0 ? [] : [otherwise, ...set];
  }

  #text(text: string): string {
    return text.replaceAll(
      VARIABLE,
      (all: string, bare?: string, braced?: string, operator?: string, word?: string) => {
        if (all === "$$") return "$";
        const name = bare ?? braced ?? "";
        if (Object.hasOwn(this.#known, name)) return this.#known[name]!;
        const isExpected = operator === undefined && this.#expected.has(name);
        if (operator === "?" || isExpected) return `$<env:${name}>`;
        const other = this.#text(word ?? "");
        if (operator === "+") return this.#fallback({ variable: name, empty: "", set: other });
        if (!/\$<|>/.test(other)) return `$<env:${name}|${other}>`;
        return this.#fallback({ variable: name, empty: other, set: `$<env:${name}>` });
      },
    );
  }

  /** Of a variable that has several, later ones are numbered. */
  #fallback(asked: Fallback): string {
    const { variable, empty, set } = asked;
    const same = [...this.#fallbacks].find(
      ([, one]) => one.variable === variable && one.empty === empty && one.set === set,
    );
    const others = [...this.#fallbacks.values()].filter((one) => one.variable === variable).length;
    const option = same?.[0] ?? (others === 0 ? variable : `${variable}-${others + 1}`);
    this.#fallbacks.set(option, asked);
    return `$<${FALLBACKS}:${option}>`;
  }
}
