import type { CommandSpec, OptionSpec } from "./command.js";
import { globalOptions } from "./options.js";

/** What `tsbuildout --help` prints. */
export function programHelp(commands: readonly CommandSpec[]): string {
  return [
    "Usage: tsbuildout [options] [section:option=value ...] [command [arguments]]",
    "",
    "Brings the images, containers, networks and volumes that buildout.cfg describes into being.",
    "",
    "Commands:",
    ...table(commands.map(({ name, usage, doc }) => [`${name} ${usage}`.trimEnd(), doc])),
    "",
    "Options:",
    ...table(globalOptions.map((option) => [spelled(option), option.doc])),
    "",
    "Assignments override the file: section:option=value, += adds lines, -= removes them; the section defaults to buildout.",
    "",
  ].join("\n");
}

/** What `tsbuildout COMMAND --help` prints. */
export function commandHelp({ name, usage, doc, options = [] }: CommandSpec): string {
  const own = options.length === 0 ? [] : ["", "Options:", ...table(options.map((o) => [spelled(o), o.doc]))];
  const general = "Options for all commands: tsbuildout --help";
  return [`Usage: tsbuildout [options] ${name} ${usage}`.trimEnd(), "", doc, ...own, "", general, ""].join(
    "\n",
  );
}

function spelled({ short, long, value }: OptionSpec): string {
  return `${short ? `-${short}, ` : "    "}--${long}${value ? ` ${value}` : ""}`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
