/** Splits a text as a POSIX shell splits words: blanks separate, quotes and backslashes protect; nothing is expanded. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let i = 0;
  while (i < text.length) {
    const c = text[i]!;
    if (BLANKS.has(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      i++;
    } else if (c === "'" || c === '"') {
      const quoted = readQuoted(text, i);
      word = (word ?? "") + quoted.value;
      i = quoted.next;
    } else if (c === "\\" && i + 1 < text.length) {
      // A backslash before a line end joins lines, as in a shell.
      if (text[i + 1] !== "\n") word = (word ?? "") + text[i + 1];
      i += 2;
    } else {
      word = (word ?? "") + c;
      i++;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** A shell's, and the carriage return of a file from elsewhere. Other blanks of Unicode are letters to a shell. */
const BLANKS: ReadonlySet<string> = new Set(" \t\n\r");

function readQuoted(text: string, start: number): { value: string; next: number } {
  const quote = text[start];
  let value = "";
  let i = start + 1;
  while (i < text.length && text[i] !== quote) {
    const escaped = quote === '"' && text[i] === "\\" && '"\\$`\n'.includes(text[i + 1] ?? "x");
    if (escaped) i++;
    if (!escaped || text[i] !== "\n") value += text[i];
    i++;
  }
  if (i >= text.length) throw new RangeError(`a quotation that starts with ${quote} does not end`);
  return { value, next: i + 1 };
}

/** Quotes a word so that a POSIX shell reads it back unchanged. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
