import { SPACE } from "../characters.js";

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
    if (!match) throw unreadable(text, from);
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

/** What other languages write, and what stands for it here. */
const words: Readonly<Record<string, string>> = { "&": "and", "|": "or", "!": "not", "=": "==" };

function unreadable(text: string, from: number): ConditionError {
  const rest = text.slice(from).trimStart();
  const start = text.length - rest.length;
  if (rest.startsWith('"') || rest.startsWith("'"))
    return new ConditionError("the condition has a string without its closing quote", start);
  const character = String.fromCodePoint(rest.codePointAt(0) ?? SPACE);
  const word = words[character];
  const message = `the condition holds ${JSON.stringify(character)}, which means nothing there`;
  return new ConditionError(message, start, word === undefined ? [] : [`write "${word}"`]);
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\n": "" };

function unescape(raw: string): string {
  return raw.replace(/\\([^])/g, (whole, c: string) =>
    c === "\\" || c === "'" || c === '"' ? c : (escapes[c] ?? whole),
  );
}
