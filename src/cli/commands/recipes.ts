import { DiagnosticError, type LoadedRecipe, loadRecipe, RecipeLoadError, recipeNames } from "../../index.js";
import { EXIT, type Invocation } from "../command.js";
import { referenceMarkdown } from "../reference/markdown.js";
import { referenceOf } from "../reference/reference.js";
import { referenceText } from "../reference/text.js";
import { table, textColumns } from "../wrap.js";

/** Lists the built-in recipes, or prints the reference of some: built in, of a package, or a file. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, io, globals } = invocation;
  const names = args.length === 0 ? recipeNames : args;
  const references = await Promise.all(names.map(async (name) => referenceOf(await load(name, io.cwd))));
  if (globals.json) io.out.write(`${JSON.stringify({ recipes: references })}\n`);
  else if (args.length === 0) {
    const rows = references.map(({ name, doc }) => [name, firstSentence(doc)] as const);
    io.out.write(`${table(rows, textColumns(io.out)).join("\n")}\n`);
  } else if (options.has("markdown")) {
    const pages = references.map((one) => referenceMarkdown(one, recipeNames.includes(one.name)));
    io.out.write(pages.join("\n"));
  } else io.out.write(references.map((one) => referenceText(one, textColumns(io.out))).join("\n"));
  return EXIT.done;
}

function firstSentence(doc: string): string {
  return doc.split(/[.:] /)[0]!.replace(/\.$/, "");
}

async function load(name: string, directory: string): Promise<LoadedRecipe> {
  try {
    return await loadRecipe(name, directory);
  } catch (error) {
    if (!(error instanceof RecipeLoadError)) throw error;
    const { code, message, help } = error;
    throw new DiagnosticError([{ severity: "error", code, message, help }], { cause: error });
  }
}
