import { isSpace, stripEnd } from "./space.js";

/**
 * The text of a value whose first line holds nothing (LANGUAGE, rule 7): trailing blank lines, leading blank lines
 * and the longest common run of leading tabs and spaces go; the lines must have lost their trailing blanks.
 */
export function dedent(raw: string): string {
  const lines = stripEnd(raw).split("\n");
  const margin = commonMargin(lines);
  let first = 0;
  while (first < lines.length - 1 && isBlank(lines[first] ?? "")) first++;
  const kept = first === 0 ? lines : lines.slice(first);
  return margin === 0 ? kept.join("\n") : kept.map((line) => line.slice(margin)).join("\n");
}

function isBlank(line: string): boolean {
  for (let i = 0; i < line.length; i++) if (!isSpace(line.charCodeAt(i))) return false;
  return true;
}

function commonMargin(lines: readonly string[]): number {
  let margin: string | undefined;
  for (const line of lines) {
    let end = 0;
    while (line.charCodeAt(end) === 32 || line.charCodeAt(end) === 9) end++;
    if (end === line.length) continue;
    margin = margin === undefined ? line.slice(0, end) : commonPrefix(margin, line);
    if (margin === "") return 0;
  }
  return margin?.length ?? 0;
}

function commonPrefix(a: string, b: string): string {
  let i = 0;
  while (i < a.length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return a.slice(0, i);
}
