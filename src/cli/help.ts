import type { CommandSpec, OptionSpec } from "./command.js";
import { globalOptions } from "./options.js";
import { table, wrap } from "./wrap.js";

/** What `tsbuildout --help` prints. */
export function programHelp(commands: readonly CommandSpec[], columns: number): string {
  const purpose =
    "Brings the images, containers, networks and volumes that buildout.cfg describes into being.";
  const assignments =
    "Assignments override the file: section:option=value, += adds lines, -= removes them; the section defaults to buildout.";
  return [
    "Usage: tsbuildout [options] [section:option=value ...] [command [arguments]]",
    "",
    ...wrap(purpose, columns),
    "",
    "Commands:",
    ...indented(
      commands.map(({ name, usage, doc }) => [`${name} ${usage}`.trimEnd(), doc]),
      columns,
    ),
    "",
    "Options:",
    ...indented(globalOptions.map(optionRow), columns),
    "",
    ...wrap(assignments, columns),
    "",
  ].join("\n");
}

/** What `tsbuildout COMMAND --help` prints. */
export function commandHelp({ name, usage, doc, options = [] }: CommandSpec, columns: number): string {
  const own = options.length === 0 ? [] : ["", "Options:", ...indented(options.map(optionRow), columns)];
  const general = "Options for all commands: tsbuildout --help";
  const head = `Usage: tsbuildout [options] ${name} ${usage}`.trimEnd();
  return [head, "", ...wrap(doc, columns), ...own, "", general, ""].join("\n");
}

function optionRow({ short, long, value, doc }: OptionSpec): readonly [string, string] {
  return [`${short ? `-${short}, ` : "    "}--${long}${value ? ` ${value}` : ""}`, doc];
}

function indented(rows: readonly (readonly [string, string])[], columns: number): string[] {
  return table(rows, columns - 2).map((line) => `  ${line}`);
}
