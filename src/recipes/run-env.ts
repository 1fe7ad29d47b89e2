import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { readGiven } from "./given-file.js";

/** The option under which the variables of files count: a changed one makes a new container. */
export const ENV_FILE_OPTION = "env-from-files";

type Variable = readonly [name: string, value: string];

/** The variables of `env-file`, the last of a name. @throws a problem `container/env-file` */
export async function fileVariables(
  context: Pick<Context, "buildout" | "env" | "shared" | "signal">,
  files: readonly string[],
): Promise<readonly Variable[]> {
  const variables = new Map<string, string>();
  for (const line of files) {
    const optional = line.startsWith("?");
    const file = resolve(context.buildout.directory, optional ? line.slice(1).trim() : line);
    const text = await textOf(context, file, optional);
    for (const [name, value] of parsed(text, context.env)) variables.set(name, value);
  }
  return [...variables];
}

function parsed(text: string, env: Context["env"]): Variable[] {
  // Lines without a value, and comments behind them, are taken for the beginning of the next name; at the end, of none.
  return Object.entries(parseEnv(`${text}\n=`)).flatMap(([lines, value]) => {
    const names = lines.split("\n").map((line) => line.replace(/^\s*export\s+|\s*#.*$/g, "").trim());
    const last = names.pop();
    return [...names.map((name) => [name, env[name]] as const), [last, value] as const].flatMap(
      ([name, found]): Variable[] => (name && found !== undefined ? [[name, found]] : []),
    );
  });
}

async function textOf(
  context: Pick<Context, "shared" | "signal">,
  file: string,
  optional: boolean,
): Promise<string> {
  try {
    return await readGiven(context, file);
  } catch (error) {
    context.signal.throwIfAborted();
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (optional && code === "ENOENT") return "";
    throw new RecipeError({
      code: "container/env-file",
      message: code === "ENOENT" ? `there is no file ${file}` : `cannot read ${file}: ${message}`,
      help: ["a leading ? is for a file that may be missing"],
      option: "env-file",
    });
  }
}
