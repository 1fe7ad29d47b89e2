import { DockerError } from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Problem, type Schema } from "tsbuildout/recipe";

/** Shorter words of a value are found in a message by chance. */
const SHORTEST = 3;

type Blamed = Pick<InstallContext<Schema>, "options" | "text">;

/**
 * Does something on an engine, and finds for what the engine refuses the option that is to blame: engines speak of values
 * (`network nosuch not found`), not of options.
 */
export async function blaming<T>(context: Blamed, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DockerError) || error.statusCode === undefined) throw error;
    throw blame(error, spokenOf(error.message, context));
  }
}

/** Does something for the sake of an option, which is to blame for all that goes wrong. */
export async function about<T>(option: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DockerError || error instanceof RecipeError ? blame(error, option) : error;
  }
}

/** Does something with a registry: for what that refuses, the option that says what is meant there is to blame. */
export async function blamingPlace<T>(option: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const ofRegistry = error instanceof DockerError && error.problem.code.startsWith("registry/");
    throw ofRegistry ? blame(error, option) : error;
  }
}

/** For a plan: what an install would complain of as things are. Until then somebody may mend it, maybe another part. */
export async function complaintOf(look: () => Promise<unknown>): Promise<string[]> {
  try {
    await look();
    return [];
  } catch (error) {
    const { problem } = error as { readonly problem?: Problem };
    if (!problem) throw error;
    return [`would fail as things are: ${problem.message}`];
  }
}

/** The same error about an option, if it is about none yet. */
export function blame(error: DockerError | RecipeError, option: string | undefined): Error {
  if (option === undefined || error.problem.option !== undefined) return error;
  const untouched = error instanceof RecipeError && error.untouched;
  return new RecipeError({ ...error.problem, option }, { cause: error, untouched });
}

/** The option whose value shares the longest word with a message. Most messages tell the name of the part's thing. */
export function spokenOf(message: string, { options, text }: Blamed): string | undefined {
  const said = new Set([...words(message, /[\s"'`,;()]+/), ...words(message, /[\s"'`,;()=:]+/)]);
  let found: { readonly option: string; readonly length: number } | undefined;
  for (const option of Object.keys(options)) {
    if (option === "name") continue;
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
