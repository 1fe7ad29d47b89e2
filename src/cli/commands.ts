import type { CommandSpec } from "./command.js";

/** Every command by name. A command's module is loaded when it is run. */
export const commands: readonly CommandSpec[] = [
  {
    name: "annotate",
    usage: "[section ...]",
    doc: "Show every option with its value and where it comes from; with -v its whole history.",
    load: () => import("./commands/annotate.js"),
  },
  {
    name: "query",
    usage: "[section:]option",
    doc: "Print the value of one option.",
    arguments: { least: 1, most: 1 },
    load: () => import("./commands/query.js"),
  },
  {
    name: "check",
    usage: "[section ...]",
    doc: "Report every mistake of the configuration at once, and do nothing else.",
    load: () => import("./commands/check.js"),
  },
];

/** What is run where no command is named. */
export const DEFAULT_COMMAND = "install";
