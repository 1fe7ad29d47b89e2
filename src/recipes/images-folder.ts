import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseReference } from "tsbuildout/docker";
import { globMatcher, RecipeError } from "tsbuildout/recipe";

export interface ImageFolder {
  /** Of the folder; names the part. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Of the image: the folder's name in lower case. */
  readonly image: string;
}

export interface FolderChoice {
  readonly directory: string;
  /** Within each folder. */
  readonly dockerfile: string;
  readonly exclude: readonly string[];
}

/** The subfolders with a Dockerfile, in the order of their names; hidden ones are left out.
 *  @throws a problem `images/…` */
export async function imageFolders({ directory, dockerfile, exclude }: FolderChoice): Promise<ImageFolder[]> {
  const isExcluded = await globMatcher(exclude);
  const names = (await list(directory)).filter((name) => !name.startsWith(".") && !isExcluded(name));
  const found: ImageFolder[] = [];
  for (const name of names.sort()) {
    const path = join(directory, name);
    if (await isFile(join(path, dockerfile))) found.push({ name, path, image: imageName(name) });
  }
  if (found.length > 0) return found;
  throw new RecipeError({
    code: "images/none",
    message: `no subfolder of ${directory} has a ${dockerfile}`,
    help: ["each image has a folder of its own, with its Dockerfile in it; directory says where these are"],
    option: "directory",
  });
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "it does not exist" : code === "ENOTDIR" ? "it is not a folder" : code;
    throw new RecipeError({
      code: "images/unreadable",
      message: `cannot read ${directory}: ${why}`,
      option: "directory",
    });
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function imageName(folder: string): string {
  const name = folder.toLowerCase();
  try {
    if (!/[:@/]/.test(parseReference(name).path.replace(/^library\//, ""))) return name;
  } catch {
    // Said below.
  }
  throw new RecipeError({
    code: "images/name",
    message: `no image can be called like the folder "${folder}"`,
    help: ["rename it, or leave it out by the option exclude"],
    option: "directory",
  });
}
