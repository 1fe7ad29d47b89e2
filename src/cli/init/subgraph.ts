import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBuildout, type Summary } from "../../index.js";
import { UsageError } from "../args.js";
import type { Invocation } from "../command.js";
import { requestOf } from "../configuration.js";

const HELP = "see that the engine can run it, or take it out of meta.subgraphs";

/** What an image prints when it is run: the stages of a subgraph. It runs as a stage of a buildout that is gone again
 *  afterwards, so that it is pulled and run just as the stages that come of it. @throws UsageError */
export async function printedBySubgraph(invocation: Invocation, image: string): Promise<string> {
  if (!/^[\w./:@-]+$/.test(image))
    throw new UsageError(`"${image}" in meta.subgraphs is no name of an image`);
  const cwd = await mkdtemp(join(tmpdir(), "tsbuildout-subgraph-"));
  try {
    const config = `[buildout]\nparts = subgraph\n[subgraph]\nrecipe = docker.stage\nimage = ${image}\n`;
    await writeFile(join(cwd, "buildout.cfg"), config);
    const request = { ...requestOf(invocation), file: "buildout.cfg", cwd, assignments: [] };
    const buildout = openBuildout(request);
    const { signal } = invocation.io;
    const summary = await buildout.install({ signal });
    try {
      if (!summary.ok) throw new UsageError(`the subgraph ${image} cannot be had: ${whyOf(summary)}`, [HELP]);
      const out = join(cwd, ".tsbuildout", "out");
      const [id = ""] = await readdir(out);
      return await readFile(join(out, id, "subgraph"), "utf8");
    } finally {
      await buildout.uninstall({ all: true });
    }
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

function whyOf({ parts }: Summary): string {
  return parts.find(({ why }) => why !== undefined)?.why ?? "it did not run";
}
