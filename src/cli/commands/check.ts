import {
  type Diagnostic,
  DiagnosticError,
  distinct,
  loadConfig,
  openResolver,
  type Section,
} from "../../index.js";
import { buildoutOf } from "../buildout.js";
import { EXIT, type Invocation } from "../command.js";
import { configuredBy, requestOf } from "../configuration.js";
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

/** What the references of all sections, then what the recipes of all parts complain of; of named sections the former. */
async function collect(invocation: Invocation): Promise<readonly Diagnostic[]> {
  const { args, io } = invocation;
  const found: Diagnostic[] = [];
  try {
    const config = await loadConfig(requestOf(invocation));
    found.push(...config.warnings);
    const sections = args.length > 0 ? args : standalone([...config.sections.values()]);
    const configured = configuredBy(invocation);
    const resolver = await openResolver(config, { sections, env: io.env, cwd: io.cwd, configured });
    found.push(...resolver.mistakes(sections));
    if (args.length === 0) found.push(...(await buildoutOf(invocation).check({ signal: io.signal })));
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    found.push(...error.diagnostics);
  }
  // Both phases see a reference that leads nowhere.
  return distinct(found);
}

/** Names of the sections but those that others copy: their references may be to what a copy adds, and are seen there. */
function standalone(sections: readonly Section[]): string[] {
  const copied = new Set(sections.flatMap(({ macros }) => macros));
  // In a circle of copies every section is copied.
  const counts = ({ name, mistakes }: Section): boolean => !copied.has(name) || mistakes.length > 0;
  return sections.filter(counts).map(({ name }) => name);
}
