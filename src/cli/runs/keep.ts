import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Event, now, type Reporter } from "../../index.js";
import type { Invocation } from "../command.js";
import { isAlive } from "./directory.js";
import { readIndex, runsFolder } from "./folder.js";
import { runFolder } from "./writer.js";

export interface KeptRun {
  readonly report: Reporter;
  /** To be called where the run was ended by an error. */
  readonly abandon: () => void;
  /** Sends the finished run where `[buildout] results` says. What is refused is a warning: the run is what it was. */
  publish(): Promise<void>;
}

/** Keeps a run in its folder, and publishes it when it has ended. */
export function keepRun({ io }: Invocation): KeptRun {
  const warn = (message: string): void => void io.err.write(`warning: ${message}\n`);
  const kept = runFolder({ pid: process.pid, now, warn });
  let started: Extract<Event, { type: "run-started" }> | undefined;
  return {
    report: (event) => {
      if (event.type === "run-started") started = event;
      kept.report(event);
    },
    abandon: kept.abandon,
    publish: async () => {
      if (!started || started.results === "") return;
      const { directory, runId: id, results } = started;
      try {
        const folder = join(runsFolder(directory), id);
        await writePage(directory, id);
        const { parseDestination, uploadRun } = await import("./upload.js");
        const { env, signal } = io;
        await uploadRun({ folder, id, destination: parseDestination(results, directory), env, signal });
      } catch (error) {
        warn(`this run was not published to ${results}: ${(error as Error).message}`);
      }
    },
  };
}

async function writePage(directory: string, id: string): Promise<void> {
  const index = readIndex(directory, id);
  if (!index) return;
  const [{ renderPage }, { runData }] = await Promise.all([import("../page/page.js"), import("./read.js")]);
  const page = renderPage([runData(directory, index, isAlive)]);
  await writeFile(join(runsFolder(directory), id, "report.html"), page, { mode: 0o600 });
}
