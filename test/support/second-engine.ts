import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectFolder } from "./cli.js";

/** A real engine beside the one under test: its own dockerd, containerd, data and bridge. Needs root. */
export interface SecondEngine {
  /** `unix://…` */
  readonly host: string;
  readonly stop: () => Promise<void>;
}

export async function startSecondEngine(): Promise<SecondEngine> {
  const folder = await mkdtemp(join(tmpdir(), "tsb-second-"));
  const dir = join(folder, "engine");
  const script = async (...args: readonly string[]): Promise<void> => {
    await promisify(execFile)(join(projectFolder, "scripts/engine"), [...args, "--private", "--dir", dir]);
  };
  const stop = async (): Promise<void> => {
    await script("down");
    await rm(folder, { recursive: true, force: true });
  };
  // Held by this process: what a test that was killed leaves is not wanted by anybody.
  await script("up", "--holder", String(process.pid));
  return { host: `unix://${dir}/docker.sock`, stop };
}
