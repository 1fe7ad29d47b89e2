// White space as Python's str.isspace() has it: what strips and what continues a value in zc.buildout.
// It differs from JavaScript's \s in U+001C to U+001F, U+0085 and U+FEFF.

/** Whether a UTF-16 unit is white space. */
export function isSpace(code: number): boolean {
  if (code <= 32) return code === 32 || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
  if (code < 128) return false;
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** The first offset in [from, to) that is not white space, or `to`. */
export function skipSpace(text: string, from: number, to: number): number {
  let i = from;
  while (i < to && isSpace(text.charCodeAt(i))) i++;
  return i;
}

/** The end of [from, to) without its trailing white space; not before `from`. */
export function trimmedEnd(text: string, from: number, to: number): number {
  let i = to;
  while (i > from && isSpace(text.charCodeAt(i - 1))) i--;
  return i;
}

export function strip(text: string): string {
  const start = skipSpace(text, 0, text.length);
  return text.slice(start, trimmedEnd(text, start, text.length));
}

export function stripEnd(text: string): string {
  return text.slice(0, trimmedEnd(text, 0, text.length));
}

export interface Word {
  readonly text: string;
  /** Offset in the text that was split. */
  readonly start: number;
}

/** The words of a list option such as `parts` or `extends`. */
export function words(text: string): Word[] {
  const found: Word[] = [];
  for (let i = skipSpace(text, 0, text.length); i < text.length; ) {
    const start = i;
    while (i < text.length && !isSpace(text.charCodeAt(i))) i++;
    found.push({ text: text.slice(start, i), start });
    i = skipSpace(text, i, text.length);
  }
  return found;
}

/** A table of the ASCII characters that end a name: white space and those given. */
export function nameEnders(punctuation: string): Uint8Array {
  const table = new Uint8Array(128);
  for (let code = 0; code < 128; code++)
    table[code] = isSpace(code) || punctuation.includes(String.fromCharCode(code)) ? 1 : 0;
  return table;
}

/** The first offset in [from, to) that ends a name, or `to`. */
export function skipName(text: string, enders: Uint8Array, from: number, to: number): number {
  let i = from;
  for (; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code < 128 ? enders[code] === 1 : isSpace(code)) break;
  }
  return i;
}
