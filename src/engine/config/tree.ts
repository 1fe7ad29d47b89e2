import type { Diagnostic } from "../diagnostic.js";
import type { Source, Span } from "../text.js";
import { type Address, addressOf, BadAddress, displayName } from "./address.js";
import { spanWithin } from "./locate.js";
import { configError } from "./mistakes.js";
import type { Value } from "./model.js";
import { identity, Unreadable } from "./read.js";
import { type Decide, type ScannedFile, scan } from "./scan.js";
import { words } from "./space.js";

/** A configuration file with the files that it extends. One node for each address, however often it is reached. */
export interface FileNode {
  readonly address: Address;
  readonly scanned: ScannedFile;
  /** In the order in which they are laid down: extends, then optional-extends, then the file itself. */
  readonly extends: FileNode[];
  readonly optional: FileNode[];
}

/** Gives a file's text. Throws Unreadable. `main` is the file of the run, whose options rule the downloads. */
type ReadText = (address: Address, main: FileNode | undefined) => Promise<string>;

export interface TreeRequest {
  readonly main: Address;
  /** Where the main file is asked for, if anything written says so: `extends=` on the command line. */
  readonly mention?: Mention | undefined;
  readonly cwd: string;
  readonly decide: Decide;
  readonly read: ReadText;
  /** Shared by several trees, so that a file is read and parsed once. */
  readonly cache: Map<string, ScannedFile>;
}

export interface Tree {
  /** Absent where the main file itself could not be read. */
  readonly root: FileNode | undefined;
  readonly mistakes: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** Deeper chains than this do not end: a server may answer each file with one that extends another. */
const DEEPEST = 2000;

export interface Mention {
  readonly name: string;
  readonly span: Span;
  readonly optional: boolean;
}

interface Frame {
  readonly node: FileNode;
  readonly identity: string;
  readonly mentions: readonly Mention[];
  next: number;
}

/** Reads a file and all files that it extends; mistakes of all of them are collected. */
export async function readTree(request: TreeRequest): Promise<Tree> {
  const reader = new TreeReader(request);
  const root = await reader.run();
  return { root, mistakes: reader.mistakes, warnings: reader.warnings };
}

class TreeReader {
  readonly request: TreeRequest;
  readonly mistakes: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  private readonly nodes = new Map<string, FileNode>();
  private readonly reported = new Set<ScannedFile>();
  private readonly open: Frame[] = [];
  private root: FileNode | undefined;

  constructor(request: TreeRequest) {
    this.request = request;
  }

  async run(): Promise<FileNode | undefined> {
    await this.enter(this.request.main, this.request.mention);
    // Not recursive: the depth of the chain is the user's, the stack is ours.
    for (let frame = this.open.at(-1); frame; frame = this.open.at(-1)) {
      const mention = frame.mentions[frame.next++];
      if (mention) await this.follow(frame.node, mention);
      else this.open.pop();
    }
    return this.root;
  }

  private async follow(node: FileNode, mention: Mention): Promise<void> {
    let address: Address;
    try {
      address = addressOf(mention.name, node.address);
    } catch (error) {
      if (!(error instanceof BadAddress)) throw error;
      this.mistakes.push(configError("bad-address", error.message, { span: mention.span }));
      return;
    }
    const child = await this.enter(address, mention);
    if (child) (mention.optional ? node.optional : node.extends).push(child);
  }

  private async enter(address: Address, mention: Mention | undefined): Promise<FileNode | undefined> {
    const id = identity(address);
    if (this.open.some((frame) => frame.identity === id)) {
      this.mistakes.push(this.circular(id, mention));
      return undefined;
    }
    const spelled = address.kind === "url" ? address.url : address.path;
    const known = this.nodes.get(spelled);
    if (known) return known;
    if (this.open.length >= DEEPEST) {
      this.mistakes.push(tooDeep(mention));
      return undefined;
    }
    const scanned = await this.scanned(address, id, mention);
    if (!scanned) return undefined;
    const node: FileNode = { address, scanned, extends: [], optional: [] };
    this.nodes.set(spelled, node);
    this.root ??= node;
    this.open.push({ node, identity: id, mentions: mentions(scanned), next: 0 });
    return node;
  }

  private async scanned(address: Address, id: string, mention?: Mention): Promise<ScannedFile | undefined> {
    const { cache, cwd, decide, read } = this.request;
    let scanned = cache.get(id);
    if (!scanned) {
      const text = await this.text(read, address, mention);
      if (text === undefined) return undefined;
      const source: Source = { name: displayName(address, cwd), text };
      scanned = scan(source, decide);
      cache.set(id, scanned);
    }
    if (!this.reported.has(scanned)) this.mistakes.push(...scanned.mistakes, ...refused(scanned));
    this.reported.add(scanned);
    return scanned;
  }

  private async text(read: ReadText, address: Address, mention?: Mention): Promise<string | undefined> {
    try {
      return await read(address, this.root);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const help = error.kind === "missing-file" ? [...error.help, ...missing(mention)] : error.help;
      const rest = { ...(mention && { span: mention.span }), help };
      if (!mention?.optional || error.kind !== "missing-file")
        this.mistakes.push(configError(error.kind, error.message, rest));
      return undefined;
    }
  }

  private circular(id: string, mention: Mention | undefined): Diagnostic {
    const from = this.open.findIndex((frame) => frame.identity === id);
    const names = this.open.slice(from).map((frame) => frame.node.scanned.source.name);
    const notes = names.map((name, i) => ({
      message: `${name} extends ${names[i + 1] ?? names[0] ?? name}`,
    }));
    const [first] = names;
    const rest = { ...(mention && { span: mention.span }), notes };
    return configError("circular-extends", `${first ?? id} extends itself`, rest);
  }
}

/** What may help where a file is not there. */
function missing(mention: Mention | undefined): readonly string[] {
  if (!mention)
    return [
      "name another file with -c, or have tsbuildout init write one, also from what another tool reads (init --help)",
    ];
  if (mention.name.includes(",")) return ["blanks separate names, not commas"];
  if (/\$[<{]/.test(mention.name)) return ["references in the names of files are not resolved"];
  return mention.name.startsWith("~") ? ['"~" means no directory here: write out the whole path'] : [];
}

function tooDeep(mention: Mention | undefined): Diagnostic {
  const message = `files extend each other more than ${DEEPEST} deep`;
  const help = ["does a server answer each file with another one?"];
  return configError("too-deep", message, { ...(mention && { span: mention.span }), help });
}

/** What a file wants to extend, in order. Only a plain `=` counts. */
function mentions({ sections }: ScannedFile): Mention[] {
  const sets = sections.get("buildout")?.sets;
  return [...mentioned(sets?.get("extends"), false), ...mentioned(sets?.get("optional-extends"), true)];
}

function mentioned(value: Value | undefined, optional: boolean): Mention[] {
  return value === undefined ? [] : mentionsOf(value, optional);
}

export function mentionsOf(value: Value, optional: boolean): Mention[] {
  return words(value.text).map(({ text, start }) => ({
    name: text,
    optional,
    get span() {
      return spanWithin(value, start, start + text.length);
    },
  }));
}

function refused({ sections }: ScannedFile): Diagnostic[] {
  const old = sections.get("buildout")?.sets.get("extended-by");
  if (!old) return [];
  const help = ["let the other file extend this one: extends = FILE"];
  return [configError("extended-by", '"extended-by" is no longer supported', { span: old.span, help })];
}
