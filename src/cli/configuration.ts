import path from "node:path";
import { type Buildout, type Config, loadConfig, type LoadRequest, renderDiagnostic } from "../index.js";
import type { Invocation } from "./command.js";
import { paintFor } from "./report/paint.js";

/** The folder of the user's own files. */
function userFolder({ env, home }: Invocation["io"]): string {
  return env["TSBUILDOUT_HOME"] || path.join(home, ".tsbuildout");
}

/** What the command line asks to be read. */
export function requestOf({ globals, assignments, input, io }: Invocation): LoadRequest {
  return {
    file: globals.config,
    input,
    cwd: io.cwd,
    assignments,
    userDefaults: globals.userDefaults ? path.join(userFolder(io), "default.cfg") : undefined,
    env: io.env,
    home: io.home,
    signal: io.signal,
  };
}

/** The configuration that the command line names. Warnings go to standard error. Throws DiagnosticError. */
export async function readConfiguration(invocation: Invocation): Promise<Config> {
  const { io } = invocation;
  const config = await loadConfig(requestOf(invocation));
  const paint = paintFor(io.err, io.env);
  for (const warning of config.warnings) io.err.write(`${renderDiagnostic(warning, paint)}\n`);
  return config;
}

/** What `openResolver` asks where a schema does not tell all. Loaded on use: most of what is looked at stands in the file. */
export function configuredBy(invocation: Invocation): Buildout["configured"] {
  return async (sections) => {
    const { buildoutOf } = await import("./buildout.js");
    return await buildoutOf(invocation).configured(sections);
  };
}
