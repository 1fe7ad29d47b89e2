import type { OptionSpec } from "./command.js";

/** Options that every command knows. Those of buildout keep their letters. */
export const globalOptions: readonly OptionSpec[] = [
  {
    short: "c",
    long: "config",
    value: "FILE|URL",
    doc: "the configuration file (buildout.cfg); - is standard input",
  },
  { short: "n", long: "newest", doc: "look for newer versions of what is there (newest = true)" },
  { short: "N", long: "no-newest", doc: "use what is there (newest = false)" },
  { short: "o", long: "offline", doc: "use no network (offline = true)" },
  { short: "O", long: "online", doc: "use the network (offline = false)" },
  { short: "q", long: "quiet", doc: "say less; may be repeated" },
  { short: "v", long: "verbose", doc: "say more; may be repeated" },
  { short: "t", long: "timeout", value: "SECONDS", doc: "how long a server may be silent (socket-timeout)" },
  { short: "U", long: "no-user-defaults", doc: "do not read ~/.tsbuildout/default.cfg" },
  { short: "j", long: "jobs", value: "N", doc: "how many parts are worked on at once" },
  { long: "keep-going", doc: "after a failure go on with parts that do not need what failed (default)" },
  { long: "fail-fast", doc: "begin no further part after a failure" },
  { long: "json", doc: "print JSON, for programs" },
  { long: "plain", doc: "print plain lines also on a terminal" },
  { short: "D", long: "debug", doc: "show stack traces" },
  { long: "version", doc: "print the version" },
  { short: "h", long: "help", doc: "print this, or a command's own help" },
];
