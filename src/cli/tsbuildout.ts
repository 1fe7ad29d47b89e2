import { homedir } from "node:os";
import type { Io } from "./command.js";
import { main } from "./main.js";
import { outputs } from "./output.js";

/** The process itself: the only place that knows argv, the environment, the streams and signals. */
export function run({ flagsChange }: Pick<Io, "flagsChange">): void {
  // The lockfile pins releases of the AWS SDK that run on Node 20; that later ones will not is nothing to tell at every run.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";

  const interrupt = new AbortController();
  // The first Ctrl-C lets what is going on end tidily, the second one ends the process at once.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(130);
      interrupt.abort();
    });

  // Whoever reads our output may stop reading, as `head` does; that is no failure of ours.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(0);
    });

  const { out, err, flush } = outputs(process.stdout, process.stderr);
  process.on("exit", flush);

  const io: Io = {
    env: process.env,
    cwd: process.cwd(),
    home: process.env["HOME"] || homedir(),
    out,
    err,
    signal: interrupt.signal,
    ...(flagsChange ? { flagsChange } : {}),
  };
  void main(process.argv.slice(2), io).then((code) => (process.exitCode = code));
}
