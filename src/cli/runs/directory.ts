import { dirname, resolve } from "node:path";
import { DiagnosticError } from "../../index.js";
import type { Invocation } from "../command.js";
import { readConfiguration } from "../configuration.js";

/** The buildout's directory, where its runs are kept; also where the file that describes it is broken or gone. */
export async function runsDirectory(invocation: Invocation): Promise<string> {
  try {
    return (await readConfiguration(invocation)).directory;
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return dirname(resolve(invocation.io.cwd, invocation.globals.config));
  }
}

/** Whether a process lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
