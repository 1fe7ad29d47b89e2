import { type LoadedRecipe, loadRecipe, RecipeLoadError, recipeNames } from "../../index.js";
import { UsageError } from "../args.js";
import { EXIT, type Invocation } from "../command.js";
import { referenceMarkdown } from "../reference/markdown.js";
import { referenceOf } from "../reference/reference.js";
import { referenceText } from "../reference/text.js";

/** Lists the built-in recipes, or prints the reference of some: built in, of a package, or a file. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, io, globals } = invocation;
  const names = args.length === 0 ? recipeNames : args;
  const references = await Promise.all(names.map(async (name) => referenceOf(await load(name, io.cwd))));
  if (globals.json) io.out.write(`${JSON.stringify({ recipes: references })}\n`);
  else if (args.length === 0) {
    const width = Math.max(...names.map((name) => name.length));
    for (const { name, doc } of references)
      io.out.write(`${name.padEnd(width)}  ${doc.split(/[.:] /)[0]!.replace(/\.$/, "")}\n`);
  } else if (options.has("markdown")) io.out.write(references.map(referenceMarkdown).join("\n"));
  else
    io.out.write(references.map((one) => referenceText(one, Math.min(io.out.columns ?? 80, 100))).join("\n"));
  return EXIT.done;
}

async function load(name: string, directory: string): Promise<LoadedRecipe> {
  try {
    return await loadRecipe(name, directory);
  } catch (error) {
    if (error instanceof RecipeLoadError) throw new UsageError(error.message, error.help);
    throw error;
  }
}
