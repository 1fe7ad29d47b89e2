import { cp } from "node:fs/promises";
import { join } from "node:path";
import { projectFolder } from "../test/support/cli.js";
import { loadedSources } from "../test/support/loaded.js";
import type { Bench, Work } from "./harness.js";
import type { Row } from "./table.js";

const ROUNDS = 21;

/** Cold starts beside bare node, and how much each loads. */
export async function rows(bench: Bench): Promise<Row[]> {
  const cwd = join(bench.folder, "quickstart");
  await cp(join(projectFolder, "examples/quickstart"), cwd, { recursive: true });
  const node = { name: "node -e 0", run: () => bench.command(process.execPath, ["-e", "0"]) };
  const version: Work = { run: () => bench.ours(["--version"], { cwd }) };
  const annotate: Work = { run: () => bench.ours(["annotate"], { cwd }) };
  const row = (work: string, ours: Work, atMost: number): Promise<Row> =>
    bench.compare({ work, ours, peer: node, rounds: ROUNDS, atMost });
  return [
    await row("start: --version", version, 1.6),
    await row("start: annotate of the quick start", annotate, 2),
    await modules(bench, ["--version"], cwd),
    await modules(bench, ["annotate"], cwd),
  ];
}

/** Packages besides our own sources; heavy ones must not be among them. */
async function modules(bench: Bench, args: string[], cwd: string): Promise<Row> {
  const { chunks, sources } = await loadedSources(projectFolder, (env) => bench.ours(args, { cwd, env }));
  const packages = sources.flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []);
  const list = [...new Set(packages)].join(", ") || "none";
  return { work: `start: chunks of ${args.join(" ")} (packages: ${list})`, unit: "", ours: chunks.length };
}
