import { readFile } from "node:fs/promises";

/**
 * Resolves once a process is `freeze` and waits for signals: it sleeps nowhere else. One that comes before meets the
 * program that has started it, or is lost.
 * @param pid as this machine knows it; one that is gone rejects
 */
export async function untilFrozen(pid: number | undefined): Promise<void> {
  let status = "";
  while (!/^Name:\tfreeze\n(.*\n)*State:\tS/.test(status))
    status = await readFile(`/proc/${pid}/status`, "utf8");
}
