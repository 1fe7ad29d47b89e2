import { type Config, openly, openResolver, type Resolved } from "../../index.js";
import { UsageError } from "../args.js";
import { EXIT, type Invocation } from "../command.js";
import { configuredBy, readConfiguration } from "../configuration.js";

/** Prints one value: bare, or with `--json` as `{"value": …}`. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, globals, io } = invocation;
  const [section, option] = target(args[0] ?? "");
  const config = await readConfiguration(invocation);
  const known = config.sections.get(section)?.options.has(option) ?? false;
  if (!known && args[0] === option && config.sections.has(option)) throw wholeSection(option);
  const shown = await shownOf(invocation, config, [section, option]);
  io.out.write(globals.json ? `${JSON.stringify(asJson(shown))}\n` : `${asText(shown)}\n`);
  return EXIT.done;
}

/**
 * What the file says, with outputs, also those of parts that another one makes (docker.images) and that stand in no file,
 * as they were recorded when their parts last were installed.
 */
async function shownOf(
  invocation: Invocation,
  config: Config,
  [section, option]: readonly [string, string],
): Promise<Resolved> {
  // Loaded on use: most of what is asked for stands in the file.
  const outputs = async () => (await import("../buildout.js")).buildoutOf(invocation).outputs();
  const made = config.sections.has(section) ? undefined : (await outputs())(section, option);
  if (made !== undefined) return { text: made, secret: false };
  const { env, cwd } = invocation.io;
  const looking = { sections: [section], option, env, cwd, configured: configuredBy(invocation) };
  const resolved = (await openResolver(config, looking)).option(section, option);
  if (resolved.text !== null) return resolved;
  const recorded = await outputs();
  return (await openResolver(config, { ...looking, recorded })).option(section, option);
}

function wholeSection(name: string): UsageError {
  const help = [`tsbuildout query ${name}:OPTION`, `tsbuildout annotate ${name}`];
  return new UsageError(`[${name}] is a section, and query shows one option`, help);
}

function target(text: string): readonly [string, string] {
  const names = text.split(":");
  const [first = "", second] = names;
  const pair = second === undefined ? (["buildout", first] as const) : ([first, second] as const);
  if (names.length > 2 || pair.includes(""))
    throw new UsageError(`"${text}" is not of the form section:option`);
  return pair;
}

/** A value as `annotate --json` and `query --json` have it. */
function asJson(resolved: Resolved): { value: string | null; unknown?: readonly string[] } {
  if (resolved.text === null) return { value: null, unknown: resolved.unknown };
  return { value: told(resolved.text, resolved.secret) };
}

export function asText(resolved: Resolved): string {
  if (resolved.text === null) return `(known after install of ${resolved.unknown.join(", ")})`;
  return told(resolved.text, resolved.secret);
}

/** A value without what is secret in it. */
export function told(text: string, secret: boolean): string {
  return secret ? "***" : openly(text);
}
