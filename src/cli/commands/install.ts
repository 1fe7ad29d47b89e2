import type { Invocation } from "../command.js";
import { buildoutOf } from "../buildout.js";
import { reported } from "../report/events.js";
import { changedSince } from "../since.js";
import { keepRun } from "../runs/keep.js";

/** Brings what is installed in line with the file. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, globals, io } = invocation;
  const kept = keepRun(invocation);
  const since = options.get("since");
  const changed = since === undefined ? undefined : await changedSince(invocation, since);
  return await reported(invocation, async (report) => {
    const run = buildoutOf(invocation).install({
      parts: args,
      ...(changed && { changed }),
      reinstall: options.get("reinstall")?.split("\n") ?? [],
      replace: options.get("replace")?.split("\n") ?? [],
      signal: io.signal,
      report: (event) => {
        kept.report(event);
        report(event);
      },
      failFast: globals.failFast,
      ...(globals.jobs !== undefined && { jobs: globals.jobs }),
    });
    const summary = await run.catch((error: unknown) => {
      kept.abandon();
      throw error;
    });
    await kept.publish();
    return summary;
  });
}
