/** Files of a work container, through the archive calls of the API. */
import { buffer } from "node:stream/consumers";
import { statInContainer, type PathStat } from "tsbuildout/docker";
import { pack } from "tar-stream";
import type { Work } from "./gentoo-exec.js";
import { FREEZE, freezeFor } from "./freeze.js";

/** What is at a path of a container; undefined where nothing is. Mounts made inside are not seen. */
export async function pathInContainer(
  work: Work,
  path: string,
  signal?: AbortSignal,
): Promise<PathStat | undefined> {
  return await statInContainer(work.engine, work.name, path, signal);
}

/** Puts `freeze` into a container that does not have it. */
export async function installFreeze(work: Work, arch: string, signal: AbortSignal): Promise<void> {
  if (await pathInContainer(work, FREEZE, signal)) return;
  // Behind a symlinked /bin it goes where the link leads; in an empty image the folder is made.
  const folder = (await pathInContainer(work, "/bin", signal)) !== undefined;
  await putProgram(work, {
    folder: folder ? "/bin" : "/",
    name: folder ? "freeze" : "bin/freeze",
    content: freezeFor(arch),
    signal,
  });
}

interface Program {
  readonly folder: string;
  readonly name: string;
  readonly content: Buffer;
  readonly signal: AbortSignal;
}

/** Puts a program into a folder of a container; folders of its name are made. */
export async function putProgram(work: Work, { folder, name, content, signal }: Program): Promise<void> {
  const archive = pack();
  const at = { mode: 0o755, uid: 0, gid: 0, mtime: new Date(0) };
  const folders = name.split("/").slice(0, -1);
  for (const [depth] of folders.entries())
    archive.entry({ ...at, name: `${folders.slice(0, depth + 1).join("/")}/`, type: "directory" });
  archive.entry({ ...at, name }, content);
  archive.finalize();
  await work.engine.request({
    method: "PUT",
    path: `/containers/${encodeURIComponent(work.name)}/archive`,
    query: { path: folder, noOverwriteDirNonDir: 1 },
    headers: { "Content-Type": "application/x-tar" },
    body: await buffer(archive),
    signal,
  });
}
