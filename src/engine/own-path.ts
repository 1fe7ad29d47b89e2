/** Paths that recipes say they create: what is removed when their part goes. */
import { lstat, readdir } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { RecipeError, type Resource } from "./contract.js";

/** Whether a path is that folder, or in it. Both absolute. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/**
 * A folder goes with all that is in it: what is in one before a part makes it is somebody else's. One that holds the
 * buildout itself is never removed.
 * @param recorded what the part has made so far
 * @param directory the buildout's
 * @throws RecipeError `part/foreign-folder`
 */
export async function refuseForeign(
  { name }: Resource,
  recorded: readonly Resource[],
  directory: string,
): Promise<void> {
  const path = resolve(directory, name);
  const isOwn = recorded.some((own) => own.kind === "file" && isWithin(path, resolve(directory, own.name)));
  if (isOwn || isWithin(directory, path) || !(await hasSomething(path))) return;
  throw new RecipeError({
    code: "part/foreign-folder",
    message: `${path} is a folder that is there already, with something in it that is not this part's`,
    help: ["name another place, or move the folder away"],
  });
}

/** Whether it is a folder that is not known to be empty. */
async function hasSomething(path: string): Promise<boolean> {
  if (!(await lstat(path).catch(() => undefined))?.isDirectory()) return false;
  const names = await readdir(path).catch(() => undefined);
  return names?.length !== 0;
}
