import { CLOSING_BRACKET, COLON, HASH, OPENING_BRACKET, SEMICOLON } from "../characters.js";
import { nameEnders, skipName, skipSpace } from "./space.js";

/** A section header as written, as offsets in the source. */
export interface Header {
  readonly name: string;
  /** The text between `:` and the closing bracket, `\x23` and `\x3b` not yet replaced; absent without a colon. */
  readonly condition?: string;
  readonly conditionStart: number;
  /** After the closing bracket. */
  readonly end: number;
}

const SECTION_NAME_ENDERS = nameEnders("#[]:;{}");

/** Reads `[name]` or `[name:condition]`, with only a comment after it; undefined where the line is not a header. */
export function readHeader(text: string, lineStart: number, lineEnd: number): Header | undefined {
  if (text.charCodeAt(lineStart) !== OPENING_BRACKET) return undefined;
  const nameStart = skipSpace(text, lineStart + 1, lineEnd);
  const nameEnd = skipName(text, SECTION_NAME_ENDERS, nameStart, lineEnd);
  if (nameEnd === nameStart) return undefined;
  const name = text.slice(nameStart, nameEnd);
  const i = skipSpace(text, nameEnd, lineEnd);
  const next = text.charCodeAt(i);
  if (i < lineEnd && next === COLON) return conditional({ text, name }, i + 1, lineEnd);
  if (i >= lineEnd || next !== CLOSING_BRACKET || !onlyComment(text, i + 1, lineEnd)) return undefined;
  return { name, conditionStart: i, end: i + 1 };
}

/** A condition holds neither `#` nor `;`, so the last bracket before one of them (or the line's end) closes it. */
function conditional(
  { text, name }: { text: string; name: string },
  from: number,
  lineEnd: number,
): Header | undefined {
  let stop = from;
  while (stop < lineEnd && text.charCodeAt(stop) !== HASH && text.charCodeAt(stop) !== SEMICOLON) stop++;
  const close = text.lastIndexOf("]", stop - 1);
  if (close < from || !onlyComment(text, close + 1, lineEnd)) return undefined;
  return { name, condition: text.slice(from, close), conditionStart: from, end: close + 1 };
}

function onlyComment(text: string, from: number, lineEnd: number): boolean {
  const i = skipSpace(text, from, lineEnd);
  return i >= lineEnd || text.charCodeAt(i) === HASH || text.charCodeAt(i) === SEMICOLON;
}
