import { UsageError } from "../args.js";
import type { Invocation } from "../command.js";
import { buildoutOf } from "../buildout.js";
import { reported } from "../report/events.js";

/** Takes parts away. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, globals, io } = invocation;
  const all = options.has("all");
  if (all === args.length > 0) throw new UsageError("uninstall takes parts, or --all");
  return await reported(invocation, (report) =>
    buildoutOf(invocation).uninstall({
      parts: args,
      all,
      cascade: options.has("cascade"),
      forget: options.has("forget"),
      signal: io.signal,
      report,
      failFast: globals.failFast,
      ...(globals.jobs !== undefined && { jobs: globals.jobs }),
    }),
  );
}
