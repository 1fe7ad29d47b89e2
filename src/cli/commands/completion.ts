import { DiagnosticError, recipeNames } from "../../index.js";
import { UsageError } from "../args.js";
import { EXIT, type Invocation } from "../command.js";
import { commands } from "../commands.js";
import { candidates, type Names, SHELL_SCRIPTS } from "../completion.js";
import { readConfiguration } from "../configuration.js";
import { runsDirectory } from "../runs/directory.js";
import { listRuns } from "../runs/folder.js";

/** Prints a shell's completion script; with `--words`, what the words may go on with, for those scripts. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  if (options.has("words")) {
    const found = await candidates(args, commands, namesOf(invocation));
    io.out.write(found.map((word) => `${word}\n`).join(""));
    return EXIT.done;
  }
  const script = SHELL_SCRIPTS[args[0] ?? ""];
  if (script === undefined || args.length > 1)
    throw new UsageError("completion takes a shell: bash, zsh or fish");
  io.out.write(script);
  return EXIT.done;
}

function namesOf(invocation: Invocation): Names {
  const { args, globals, io } = invocation;
  const config = configIn(args) ?? globals.config;
  const silent = { write: () => true, isTTY: false };
  const quiet: Invocation = { ...invocation, globals: { ...globals, config }, io: { ...io, err: silent } };
  const sections = async (withRecipe: boolean): Promise<string[]> => {
    try {
      const config = await readConfiguration(quiet);
      return [...config.sections.values()]
        .filter(({ options }) => !withRecipe || options.has("recipe"))
        .map(({ name }) => name);
    } catch (error) {
      // A file that is being written has no names yet; a completion is no place to complain.
      if (error instanceof DiagnosticError) return [];
      throw error;
    }
  };
  return {
    parts: () => sections(true),
    sections: () => sections(false),
    recipes: () => Promise.resolve(recipeNames),
    runs: async () => listRuns(await runsDirectory(quiet)).map(({ id }) => id),
  };
}

/** The file that the words themselves name. */
function configIn(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === "-c" || word === "--config");
  return at < 0 ? undefined : words[at + 1] || undefined;
}
