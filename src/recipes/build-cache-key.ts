import { createHash } from "node:crypto";

/** One thing that decides which image a build makes. */
export interface KeyRow {
  /** `Dockerfile`, `build-arg NODE_VERSION`, `file package-lock.json`. */
  readonly name: string;
  /** What enters the key: a digest or a text. */
  readonly value: string;
  /** For people, where the value itself must not be told. */
  readonly shown?: string;
}

/** The key of an image in a cache: a SHA-256 over all that decides about it, each piece preceded by its length, so
 *  that no two lists look alike. The order of the rows does not count. @returns 64 hexadecimal digits */
export function cacheKey(rows: readonly KeyRow[]): string {
  const hash = createHash("sha256");
  field(hash, "tsbuildout image cache 1");
  for (const { name, value } of sorted(rows)) {
    field(hash, name);
    field(hash, value);
  }
  return hash.digest("hex");
}

function field(hash: ReturnType<typeof createHash>, text: string): void {
  hash.update(`${Buffer.byteLength(text)}:`).update(text);
}

/** By code units: the same on every machine, whatever its language. */
function sorted(rows: readonly KeyRow[]): readonly KeyRow[] {
  return [...rows].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.value < b.value ? -1 : 1));
}

/** The key in a tag: the first half, which is longer than any two images will share. */
export function cacheTag(prefix: string, key: string): string {
  return `${prefix}${key.slice(0, 32)}`;
}

/** What entered the key, a line each, for the log. */
export function keyTable(rows: readonly KeyRow[]): string[] {
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  return sorted(rows).map(({ name, value, shown }) => `  ${name.padEnd(width)}  ${shown ?? value}`);
}

/** A text that may be secret: what it is can be compared, not read. */
export function concealed(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
