/** Below this length a secret is not searched for in other texts: it would blot out what has nothing to do with it. */
const SHORTEST = 4;
export const MASK = "***";

/** Replaces every secret that has been made known, also where a program printed it line by line, as base64,
 *  in a URL or inside a JSON string. */
export class Redactor {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  add(secret: string): void {
    if (this.#forms.has(secret)) return;
    const before = this.#forms.size;
    for (const text of [secret, secret.trim(), ...secret.split(/\r?\n/).map((line) => line.trim())])
      for (const form of forms(text)) this.#forms.add(form);
    if (this.#forms.size !== before) this.#pattern = undefined;
  }

  text(text: string): string {
    if (this.#forms.size === 0) return text;
    this.#pattern ??= pattern(this.#forms);
    return text.replace(this.#pattern, MASK);
  }

  /** The same value with all its texts redacted; keys stay. */
  value<T>(value: T): T {
    return this.#forms.size === 0 ? value : (this.#walk(value) as T);
  }

  #walk(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#walk(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#walk(item)]));
  }
}

function forms(secret: string): string[] {
  if (secret.length < SHORTEST) return [];
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...inBase64(secret)];
}

/** The part of a base64 text that a secret determines, at each of the three places where it may begin. */
function inBase64(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((lead) => {
    const text = Buffer.concat([Buffer.alloc(lead), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = Math.floor(((lead + bytes.length) * 8) / 6);
    const core = text.slice(Math.ceil((lead * 8) / 6), whole);
    return core.length < 8 ? [] : [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

function pattern(texts: ReadonlySet<string>): RegExp {
  // Longest first, so that a secret that contains another one is replaced whole.
  const sorted = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(
    sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)).join("|"),
    "g",
  );
}
