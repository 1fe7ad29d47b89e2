import { homeFolder } from "./boot/home.js";
import { EXIT, type Io } from "./command.js";
import { Ending } from "./ending.js";
import { main } from "./main.js";
import { kept, outputs } from "./output.js";

/** The process itself: the only place that knows argv, the environment, the streams and signals. */
export function run({ flagsChange }: Pick<Io, "flagsChange">): void {
  // The lockfile pins releases of the AWS SDK that run on Node 20; that later ones will not is nothing to tell at every run.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";

  const ending = new Ending();
  const print = process.stderr.write.bind(process.stderr) as (...args: unknown[]) => boolean;
  const foreign = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    output.flush();
    return print(typeof chunk === "string" ? ending.hush.text(chunk) : chunk, ...rest);
  };
  const output = outputs(kept(process.stdout, foreign), kept(process.stderr, foreign));
  const argv = process.argv.slice(2);
  ending.watch(output, argv.includes("--json"));

  const cwd = currentFolder();
  if (cwd === undefined) {
    output.err.write("error: the current folder is gone: change to one that is there\n");
    return ending.done(EXIT.usage);
  }
  const io: Io = {
    env: process.env,
    cwd,
    home: homeFolder(),
    input: standardInput,
    out: output.out,
    err: output.err,
    signal: ending.signal,
    hush: ending.hush,
    underWay: ending.underWay,
    ...(flagsChange ? { flagsChange } : {}),
  };
  void main(argv, io).then((code) => ending.done(code));
}

async function standardInput(signal: AbortSignal): Promise<Uint8Array> {
  const [{ addAbortSignal }, { buffer }] = await Promise.all([
    import("node:stream"),
    import("node:stream/consumers"),
  ]);
  return await buffer(addAbortSignal(signal, process.stdin));
}

/** Undefined where somebody has removed it. */
function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}
