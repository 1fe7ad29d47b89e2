import { DockerError } from "./errors.js";

/** One line of a .dockerignore file. */
interface Pattern {
  readonly text: string;
  /** A line with `!` takes back what lines before it ignored. */
  readonly keeps: boolean;
  readonly matches: RegExp;
}

/** What is known of a directory: which patterns it or something above it matched. */
type Matched = readonly boolean[];

/**
 * Which paths of a build context are ignored, by the docker CLI's rules
 * (https://docs.docker.com/build/concepts/context/#dockerignore-files): the last pattern that matches a path or a
 * folder above it decides.
 */
export class DockerIgnore {
  readonly #patterns: readonly Pattern[];
  readonly #folders = new Map<string, Matched>();

  /** @param name of the file, for the message @throws DockerError `context/bad-ignore` */
  constructor(text: string, name = ".dockerignore") {
    this.#patterns = text
      .replace(/^\uFEFF/, "")
      .split("\n")
      .flatMap((line, at) => parseLine(line, `${name}:${at + 1}`));
  }

  /** Asked parents first. An ignored folder is entered where a `!` pattern may take back something in it. */
  choose(path: string, directory: boolean): { readonly take: boolean; readonly enter: boolean } {
    const { ignored, matched } = this.#match(path);
    if (directory) this.#folders.set(path, matched);
    const enter =
      directory && (!ignored || this.#patterns.some((one) => one.keeps && mayMatchBelow(one.text, path)));
    return { take: !ignored, enter };
  }

  /** Whether a path is ignored, of which nothing needs to be known. */
  ignores(path: string): boolean {
    const pieces = path.split("/");
    for (let depth = 1; depth < pieces.length; depth += 1)
      this.choose(pieces.slice(0, depth).join("/"), true);
    return this.#match(path).ignored;
  }

  #match(path: string): { ignored: boolean; matched: Matched } {
    const slash = path.lastIndexOf("/");
    const above = slash < 0 ? undefined : this.#folders.get(path.slice(0, slash));
    let ignored = false;
    const matched = this.#patterns.map((pattern, at) => {
      // A line that could change nothing is not looked at, here as there.
      const hit = above?.[at] === true || (pattern.keeps === ignored && pattern.matches.test(path));
      if (hit) ignored = !pattern.keeps;
      return hit;
    });
    return { ignored, matched };
  }
}

function parseLine(line: string, place: string): Pattern[] {
  if (line.startsWith("#")) return [];
  const trimmed = line.trim();
  const keeps = trimmed.startsWith("!");
  const text = cleanPath(keeps ? trimmed.slice(1).trim() : trimmed);
  if (keeps && text === "") throw badIgnore(trimmed, place);
  if (text === "" || text === ".") return [];
  try {
    return [{ text, keeps, matches: compile(text) }];
  } catch {
    throw badIgnore(trimmed, place);
  }
}

function badIgnore(line: string, place: string): DockerError {
  return new DockerError({
    code: "context/bad-ignore",
    message: `"${line}" is not a pattern`,
    notes: [place],
  });
}

/** Go's filepath.Clean below a root: no empty pieces, no `.`, no `..`, no slash in front. */
function cleanPath(text: string): string {
  if (text === "") return "";
  const pieces: string[] = [];
  for (const piece of text.split("/")) {
    if (piece === "" || piece === ".") continue;
    if (piece === ".." && pieces.length > 0 && pieces.at(-1) !== "..") pieces.pop();
    else if (piece !== ".." || !text.startsWith("/")) pieces.push(piece);
  }
  return pieces.length === 0 ? "." : pieces.join("/");
}

/** Go's filepath.Match with `**` for any number of folders. */
function compile(text: string): RegExp {
  let source = "";
  for (let rest = text; rest !== ""; ) {
    const [taken, regex] = nextPiece(rest);
    source += regex;
    rest = rest.slice(taken);
  }
  return new RegExp(`^${source}$`, "su");
}

/** How much of the pattern the next piece takes, and its regular expression. */
function nextPiece(rest: string): [taken: number, regex: string] {
  const [folders] = /^\*\*\/?/.exec(rest) ?? [];
  if (folders !== undefined) return [folders.length, folders.length === rest.length ? ".*" : "(?:.*/)?"];
  if (rest.startsWith("*")) return [1, "[^/]*"];
  if (rest.startsWith("?")) return [1, "[^/]"];
  const [all, negated, content] = /^\[(\^?)((?:\\.|[^\]\\])+)\]/su.exec(rest) ?? [];
  if (all !== undefined) return [all.length, `[${negated}${characterClass(content ?? "")}]`];
  if (rest.startsWith("[")) throw new SyntaxError("an open class");
  const [literal = ""] = /^(?:\\.|.)/su.exec(rest) ?? [];
  return [literal.length, escapeLiteral(literal.length > 1 ? literal.slice(1) : literal)];
}

function characterClass(content: string): string {
  return content.replace(
    /\\(.)|([[\]&~|!#$%*+,.:;<=>?@^`{}()])/gsu,
    (_, escaped: string, special: string) => {
      const character = escaped ?? special;
      return /[\w\s]/u.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
    },
  );
}

function escapeLiteral(character: string): string {
  return /[\w\s]/u.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Whether a pattern may match something in a folder, going by its pieces up to the first that is no plain text. */
function mayMatchBelow(pattern: string, folder: string): boolean {
  const pieces = pattern.split("/");
  for (const [at, name] of folder.split("/").entries()) {
    const piece = pieces[at];
    if (piece === undefined) return false;
    if (/[*?[\\]/.test(piece))
      return piece.includes("**") || mayMatch(piece, name) ? deeper(pieces, at) : false;
    if (piece !== name) return false;
  }
  return pieces.length > folder.split("/").length;
}

/** A class may go on behind a slash: of the piece before it nothing can be said. */
function mayMatch(piece: string, name: string): boolean {
  try {
    return compile(piece).test(name);
  } catch {
    return true;
  }
}

function deeper(pieces: readonly string[], at: number): boolean {
  return pieces.length > at + 1 || pieces[at]?.includes("**") === true;
}
