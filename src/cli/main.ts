import { noCommand, parseArguments, type Parsed, UsageError } from "./args.js";
import { type CommandSpec, EXIT, type Invocation, type Io } from "./command.js";
import { commands, DEFAULT_COMMAND } from "./commands.js";
import { bePatient } from "./patience.js";

/** Runs a command line to its end and gives the exit code. Never throws: what surfaces here is reported here. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let parsed: Parsed | undefined;
  try {
    parsed = parseArguments(argv, commands);
    return await start(parsed, io);
  } catch (error) {
    const { reportFailure } = await import("./report/failure.js");
    const json = parsed?.globals.json ?? argv.includes("--json");
    return reportFailure(error, { io, json, debug: parsed?.globals.debug ?? false });
  }
}

async function start(parsed: Parsed, io: Io): Promise<number> {
  const { globals } = parsed;
  if (globals.version) {
    const { version } = await import("./version.js");
    io.out.write(`tsbuildout ${version()}\n`);
    return EXIT.done;
  }
  const help = globals.help || parsed.command === "help";
  const asked = parsed.command === "help" ? parsed.args[0] : parsed.command;
  const command = commands.find(({ name }) => name === (asked ?? DEFAULT_COMMAND));
  if (!command) throw noCommand(asked ?? DEFAULT_COMMAND, commands);
  if (help) {
    const { commandHelp, programHelp } = await import("./help.js");
    const { textColumns } = await import("./wrap.js");
    const columns = textColumns(io.out);
    io.out.write(asked === undefined ? programHelp(commands, columns) : commandHelp(command, columns));
    return EXIT.done;
  }
  checkArguments(command, parsed.args);
  await bePatient(globals.config, io);
  const module = await command.load();
  const { args, options, assignments } = parsed;
  // Once: a command may look at the configuration several times. To `init` it is where its file goes.
  const input = globals.config === "-" && command.name !== "init" ? { input: await io.input(io.signal) } : {};
  const invocation: Invocation = { globals, args, options, assignments, io, ...input };
  return module.run(invocation);
}

function checkArguments({ name, usage, arguments: count }: CommandSpec, args: readonly string[]): void {
  if (!count || (args.length >= count.least && args.length <= count.most)) return;
  const what = args.length < count.least ? "too few" : "too many";
  throw new UsageError(`${name} has ${what} arguments`, [`tsbuildout ${name} ${usage}`.trimEnd()]);
}
