import { didYouMean } from "../../index.js";
import { UsageError } from "../args.js";
import { listRuns, readIndex, type RunIndex } from "./folder.js";

/** The run that was asked for; the latest where none was. @throws UsageError */
export function chooseRun(directory: string, id: string | undefined): RunIndex {
  const found = id === undefined ? listRuns(directory)[0] : safeIndex(directory, id);
  if (found) return found;
  const runs = listRuns(directory).map((run) => run.id);
  if (id === undefined)
    throw new UsageError("there is no run yet", ["tsbuildout install makes the first one"]);
  throw new UsageError(`there is no run "${id}"`, [
    ...didYouMean(id, runs),
    "tsbuildout runs lists those that are kept",
  ]);
}

function safeIndex(directory: string, id: string): RunIndex | undefined {
  return /^[\w-]+$/.test(id) ? readIndex(directory, id) : undefined;
}

/** How a run came out, in a word. */
export function resultOf(
  run: RunIndex,
  alive: boolean,
): "running" | "failed" | "aborted" | "done" | "unchanged" {
  const results = new Set(run.parts.map((part) => part.result));
  if (run.milliseconds === undefined) return alive ? "running" : "aborted";
  for (const result of ["failed", "aborted"] as const) if (results.has(result)) return result;
  return results.has("done") ? "done" : "unchanged";
}
