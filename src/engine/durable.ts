import { readlinkSync, realpathSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** As many as Linux follows. */
const MOST_LINKS = 40;

/** The file, there or not, that symbolic links lead to: who renames something over a link replaces the link. */
export function behindLinks(path: string): string {
  let file = path;
  try {
    for (let links = 0; links < MOST_LINKS; links++) {
      const target = readlinkSync(file);
      // A folder on the way may be a link, too, and then `..` is not what it looks like.
      file = resolve(realpathSync(dirname(file)), target);
    }
  } catch {
    return file;
  }
  return path;
}

/** Replaces a file so that a crash leaves either the old or the new text. Mode 0600. */
export async function saveWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** What was made, renamed or removed in a folder is on the disk; of a new file, its name. File systems that cannot do
 *  it (VirtualBox's shared folders) say EINVAL, as fsync(2) has it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
  } finally {
    await directory.close();
  }
}
