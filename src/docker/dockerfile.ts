/** Reads Dockerfiles, as far as one must know which images they start from and on which line a step stands
 *  (https://docs.docker.com/reference/dockerfile/). What is wrong in one is left for the builder to say. */

export interface Instruction {
  /** In upper case. */
  readonly keyword: string;
  /** What follows the keyword, continuation lines joined. */
  readonly rest: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

export interface Stage {
  /** What follows `AS`, in lower case; undefined without. */
  readonly name: string | undefined;
  /** What the stage starts from, as written. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** A Dockerfile as far as it is read here; see parseDockerfile. */
export interface Dockerfile {
  /** The image that reads it instead of the builder, where its directive `# syntax=` names one. */
  readonly syntax: string | undefined;
  readonly instructions: readonly Instruction[];
  readonly stages: readonly Stage[];
}

/** Never throws: a file that is no Dockerfile has no stages. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const directives = readDirectives(lines);
  const instructions = readInstructions(lines, directives.get("escape") ?? "\\");
  return { syntax: directives.get("syntax"), instructions, stages: readStages(instructions) };
}

function readInstructions(lines: readonly string[], escape: string): Instruction[] {
  const continues = escape === "`" ? /`[ \t]*$/ : /\\[ \t]*$/;
  const found: Instruction[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    let joined = lines[i]!;
    if (isSkipped(joined)) continue;
    // Comments and blank lines within a continued instruction are dropped, and do not end it.
    while (continues.test(joined) && i + 1 < lines.length) {
      const next = lines[++i]!;
      if (!isSkipped(next)) joined = joined.replace(continues, "") + next;
    }
    const match = /^\s*(\w+)(?:\s+([\s\S]*))?$/.exec(joined.replace(continues, ""));
    if (!match) continue;
    const rest = (match[2] ?? "").trim();
    const keyword = match[1]!.toUpperCase();
    found.push({ keyword, rest, line });
    if (/^(?:RUN|COPY|ADD|ONBUILD)$/.test(keyword)) i = skipHeredocs(rest, lines, i);
  }
  return found;
}

const isSkipped = (line: string): boolean => /^\s*(#|$)/.test(line);

/** Parser directives are comments before everything else: `# escape=` followed by a backquote. Names in lower case. */
function readDirectives(lines: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^\s*#\s*(\w+)\s*=\s*(\S+)/.exec(line) ?? [];
    if (name === undefined || value === undefined) break;
    found.set(name.toLowerCase(), value);
  }
  return found;
}

/** The index of the last line of the here-documents that an instruction opens. */
function skipHeredocs(rest: string, lines: readonly string[], at: number): number {
  let i = at;
  for (const [, dash, word] of rest.matchAll(/(?:^|\s)\d*<<(-?)["']?([\w.-]+)["']?/g)) {
    const ends = (line: string): boolean => (dash ? line.replace(/^\t+/, "") : line) === word;
    const end = lines.findIndex((line, index) => index > i && ends(line));
    // Without an end it was no here-document (`cat <<EOF` in quotes, an old builder's shell redirection).
    if (end >= 0) i = end;
  }
  return i;
}

function readStages(instructions: readonly Instruction[]): Stage[] {
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of instructions) {
    if (instruction.keyword === "FROM") {
      const words = instruction.rest.split(/\s+/).filter((word) => !word.startsWith("--"));
      const name = words[1]?.toLowerCase() === "as" ? words[2]?.toLowerCase() : undefined;
      stages.push({ name, from: words[0] ?? "", instructions: [] });
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

export interface Wanted {
  readonly buildArgs?: Readonly<Record<string, string | undefined>>;
  /** A stage's name or number; the last one unless said. */
  readonly target?: string | undefined;
  /** Names of further contexts, which stand in for images. */
  readonly contexts?: readonly string[];
}

/**
 * The images that a build starts from or copies from, as they are written, variables filled in: those of stages that
 * the target does not need are left out. One whose name cannot be told (a variable without value) is left out too.
 */
export function imagesOf(dockerfile: Dockerfile, wanted: Wanted = {}): string[] {
  const { stages } = dockerfile;
  const variables = globalVariables(dockerfile, wanted.buildArgs ?? {});
  const images = new Set<string>();
  const contexts = new Set(wanted.contexts?.map(familiar));
  const seen = new Set<number>();
  const visit = (index: number): void => {
    const stage = stages[index];
    if (!stage || seen.has(index)) return;
    seen.add(index);
    follow(stage.from, index);
    for (const source of stage.instructions.flatMap(sourcesOf)) follow(source, index);
  };
  const follow = (written: string, before: number): void => {
    const name = unquote(written, variables);
    if (name.includes(UNKNOWN)) return stagesLike(stages, name, before).forEach(visit);
    if (!name || name === "scratch" || contexts.has(familiar(name))) return;
    const stage = stageIndex(stages, name, before);
    if (stage >= 0) visit(stage);
    else if (!/^\d+$/.test(name)) images.add(name);
  };
  visit(wanted.target ? stageIndex(stages, wanted.target, stages.length) : stages.length - 1);
  return [...images];
}

function stageIndex(stages: readonly Stage[], name: string, before: number): number {
  const byName = stages.findLastIndex((stage, index) => index < before && stage.name === name.toLowerCase());
  return byName < 0 && /^\d+$/.test(name) && Number(name) < before ? Number(name) : byName;
}

/** The stages that a name with something unknown in it may mean: `base-$TARGETARCH`, which the builder fills in. */
function stagesLike(stages: readonly Stage[], name: string, before: number): number[] {
  const pieces = name.toLowerCase().split(UNKNOWN);
  const like = new RegExp(`^${pieces.map((piece) => piece.replaceAll(/\W/g, "\\$&")).join(".*")}$`);
  return stages.flatMap((stage, at) => (at < before && stage.name && like.test(stage.name) ? [at] : []));
}

/** An image and a context in its place may be called differently: `busybox:latest`, `docker.io/library/busybox`. */
function familiar(name: string): string {
  return name.replace(/^(?:docker\.io\/)?(?:library\/)?/, "").replace(/:latest$/, "");
}

/** Stages and images that an instruction takes files from. */
function sourcesOf({ keyword, rest }: Instruction): string[] {
  if (keyword === "COPY") return flagsOf(rest, "from");
  if (keyword !== "RUN") return [];
  return flagsOf(rest, "mount").flatMap((mount) => /(?:^|,)from=([^,]+)/.exec(mount)?.[1] ?? []);
}

/** The values of an instruction's flags of that name, which stand before all else; quotes in them are there for blanks. */
function flagsOf(rest: string, name: string): string[] {
  const word = /(?:[^\s"']|"[^"]*"|'[^']*')+/g;
  const words = rest.match(word) ?? [];
  const others = words.findIndex((one) => !one.startsWith("--"));
  const flags = words.slice(0, others < 0 ? undefined : others).map((one) => one.replaceAll(/["']/g, ""));
  const start = `--${name}=`;
  return flags.filter((flag) => flag.startsWith(start)).map((flag) => flag.slice(start.length));
}

/** Variables of before the first FROM, with the values that the build gives them. */
function globalVariables(
  dockerfile: Dockerfile,
  given: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const { keyword, rest } of dockerfile.instructions) {
    if (keyword === "FROM") break;
    if (keyword !== "ARG") continue;
    for (const word of rest.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? []) {
      const [, name, value] = /^(\w+)(?:=([\s\S]*))?$/.exec(word) ?? [];
      const chosen = name && (given[name] ?? (value === undefined ? undefined : unquote(value, variables)));
      if (name && chosen !== undefined && !chosen.includes(UNKNOWN)) variables.set(name, chosen);
    }
  }
  return variables;
}

function unquote(value: string, variables: ReadonlyMap<string, string>): string {
  if (value.startsWith("'")) return value.replace(/^'|'$/g, "");
  return expandVariables(value.replace(/^"|"$/g, ""), variables);
}

/** Stands for what is not known. */
const UNKNOWN = "\0";

/** Fills in `$x`, `${x}`, `${x:-default}`, `${x-default}`, `${x:+other}` and `${x:?error}`, whose words may have variables. */
function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  let filled = "";
  for (let rest = text; rest !== ""; ) {
    const [all = rest[0] ?? "", plain, braced] = /^\$(?:(\w+)|\{(\w+))/.exec(rest) ?? [];
    rest = rest.slice(all.length);
    if (plain !== undefined) filled += variables.get(plain) ?? UNKNOWN;
    else if (braced === undefined) filled += all;
    else {
      const end = closingBrace(rest);
      filled += braces(braced, rest.slice(0, end), variables);
      rest = rest.slice(end + 1);
    }
  }
  return filled;
}

/** Where the brace is closed that stands open before a text. */
function closingBrace(text: string): number {
  let depth = 1;
  const end = text.split("").findIndex((character) => {
    depth += character === "{" ? 1 : character === "}" ? -1 : 0;
    return depth === 0;
  });
  return end < 0 ? text.length : end;
}

/** @param modifier what stands between the name and the closing brace */
function braces(name: string, modifier: string, variables: ReadonlyMap<string, string>): string {
  const [, colon, sign, word = ""] = /^(:?)([-+?])(.*)$/s.exec(modifier) ?? [];
  if (sign === undefined && modifier !== "") return UNKNOWN;
  const known = variables.get(name);
  const value = colon && known === "" ? undefined : known;
  if (sign === "+") return value === undefined ? "" : expandVariables(word, variables);
  return value ?? (sign === "-" ? expandVariables(word, variables) : UNKNOWN);
}
