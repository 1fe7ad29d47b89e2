import { expect } from "chai";
import * as fc from "fast-check";
import { addLines, type Merged, overlay, removeLines } from "../../../../src/engine/config/merge.js";
import { mergeTree } from "../../../../src/engine/config/order.js";
import type { FileNode } from "../../../../src/engine/config/tree.js";
import { scanText } from "../../../support/scanned.js";

const lines = fc
  .array(fc.constantFrom("a", "b", " a", "", "c d"), { maxLength: 6 })
  .map((list) => list.join("\n"));

describe("+= and -=", () => {
  it("take away just what they name, whole lines only", () => {
    fc.assert(
      fc.property(lines, lines, (text, removed) => {
        const gone = new Set(removed.split("\n"));
        const left = text.split("\n").filter((line) => !gone.has(line));
        expect(removeLines(text, removed)).to.equal(left.join("\n"));
      }),
    );
  });

  it("add in order, and keep duplicates", () => {
    fc.assert(
      fc.property(lines, lines, lines, (a, b, c) => {
        expect(addLines(addLines(a, b), c)).to.equal(addLines(a, addLines(b, c)));
        expect(addLines(a, b).split("\n")).to.have.length(a.split("\n").length + b.split("\n").length);
      }),
    );
  });
});

const change = fc.record({
  section: fc.constantFrom("s", "t"),
  option: fc.constantFrom("a", "b"),
  sign: fc.constantFrom("", "", "+", "-"),
  value: fc.constantFrom("1", "2", "3"),
});
const text = fc
  .array(change, { maxLength: 4 })
  .map((all) =>
    all.map(({ section, option, sign, value }) => `[${section}]\n${option} ${sign}= ${value}\n`).join(""),
  );
/** Each file may extend those before it, any of them more than once. */
const tree = fc.array(fc.tuple(text, fc.array(fc.nat(20), { maxLength: 3 }), fc.boolean()), {
  minLength: 1,
  maxLength: 6,
});

function build(files: readonly (readonly [string, readonly number[], boolean])[]): FileNode {
  const nodes: FileNode[] = [];
  files.forEach(([content, extended, optional], i) => {
    const children = i === 0 ? [] : extended.map((n) => nodes[n % i]!);
    const [first, ...rest] = children;
    nodes.push({
      address: { kind: "path", path: `/${i}.cfg` },
      scanned: scanText(content, `${i}.cfg`),
      extends: optional ? (first ? [first] : []) : children,
      optional: optional ? rest : [],
    });
  });
  return nodes.at(-1)!;
}

/** The rule itself: depth first, each file every time that it is reached. */
function sequence(node: FileNode): FileNode[] {
  return [...node.extends, ...node.optional].flatMap(sequence).concat(node);
}

function texts(merged: Merged) {
  return Object.fromEntries(
    [...merged].map(([name, { options }]) => [
      name,
      Object.fromEntries([...options].map(([option, value]) => [option, value.text])),
    ]),
  );
}

describe("laying files over each other", () => {
  it("leaves out only repetitions that change nothing", () => {
    fc.assert(
      fc.property(tree, (files) => {
        const root = build(files);
        const all: Merged = new Map();
        for (const { scanned } of sequence(root)) overlay(all, scanned.sections.values());
        expect(texts(mergeTree(root, undefined))).to.deep.equal(texts(all));
      }),
      { numRuns: 2000 },
    );
  });

  it("does not lay sixty files that extend each other down exponentially often", () => {
    const nodes: FileNode[] = [];
    for (let i = 0; i < 60; i++)
      nodes.push({
        address: { kind: "path", path: `/${i}.cfg` },
        scanned: scanText(`[s${i}]\na = ${i}\n[parts]\nall =\n`, `${i}.cfg`),
        extends: [...nodes],
        optional: [],
      });
    expect([...mergeTree(nodes.at(-1)!, undefined).keys()]).to.have.length(61);
  });
});
