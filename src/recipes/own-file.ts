/** Files and folders on this machine that are a part's own. */
import { existsSync } from "node:fs";
import { lstat, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { makeFolders, missingFolders } from "tsbuildout/docker";
import type { Context, InstallContext, Schema } from "tsbuildout/recipe";

type Owner = Pick<InstallContext<Schema>, "created" | "removed" | "record" | "buildout"> &
  Pick<Context, "log">;

/**
 * Writes a file that is there whole or not at all, and is recorded so that it goes with the part. Folders that it needs
 * are made. A file of somebody else's that has the name is replaced only when the new one is whole; what is no file stays.
 * @param target an absolute path
 * @param write fills the file whose path it is handed, and has it on disk when it resolves
 */
export async function writeWhole<T>(
  context: Owner,
  target: string,
  write: (partial: string) => Promise<T>,
): Promise<T> {
  const folder = dirname(target);
  const partial = join(folder, `.${basename(target)}.part`);
  await refuseOther(target);
  await announceFolders(context, folder);
  await makeFolders(folder);
  await context.created({ kind: "file", name: partial });
  try {
    const written = await write(partial);
    // What is recorded goes when the run fails or is killed: a stranger's file must not before it is replaced.
    const foreign = existsSync(target) && !isOwn(context, target);
    if (foreign) context.log(`${target} was there before and is replaced`, "note");
    else await context.created({ kind: "file", name: target });
    await rename(partial, target);
    if (foreign) await context.created({ kind: "file", name: target });
    await context.removed({ kind: "file", name: partial });
    return written;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** A rename would take the place of a device, which is then nowhere. @throws an error like the system's */
async function refuseOther(target: string): Promise<void> {
  const there = await lstat(target).catch(() => undefined);
  if (!there || there.isFile() || there.isSymbolicLink()) return;
  const message = `EEXIST: ${there.isDirectory() ? "a folder" : "what is no file"} has the name`;
  throw Object.assign(new Error(message), { code: "EEXIST", syscall: "rename", path: target });
}

/** Whether a file is recorded as this part's. */
export function isOwn({ record, buildout }: Pick<Owner, "record" | "buildout">, path: string): boolean {
  const files = record?.resources.filter(({ kind }) => kind === "file") ?? [];
  return files.some(({ name }) => resolve(buildout.directory, name) === path);
}

/**
 * Records each level of a folder that is not there yet, before it is made. It goes when it is empty: others may put their
 * files there. @param folder an absolute path
 */
export async function announceFolders(context: Pick<Owner, "created">, folder: string): Promise<void> {
  for (const name of missingFolders(folder)) await context.created({ kind: "folder", name });
}
