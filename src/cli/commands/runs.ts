import { EXIT, type Invocation } from "../command.js";
import { formatSeconds, pad } from "../report/width.js";
import { resultOf } from "../runs/choose.js";
import { isAlive, runsDirectory } from "../runs/directory.js";
import { listRuns } from "../runs/folder.js";

/** Lists the runs that are kept, the newest first. */
export async function run(invocation: Invocation): Promise<number> {
  const { io, globals } = invocation;
  const rows = listRuns(await runsDirectory(invocation)).map((run) => ({
    id: run.id,
    started: run.started,
    command: run.command,
    result: resultOf(run, isAlive(run.pid)),
    milliseconds: run.milliseconds ?? null,
    parts: run.parts.length,
  }));
  if (globals.json) {
    io.out.write(`${JSON.stringify({ runs: rows })}\n`);
    return EXIT.done;
  }
  for (const { id, command, result, milliseconds, parts } of rows) {
    const took = milliseconds === null ? "" : formatSeconds(milliseconds / 1000);
    io.out.write(
      `${id}  ${pad(command, 9)}  ${pad(result, 9)}  ${pad(parts === 1 ? "1 part" : `${parts} parts`, 11)}  ${took}\n`,
    );
  }
  if (rows.length === 0) io.out.write("no runs yet\n");
  return EXIT.done;
}
