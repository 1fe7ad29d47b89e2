import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EXIT, type Invocation } from "../command.js";
import { renderPage } from "../page/page.js";
import { chooseRun } from "../runs/choose.js";
import { isAlive, runsDirectory } from "../runs/directory.js";
import { runsFolder } from "../runs/folder.js";
import { runData } from "../runs/read.js";

/** Writes the page of a run, or of several, as one HTML file, and prints its path. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const directory = await runsDirectory(invocation);
  const runs = (args.length === 0 ? [undefined] : args).map((id) => chooseRun(directory, id));
  const page = renderPage(runs.map((index) => runData(directory, index, isAlive)));
  const wanted = options.get("output");
  if (wanted === "-") {
    io.out.write(page);
    return EXIT.done;
  }
  const path =
    wanted === undefined ? join(runsFolder(directory), runs[0]!.id, "report.html") : resolve(io.cwd, wanted);
  await writeFile(path, page, { mode: 0o600 });
  io.out.write(`${path}\n`);
  return EXIT.done;
}
