import { LINE_FEED, SPACE, TAB } from "../characters.js";
import { isSpace, trimmedEnd } from "./space.js";

/**
 * The text of a value whose first line holds nothing: trailing blank lines, leading blank lines
 * and the longest common run of leading tabs and spaces go; the lines must have lost their trailing blanks.
 */
export function dedent(raw: string): string {
  const end = trimmedEnd(raw, 0, raw.length);
  const start = firstLine(raw, end);
  const margin = commonMargin(raw, start, end);
  if (margin === 0) return raw.slice(start, end);
  const lines: string[] = [];
  for (let from = start; from <= end; ) {
    const to = endOfLine(raw, from, end);
    // A blank line may be shorter than the margin.
    lines.push(to - from > margin ? raw.slice(from + margin, to) : "");
    from = to + 1;
  }
  return lines.join("\n");
}

function endOfLine(raw: string, from: number, end: number): number {
  const feed = raw.indexOf("\n", from);
  return feed < 0 || feed > end ? end : feed;
}

/** Where the first line starts that holds anything. */
function firstLine(raw: string, end: number): number {
  let start = 0;
  for (let i = 0; i < end && isSpace(raw.charCodeAt(i)); i++)
    if (raw.charCodeAt(i) === LINE_FEED) start = i + 1;
  return start;
}

/** How many leading tabs and spaces all lines share; lines that hold nothing do not count. */
function commonMargin(raw: string, start: number, end: number): number {
  let margin = -1;
  for (let from = start; from < end; from = endOfLine(raw, from, end) + 1) {
    let length = 0;
    for (
      let code = raw.charCodeAt(from);
      code === SPACE || code === TAB;
      code = raw.charCodeAt(from + length)
    ) {
      // What differs from the first line ends the margin: a tab is not as many spaces.
      if (length === margin || (margin >= 0 && code !== raw.charCodeAt(start + length))) break;
      length++;
    }
    const holdsNothing = from + length >= end || raw.charCodeAt(from + length) === LINE_FEED;
    if (!holdsNothing) margin = length;
    if (margin === 0) return 0;
  }
  return Math.max(0, margin);
}
