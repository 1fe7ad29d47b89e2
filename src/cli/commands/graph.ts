import type { GraphPart } from "../../index.js";
import { EXIT, type Invocation } from "../command.js";
import { buildoutOf } from "../buildout.js";

/** Shows the parts in order, and why each comes after which. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, globals, io } = invocation;
  const parts = await buildoutOf(invocation).graph({ parts: args, signal: io.signal });
  if (globals.json) io.out.write(`${JSON.stringify({ parts })}\n`);
  else io.out.write(options.has("dot") ? graphDot(parts) : graphText(parts));
  return EXIT.done;
}

export function graphText(parts: readonly GraphPart[]): string {
  return parts
    .flatMap(({ part, recipe, needs }) => [
      `${part} (${recipe})`,
      ...needs.map((need) => `    after ${need.part}: ${need.why}`),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

/** The DOT language of Graphviz (https://graphviz.org/doc/info/lang.html). */
export function graphDot(parts: readonly GraphPart[]): string {
  const nodes = parts.map(({ part, recipe }) => `  ${quote(part)} [tooltip=${quote(recipe)}];`);
  const edges = parts.flatMap(({ part, needs }) =>
    needs.map((need) => `  ${quote(need.part)} -> ${quote(part)} [label=${quote(need.why)}];`),
  );
  return ["digraph buildout {", "  rankdir=LR;", ...nodes, ...edges, "}", ""].join("\n");
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
