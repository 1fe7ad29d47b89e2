/** A piece of a condition. */
export interface Token {
  readonly kind: "name" | "string" | "number" | "operator" | "end";
  /** A string's content with its escapes replaced; anything else as written. */
  readonly text: string;
  /** A string exactly as it stands between its quotes: markers know no escapes. */
  readonly raw: string;
  readonly start: number;
}

/** Why a condition cannot be read or evaluated, and where in it. */
export class ConditionError extends Error {
  readonly start: number;
  readonly help: readonly string[];

  constructor(message: string, start: number, help: readonly string[] = []) {
    super(message);
    this.start = start;
    this.help = help;
  }
}

const pattern =
  /[ \t\f\r\n]*(?:([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?:\(\))?)|((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|("(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')|(===|[=!<>~]=|[<>()[\],.+-]))/y;

/** Splits a condition; throws a ConditionError at the first character that belongs nowhere. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) throw new ConditionError(unreadable(text, from), from + leadingBlanks(text, from));
    tokens.push(token(match, pattern.lastIndex));
  }
  tokens.push({ kind: "end", text: "", raw: "", start: end });
  return tokens;
}

function token([, name, number, string, operator]: RegExpExecArray, end: number): Token {
  if (string !== undefined) {
    const raw = string.slice(1, -1);
    return { kind: "string", text: unescape(raw), raw, start: end - string.length };
  }
  const text = name ?? number ?? operator ?? "";
  const kind = name !== undefined ? "name" : number !== undefined ? "number" : "operator";
  return { kind, text, raw: text, start: end - text.length };
}

function leadingBlanks(text: string, from: number): number {
  return text.length - from - text.slice(from).trimStart().length;
}

function unreadable(text: string, from: number): string {
  const rest = text.slice(from).trimStart();
  return rest.startsWith('"') || rest.startsWith("'")
    ? "the condition has a string without its closing quote"
    : `the condition holds ${JSON.stringify(String.fromCodePoint(rest.codePointAt(0) ?? 32))}, which means nothing there`;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\n": "" };

function unescape(raw: string): string {
  return raw.replace(/\\([^])/g, (whole, c: string) =>
    c === "\\" || c === "'" || c === '"' ? c : (escapes[c] ?? whole),
  );
}
