import type { GraphPart } from "../../index.js";
import { UsageError } from "../args.js";
import { buildoutOf } from "../buildout.js";
import { EXIT, type Invocation } from "../command.js";
import { graphDot, graphMermaid, graphSvg, graphText } from "../report/graph-formats.js";

const FORMATS = new Map<string, (parts: readonly GraphPart[]) => string>([
  ["text", graphText],
  ["dot", graphDot],
  ["mermaid", graphMermaid],
  ["svg", graphSvg],
  ["json", (parts) => `${JSON.stringify({ parts })}\n`],
]);

/** Shows the parts in order, and why each comes after which. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, globals, io } = invocation;
  const format = globals.json ? "json" : (options.get("format") ?? "text");
  const print = FORMATS.get(format);
  if (!print) throw new UsageError(`--format takes ${[...FORMATS.keys()].join(", ")}, not "${format}"`);
  io.out.write(print(await buildoutOf(invocation).graph({ parts: args, signal: io.signal })));
  return EXIT.done;
}
