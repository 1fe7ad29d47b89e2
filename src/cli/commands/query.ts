import { openResolver, type Resolved } from "../../index.js";
import { UsageError } from "../args.js";
import { EXIT, type Invocation } from "../command.js";
import { readConfiguration } from "../configuration.js";

/** Prints one value: bare, or with `--json` as `{"value": …}`. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, globals, io } = invocation;
  const [section, option] = target(args[0] ?? "");
  const config = await readConfiguration(invocation);
  const known = config.sections.get(section)?.options.has(option) ?? false;
  if (!known && args[0] === option && config.sections.has(option)) throw wholeSection(option);
  const resolver = await openResolver(config, { sections: [section], env: io.env, cwd: io.cwd });
  const resolved = resolver.option(section, option);
  io.out.write(globals.json ? `${JSON.stringify(asJson(resolved))}\n` : `${asText(resolved)}\n`);
  return EXIT.done;
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
export function asJson(resolved: Resolved): { value: string | null; unknown?: readonly string[] } {
  if (resolved.text === null) return { value: null, unknown: resolved.unknown };
  return { value: resolved.secret ? "***" : resolved.text };
}

export function asText(resolved: Resolved): string {
  if (resolved.text === null) return `(known after install of ${resolved.unknown.join(", ")})`;
  return resolved.secret ? "***" : resolved.text;
}
