import { type Config, DiagnosticError, recipeNames } from "../../index.js";
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
  const sections = (): Promise<Config["sections"]> =>
    readOr(new Map(), async () => (await readConfiguration(quiet)).sections);
  return {
    parts: async () => {
      const all = [...(await sections()).values()];
      return all.filter(({ options }) => options.has("recipe")).map(({ name }) => name);
    },
    sections: async () => [...(await sections()).keys()],
    options: async (section) => [...((await sections()).get(section)?.options.keys() ?? [])],
    recipes: () => Promise.resolve(recipeNames),
    runs: () => readOr([], async () => listRuns(await runsDirectory(quiet)).map(({ id }) => id)),
  };
}

/** A file that is being written has no names yet; a completion is no place to complain. */
async function readOr<T>(none: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DiagnosticError) return none;
    throw error;
  }
}

/** The file that the words themselves name. */
function configIn(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === "-c" || word === "--config");
  return at < 0 ? undefined : words[at + 1] || undefined;
}
