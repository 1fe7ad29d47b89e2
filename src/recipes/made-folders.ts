/** Folders on this machine that a part makes on the way to a file of its own. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { InstallContext, Schema } from "tsbuildout/recipe";

/**
 * Records each level of a folder that is not there yet, before it is made. It goes when it is empty: others may put their
 * files there. @param folder an absolute path
 */
export async function announceFolders(
  context: Pick<InstallContext<Schema>, "created">,
  folder: string,
): Promise<void> {
  const missing: string[] = [];
  for (let level = folder; !existsSync(level); level = dirname(level)) missing.unshift(level);
  for (const name of missing) await context.created({ kind: "folder", name });
}
