import type { PartStatus } from "../../index.js";
import { EXIT, type Invocation } from "../command.js";
import { buildoutOf } from "../buildout.js";
import { tellAtOnce } from "../report/at-once.js";

/** Shows what is installed, and how it stands on the engine. */
export async function run(invocation: Invocation): Promise<number> {
  const { options, globals, io } = invocation;
  const parts = await buildoutOf(invocation).status({ signal: io.signal, report: tellAtOnce(io) });
  io.out.write(globals.json ? `${JSON.stringify({ parts })}\n` : statusText(parts, globals.verbosity > 0));
  const asInstalled = parts.every(({ state }) => state === "ok");
  return options.has("exit-code") && !asInstalled ? EXIT.changes : EXIT.done;
}

/** One line a part in columns, with what has drifted, and where asked for its outputs, below it. */
function statusText(parts: readonly PartStatus[], verbose: boolean): string {
  if (parts.length === 0) return "nothing is installed\n";
  const rows = parts.map((part) => [
    part.part,
    part.state,
    `${part.recipe} ${part.version}`,
    part.installedAt,
  ]);
  const widths = [0, 1, 2].map((column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]!.length), 0),
  );
  return parts
    .map((part, index) => {
      const cells = rows[index]!.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
      const notes = [...part.drift.map(({ message }) => message), ...(part.problem?.split("\n") ?? [])];
      if (verbose) notes.push(...Object.entries(part.outputs).flatMap(outputLines));
      return [cells.trimEnd(), ...notes.map((note) => `    ${note}`)].join("\n");
    })
    .join("\n")
    .concat("\n");
}

function outputLines([name, text]: readonly [string, string]): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  return lines.length === 1 ? [`${name} = ${text}`] : [`${name} =`, ...lines.map((line) => `    ${line}`)];
}
