import type { CommandSpec, OptionSpec } from "./command.js";

const replace: OptionSpec = {
  long: "replace",
  value: "PART",
  doc: "what PART protects (a volume's data) may be destroyed; may be repeated",
};

const reinstall: OptionSpec = {
  long: "reinstall",
  value: "PART",
  doc: "make PART anew, and what needs it, whatever is found; may be repeated",
};

/** Every command by name. A command's module is loaded when it is run. */
export const commands: readonly CommandSpec[] = [
  {
    name: "install",
    usage: "[part ...]",
    doc: "Install, update and uninstall until all is as the file says; with parts only those and what they need.",
    options: [
      reinstall,
      replace,
      {
        long: "since",
        value: "REVISION",
        doc: "only parts whose triggers take in a file that git says changed since, and what needs them",
      },
    ],
    load: () => import("./commands/install.js"),
  },
  {
    name: "uninstall",
    usage: "part ... | --all",
    doc: "Take parts away; needs no configuration file.",
    options: [
      { long: "all", doc: "take everything away that is installed" },
      { long: "cascade", doc: "take the parts away as well that need them" },
      {
        long: "forget",
        doc: "forget the parts, and leave what they made: for an engine that is gone for good",
      },
    ],
    load: () => import("./commands/uninstall.js"),
  },
  {
    name: "plan",
    usage: "[part ...]",
    doc: "Show what install would do, and why; changes nothing.",
    options: [reinstall, replace, { long: "exit-code", doc: "end with 4 when something would change" }],
    load: () => import("./commands/plan.js"),
  },
  {
    name: "status",
    usage: "",
    doc: "Show what is installed, and how it stands on the engine; with -v the outputs.",
    options: [{ long: "exit-code", doc: "end with 4 when something is not as it was installed" }],
    arguments: { least: 0, most: 0 },
    load: () => import("./commands/status.js"),
  },
  {
    name: "graph",
    usage: "[part ...]",
    doc: "Show the parts in order, and why each comes after which.",
    options: [{ long: "format", value: "FORMAT", doc: "text, dot (Graphviz), mermaid, svg or json" }],
    load: () => import("./commands/graph.js"),
  },
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
  {
    name: "recipes",
    usage: "[recipe ...]",
    doc: "List the recipes, or print the options and outputs of some.",
    options: [{ long: "markdown", doc: "print a page for the documentation" }],
    load: () => import("./commands/recipes.js"),
  },
  {
    name: "init",
    usage: "[file ...]",
    doc: "Write a first buildout.cfg, one made from another tool's file, or a recipe package.",
    options: [
      { long: "from", value: "KIND", doc: "compose, dockercise or ecr-docker-ci: what the files are" },
      { long: "recipe", value: "NAME", doc: "a package with a recipe of one's own" },
    ],
    load: () => import("./commands/init.js"),
  },
  {
    name: "completion",
    usage: "shell",
    doc: "Print what makes bash, zsh or fish complete tsbuildout's command lines.",
    options: [{ long: "words", doc: "what the words behind -- may go on with" }],
    load: () => import("./commands/completion.js"),
  },
  {
    name: "runs",
    usage: "",
    doc: "List the runs that are kept, the newest first.",
    arguments: { least: 0, most: 0 },
    load: () => import("./commands/runs.js"),
  },
  {
    name: "logs",
    usage: "part",
    doc: "Print what a part said when it last did something; with -v and times.",
    options: [
      { long: "run", value: "ID", doc: "of this run" },
      { short: "f", long: "follow", doc: "go on until the part has ended" },
    ],
    arguments: { least: 1, most: 1 },
    load: () => import("./commands/logs.js"),
  },
  {
    name: "report",
    usage: "[run ...]",
    doc: "Write the page of a run, or of several, as one HTML file.",
    options: [{ short: "o", long: "output", value: "FILE", doc: "where to; - for standard output" }],
    load: () => import("./commands/report.js"),
  },
  {
    name: "serve",
    usage: "",
    doc: "Serve the pages of the runs, live; with TSBUILDOUT_WEBHOOK_SECRET set, take GitHub's pushes.",
    options: [
      { long: "port", value: "PORT", doc: "where to listen (8080)" },
      { long: "host", value: "ADDRESS", doc: "which address to listen on (127.0.0.1)" },
      { long: "branch", value: "NAME", doc: "whose pushes are run (the branch that is checked out)" },
    ],
    arguments: { least: 0, most: 0 },
    load: () => import("./commands/serve.js"),
  },
];

/** What is run where no command is named. */
export const DEFAULT_COMMAND = "install";
