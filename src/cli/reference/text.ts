import { wrap } from "../wrap.js";
import type { OptionReference, Reference } from "./reference.js";

/** For the terminal: options and outputs on lines of their own, what they mean indented and wrapped below. */
export function referenceText(reference: Reference, columns: number): string {
  const { name, doc, lifecycle, example, options, common, computed, outputs } = reference;
  return [
    name,
    "",
    ...wrap(doc, columns),
    ...(lifecycle === undefined ? [] : ["", ...wrap(lifecycle, columns)]),
    ...section("Options", options.map(headed), columns),
    ...section("Options of every part", common.map(headed), columns),
    ...section("Options that it computes", computed.map(named), columns),
    ...section("Outputs, known after install", outputs.map(named), columns),
    ...(example === undefined ? [] : ["", "Example:", "", ...example.trimEnd().split("\n").map(indent)]),
    "",
  ].join("\n");
}

interface Entry {
  readonly head: string;
  readonly doc: string;
}

function section(title: string, entries: readonly Entry[], columns: number): string[] {
  if (entries.length === 0) return [];
  return ["", `${title}:`, ...entries.flatMap(({ head, doc }) => [indent(head), ...block(doc, columns)])];
}

function indent(line: string): string {
  return `  ${line}`.trimEnd();
}

function block(text: string, columns: number): string[] {
  return wrap(text, columns - 6).map((line) => `      ${line}`);
}

function named({ name, doc }: { readonly name: string; readonly doc: string }): Entry {
  return { head: name, doc };
}

function headed({ name, aliases, kind, default: otherwise, marks, doc }: OptionReference): Entry {
  const also = aliases.length > 0 ? ` (or ${aliases.join(", ")})` : "";
  const value = otherwise === undefined ? "" : ` = ${otherwise === "" ? "(empty)" : otherwise}`;
  return { head: `${name}${also}${value}  [${[kind, ...marks].join(", ")}]`, doc };
}
