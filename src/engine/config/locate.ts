import type { Span } from "../text.js";
import type { HistoryEntry, Value } from "./model.js";

/**
 * Where a piece of a value's text stands in its source. A value loses indentation and comments on the way, and may be
 * put together from several files, so the piece is looked for: only a message needs it, and rarely.
 * Gives the whole value's span where the piece cannot be found.
 */
export function spanWithin(value: Value, start: number, end: number): Span {
  const needle = value.text.slice(start, end);
  if (needle === "") return value.span;
  let skip = occurrences(value.text.slice(0, start), needle);
  for (const entry of written(value.history)) {
    for (const at of places(entry.span, needle)) {
      if (skip-- === 0) return { source: entry.span.source, start: at, end: at + needle.length };
    }
  }
  return value.span;
}

/** The steps that the final text consists of: from the last `=` on. */
function written(history: readonly HistoryEntry[]): HistoryEntry[] {
  const steps = history.filter(({ operation }) => operation !== "macro" && operation !== "-=");
  let from = steps.length - 1;
  while (from > 0 && steps[from]?.operation === "+=") from--;
  return steps.slice(Math.max(0, from));
}

function occurrences(text: string, needle: string): number {
  let count = 0;
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) count++;
  return count;
}

function* places(span: Span, needle: string): Generator<number> {
  const { text } = span.source;
  for (let at = text.indexOf(needle, span.start); at >= 0 && at < span.end; ) {
    const lineStart = text.lastIndexOf("\n", at) + 1;
    const first = text.charAt(lineStart);
    const comment = lineStart > span.start && (first === "#" || first === ";");
    if (!comment) yield at;
    at = text.indexOf(needle, at + needle.length);
  }
}
