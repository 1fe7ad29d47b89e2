import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { reasonOf } from "../given.js";
import { RecipeLoadError } from "./error.js";
import { findPackage } from "./manifest.js";
import { offerSelf } from "./offer.js";

type Module = Readonly<Record<string, unknown>>;

/** @throws RecipeLoadError where the module throws, or this Node cannot run it */
export async function importModule(spec: string, file: string): Promise<Module> {
  try {
    return withDefault(await importWithSelf(file));
  } catch (error) {
    const typescript = codeOf(error) === "ERR_UNKNOWN_FILE_EXTENSION";
    const help = typescript
      ? ["compile it, or use Node 22.18 or newer, which runs TypeScript"]
      : (await brokenAt(error, file)).map((place) => `it was thrown at ${place}`);
    const what = typescript ? "this Node cannot run TypeScript" : reasonOf(error).split("\n")[0];
    throw new RecipeLoadError("recipe/broken", `cannot load recipe ${spec}: ${what}`, help, { cause: error });
  }
}

/** A module may throw anything. */
function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}

/** Of CommonJS the default export is all that it exports: what TypeScript made of `export default` is within. */
function withDefault(module: Module): Module {
  const exported = module["default"] as Module | null | undefined;
  return exported?.["__esModule"] === true ? exported : module;
}

async function brokenAt(error: unknown, file: string): Promise<readonly string[]> {
  const place = placeIn(error instanceof Error ? (error.stack ?? "") : "");
  if (place.length > 0 || !(error instanceof SyntaxError)) return place;
  // Of an imported module that cannot be parsed the error does not say where.
  const { execFile } = await import("node:child_process");
  return await new Promise((resolve) => {
    execFile(process.execPath, ["--check", file], (_, __, said) => resolve(placeIn(said)));
  });
}

/** File and line of the first place in a stack that is not of Node's own: of a syntax error, the one before its text. */
function placeIn(stack: string): string[] {
  const place = /(?:file:\/\/|\(|\s)(\/[^\s()?]+?)(?:\?[^\s:]*)?:(\d+)/.exec(` ${stack}`);
  return place ? [`${decodeURI(place[1]!)}:${place[2]}`] : [];
}

/** Where tsbuildout is not installed beside a module that imports it, it gets the one that runs. Only then: a hook costs
 *  as much as all else that a short run does. */
async function importWithSelf(file: string): Promise<Module> {
  const { href } = pathToFileURL(file);
  try {
    return (await import(href)) as Module;
  } catch (error) {
    // By `import`, and by `require`.
    const missing = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(codeOf(error) ?? "");
    if (!missing || findPackage("tsbuildout", dirname(file)) !== undefined) throw error;
    offerSelf();
    // Node keeps what has failed: another address is another try.
    return (await import(`${href}?with=tsbuildout`)) as Module;
  }
}
