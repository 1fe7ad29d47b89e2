import type { Diagnostic } from "./diagnostic.js";
import { LEAVE_OUT } from "./quotes.js";

/** The number of single-character insertions, deletions, replacements and neighbour swaps between two words. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const replaced = (previous[j - 1] ?? 0) + (same ? 0 : 1);
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/**
 * The name that was probably meant, or undefined where none is near enough.
 * Near is a third of the word's length; names longer than 60 characters are not typed by hand and not compared.
 */
export function suggest(word: string, names: Iterable<string>): string | undefined {
  if (word.length > 60) return undefined;
  let best: string | undefined;
  let nearest = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    if (name === word || Math.abs(name.length - word.length) >= nearest) continue;
    const d = name.toLowerCase() === word.toLowerCase() ? 0 : distance(word, name);
    // Every letter may be another one: that is no likeness.
    if (d < nearest && d < Math.max(word.length, name.length)) {
      nearest = d;
      best = name;
    }
  }
  return best;
}

/** The help line of a diagnostic that `suggest` gives rise to: none or one. */
export function didYouMean(word: string, names: Iterable<string>): readonly string[] {
  if (word.includes(",")) return ["blanks separate names, not commas"];
  if (/^[#;]/.test(word)) return ["there are no comments behind a value: give them lines of their own"];
  if (/^["']/.test(word)) return [LEAVE_OUT];
  const name = suggest(word, names);
  return name === undefined ? [] : [`did you mean "${name}"?`];
}

/** A part that somebody asked for, and that is none. */
export function unknownPart(name: string, parts: Iterable<string>): Diagnostic {
  const help = didYouMean(name, parts);
  return { severity: "error", code: "part/unknown", message: `there is no part ${name}`, help };
}
