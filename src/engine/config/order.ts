import { DiagnosticError } from "../diagnostic.js";
import { configError } from "./mistakes.js";
import { saidBy, type Layer, type Merged, type Merging, overlay } from "./merge.js";
import type { ScannedSection } from "./scan.js";
import type { FileNode } from "./tree.js";

// In which order files are laid over each other: depth first, and a file that is reached twice is laid down twice.
// Files that extend each other many times over would be laid down exponentially often, so a repetition is left out
// where it changes nothing: where everything that the file says is said again later on.

/** More layers than this can only come from `+=` that really double at each level; the result would not fit in memory. */
const MOST_LAYERS = 20_000;

interface LayerOf {
  readonly node: FileNode;
  readonly sections: Layer;
}

/** Merges a tree of files. User defaults go under the first file read that has no `extends` of its own. */
export function mergeTree(root: FileNode, userDefaults: Merged | undefined): Merged {
  const sequence = new Sequence(root, userDefaults);
  const layers = sequence.layers();
  const merged: Merged = new Map();
  if (!sequence.repeats) {
    for (const { sections } of layers) overlay(merged, sections);
    return merged;
  }
  const openedBy = openers(root, layers);
  const seen = new Set<FileNode>();
  for (const { node, sections } of layers) {
    const first = !seen.has(node);
    seen.add(node);
    overlay(merged, sections, (name) => first && openedBy.get(name) === node);
  }
  return merged;
}

/** Which file has each section first, in the full sequence with all repetitions. */
function openers(root: FileNode, layers: readonly LayerOf[]): Map<string, FileNode> {
  // Of several layers of a file the first counts: it may lie on the user defaults.
  const laid = new Map(layers.toReversed().map(({ node, sections }) => [node, sections]));
  const openedBy = new Map<string, FileNode>();
  for (const node of postOrder(root))
    for (const { name } of laid.get(node) ?? []) if (!openedBy.has(name)) openedBy.set(name, node);
  return openedBy;
}

/** Every file once, each after all that it extends: the order of first appearances in the sequence. */
function postOrder(root: FileNode): FileNode[] {
  const ordered: FileNode[] = [];
  const seen = new Set([root]);
  const open = [{ node: root, children: below(root).values() }];
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const { value: child } = top.children.next();
    if (!child) {
      ordered.push(top.node);
      open.pop();
    }
    if (child && !seen.has(child)) {
      seen.add(child);
      open.push({ node: child, children: below(child).values() });
    }
  }
  return ordered;
}

function below(node: FileNode): FileNode[] {
  return [...node.extends, ...node.optional];
}

/** Walks the sequence from its end: what is decided there makes earlier repetitions superfluous. */
class Sequence {
  private readonly root: FileNode;
  private readonly userDefaults: Merged | undefined;
  /** For each file the options that it or a file below it adds to or removes from, as `section\noption`. */
  private readonly additions = new Map<FileNode, ReadonlySet<string>>();
  private readonly decided = new Set<string>();
  private readonly done = new Set<FileNode>();
  private readonly reversed: LayerOf[] = [];
  /** Whether any file is reached twice; mostly none is, and then nothing has to be worked out. */
  readonly repeats: boolean;

  constructor(root: FileNode, userDefaults: Merged | undefined) {
    this.root = root;
    this.userDefaults = userDefaults && userDefaults.size > 0 ? userDefaults : undefined;
    this.repeats = reachesTwice(root);
    if (this.repeats) this.collectAdditions();
  }

  layers(): LayerOf[] {
    // A frame is entered (its own options come last, so first from the end), then its children from the last to the first.
    const open: { node: FileNode; leftmost: boolean }[] = [{ node: this.root, leftmost: true }];
    for (let top = open.pop(); top; top = open.pop()) {
      const { node, leftmost } = top;
      if (!leftmost && this.done.has(node) && this.nothingNew(node)) continue;
      this.lay(node, leftmost && node.extends.length === 0);
      below(node).forEach((child, i) =>
        open.push({ node: child, leftmost: leftmost && i === 0 && node.extends.length > 0 }),
      );
    }
    return this.reversed.reverse();
  }

  private lay(node: FileNode, first: boolean): void {
    const own = [...sectionsOf(node)];
    const sections = first && this.userDefaults ? over(this.userDefaults, own) : own;
    this.reversed.push({ node, sections });
    this.done.add(node);
    if (this.reversed.length > MOST_LAYERS) throw new DiagnosticError([tooMany(node)]);
    if (!this.repeats) return;
    for (const { name, sets } of sections)
      for (const option of sets.keys()) this.decided.add(keyOf(name, option));
  }

  private nothingNew(node: FileNode): boolean {
    for (const option of this.additions.get(node) ?? []) if (!this.decided.has(option)) return false;
    return true;
  }

  private collectAdditions(): void {
    for (const node of postOrder(this.root)) {
      const found = new Set<string>();
      for (const child of below(node))
        for (const option of this.additions.get(child) ?? []) found.add(option);
      for (const { name, amendments } of sectionsOf(node))
        for (const option of amendments?.keys() ?? []) found.add(keyOf(name, option));
      this.additions.set(node, found);
    }
  }
}

function keyOf(section: string, option: string): string {
  return `${section}\n${option}`;
}

function reachesTwice(root: FileNode): boolean {
  const seen = new Set<FileNode>([root]);
  for (const node of seen)
    for (const child of below(node)) {
      if (seen.has(child)) return true;
      seen.add(child);
    }
  return false;
}

function tooMany(node: FileNode) {
  return configError(
    "too-many-layers",
    `files extend each other so often that nothing could hold the result`,
    {
      notes: [
        {
          message: `${node.scanned.source.name} is reached along very many ways, and adds with += each time`,
        },
      ],
    },
  );
}

/** A file laid over the user defaults counts as one file. */
function over(userDefaults: Merged, own: Layer): LayerOf["sections"] {
  const copy: Merged = new Map();
  overlay(copy, [...userDefaults.values()].map(asLayer));
  overlay(copy, own);
  return [...copy.values()].map(asLayer);
}

function asLayer(section: Merging) {
  return { name: section.name, header: section.header, ...saidBy(section) };
}

/** A file's sections without the options that name other files. */
function* sectionsOf({ scanned }: FileNode): Generator<ScannedSection> {
  for (const section of scanned.sections.values())
    yield section.name === "buildout" ? { ...section, sets: withoutExtends(section.sets) } : section;
}

function withoutExtends(sets: ScannedSection["sets"]): ScannedSection["sets"] {
  const kept = new Map(sets);
  kept.delete("extends");
  kept.delete("optional-extends");
  return kept;
}
