import type { Value } from "./config/model.js";
import { lineAt, lineStart, type Span, textOf } from "./text.js";

/**
 * Where the value stands that a message is about: of several lines the one that it quotes, wholly or in part, in whichever
 * file that was written; else the whole value.
 */
export function saidSpan(value: Value, message: string): Span {
  const lines = linesOf(value);
  const texts = lines.map(textOf);
  const at = texts.findIndex((text) => message.includes(`"${text}"`));
  if (at >= 0) return lines[at]!;
  for (const [, piece] of message.matchAll(/"([^"\n]+)"/g)) {
    const holders = lines.filter((_, i) => holds(texts[i]!, piece!));
    if (holders.length === 1) return holders[0]!;
  }
  const [longest] = lines
    .filter((_, i) => /\W/.test(texts[i]!) && holds(message, texts[i]!))
    .sort((a, b) => b.end - b.start - (a.end - a.start));
  return longest ?? value.span;
}

/** Not as a piece of a longer word. */
function holds(text: string, piece: string): boolean {
  for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + 1))
    if (!/\w/.test((text[at - 1] ?? " ") + (text[at + piece.length] ?? " "))) return true;
  return false;
}

/** The lines of a value as they were written, from its last `=` on, without blank ones and comments. */
function linesOf({ history }: Value): Span[] {
  const first = history.findLastIndex(({ operation }) => operation === "=");
  return history
    .slice(Math.max(0, first))
    .filter(({ operation, span }) => (operation === "=" || operation === "+=") && !span.source.lineless)
    .flatMap(({ span }) => linesIn(span));
}

function linesIn({ source, start, end }: Span): Span[] {
  const lines: Span[] = [];
  for (const { index, 0: text } of source.text.slice(start, end).matchAll(/\S[^\r\n]*/g)) {
    const from = start + index;
    const isComment = /[#;]/.test(text[0]!) && lineStart(source, lineAt(source, from)) === from;
    if (!isComment) lines.push({ source, start: from, end: from + text.trimEnd().length });
  }
  return lines;
}
