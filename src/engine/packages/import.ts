import { pathToFileURL } from "node:url";
import { RecipeLoadError } from "./error.js";
import { offerSelf } from "./self.js";

/** @throws RecipeLoadError where the module throws, or this Node cannot run it */
export async function importModule(spec: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  offerSelf();
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const typescript = code === "ERR_UNKNOWN_FILE_EXTENSION";
    const help = typescript ? ["compile it, or use Node 22.18 or newer, which runs TypeScript"] : [];
    const what = typescript ? "this Node cannot run TypeScript" : message.split("\n")[0];
    throw new RecipeLoadError("recipe/broken", `cannot load recipe ${spec}: ${what}`, help, { cause: error });
  }
}
