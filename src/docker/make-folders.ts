import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** The levels of a folder that are not there, from the top. @param folder an absolute path */
export function missingFolders(folder: string): string[] {
  const missing: string[] = [];
  for (let level = folder; !existsSync(level); level = dirname(level)) missing.unshift(level);
  return missing;
}

/** Makes a folder and what is missing above it. @param folder an absolute path @throws the system's errors */
export async function makeFolders(folder: string): Promise<void> {
  // One level at a time: all at once, Node goes on for ever where a file system takes no folders (/proc).
  for (const level of missingFolders(folder))
    await mkdir(level).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
}
