import { DockerError } from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Schema } from "tsbuildout/recipe";

/** Shorter words of a value are found in a message by chance. */
const SHORTEST = 3;

/**
 * Does something on an engine, and finds for what the engine refuses the option that is to blame: engines speak of values
 * (`network nosuch not found`), not of options.
 */
export async function blaming<T>(
  context: Pick<InstallContext<Schema>, "options" | "text">,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DockerError) || error.statusCode === undefined || error.problem.option)
      throw error;
    const option = spokenOf(error.message, context);
    throw option === undefined ? error : new RecipeError({ ...error.problem, option }, { cause: error });
  }
}

/** The option whose value shares the longest word with a message. */
function spokenOf(
  message: string,
  { options, text }: Pick<InstallContext<Schema>, "options" | "text">,
): string | undefined {
  const said = new Set([...words(message, /[\s"'`,;()]+/), ...words(message, /[\s"'`,;()=:]+/)]);
  let found: { readonly option: string; readonly length: number } | undefined;
  for (const option of Object.keys(options)) {
    const value = text(option) ?? "";
    for (const word of [value, ...words(value, /[\s,;]+/), ...words(value, /[\s,;=:"']+/)])
      if (word.length >= Math.max(SHORTEST, (found?.length ?? 0) + 1) && said.has(word))
        found = { option, length: word.length };
  }
  return found?.option;
}

/** Without the full stop or colon of a sentence. */
const words = (text: string, between: RegExp): string[] =>
  text.split(between).map((word) => word.replace(/[.:]+$/, ""));
