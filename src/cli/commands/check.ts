import { DiagnosticError, nothingOutside, Resolver } from "../../index.js";
import { EXIT, type Invocation } from "../command.js";
import { readConfiguration } from "../configuration.js";
import { reportDiagnostics } from "../report/failure.js";
import { diagnosticJson } from "../report/json.js";

/** Collects what every phase complains of, and prints it; installs nothing and asks no engine. */
export async function run(invocation: Invocation): Promise<number> {
  const { globals, io } = invocation;
  const diagnostics = await collect(invocation);
  const failed = diagnostics.some(({ severity }) => severity === "error");
  if (globals.json) {
    const list = diagnostics.map((d) => ({ severity: d.severity, ...diagnosticJson(d) }));
    io.out.write(`${JSON.stringify({ diagnostics: list })}\n`);
  }
  if (diagnostics.length > 0)
    reportDiagnostics(diagnostics, { io, json: failed && globals.json, debug: globals.debug });
  else if (!globals.json && globals.verbosity >= 0) io.out.write("no mistakes\n");
  return failed ? EXIT.usage : EXIT.done;
}

async function collect(invocation: Invocation) {
  const { args, io } = invocation;
  try {
    const config = await readConfiguration(invocation);
    const names = args.length > 0 ? args : config.sections.keys();
    return new Resolver(config, nothingOutside, io.env).mistakes(names);
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics;
    throw error;
  }
}
