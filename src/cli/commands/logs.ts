import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";
import { UsageError } from "../args.js";
import { EXIT, type Invocation } from "../command.js";
import { chooseRun } from "../runs/choose.js";
import { isAlive, runsDirectory } from "../runs/directory.js";
import { listRuns, logPath, parseLogLine, readIndex, type RunIndex } from "../runs/folder.js";

/** How often a run that goes on is asked for more, in milliseconds. */
const POLL = 200;

/** Prints what a part said in a run; with `--follow` until it has ended. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, io, globals } = invocation;
  const directory = await runsDirectory(invocation);
  const part = args[0]!;
  const run = chooseRun(directory, options.get("run") ?? lastSaid(directory, part));
  if (!run.parts.some(({ name }) => name === part))
    throw new UsageError(`run ${run.id} had no part "${part}"`, [
      `its parts: ${run.parts.map(({ name }) => name).join(", ")}`,
    ]);
  let silent = true;
  const print = (line: string): void => {
    const parsed = parseLogLine(line);
    if (!parsed) return;
    silent = false;
    if (globals.json) return void io.out.write(`${JSON.stringify(parsed)}\n`);
    const time = globals.verbosity > 0 ? `${(parsed.milliseconds / 1000).toFixed(3).padStart(9)}  ` : "";
    io.out.write(`${time}${parsed.text}\n`);
  };
  const tail = new Tail(logPath(directory, run.id, part));
  tail.read(print);
  while (options.has("follow") && goesOn(directory, run, part)) {
    await delay(POLL, undefined, { signal: io.signal });
    tail.read(print);
  }
  tail.read(print);
  if (silent) io.err.write(`${part} said nothing in run ${run.id}\n`);
  return EXIT.done;
}

/** The latest run in which a part had something to do; without one the latest run will do. */
function lastSaid(directory: string, part: string): string | undefined {
  const worked = ({ parts }: RunIndex): boolean =>
    parts.some(({ name, result }) => name === part && result !== "unchanged" && result !== "skipped");
  return listRuns(directory).find(worked)?.id;
}

function goesOn(directory: string, run: RunIndex, part: string): boolean {
  const now = readIndex(directory, run.id);
  if (!now || now.milliseconds !== undefined || !isAlive(run.pid)) return false;
  return now.parts.some(
    ({ name, result }) => name === part && (result === "waiting" || result === "running"),
  );
}

/** A file that grows, read a piece at a time. */
class Tail {
  readonly #path: string;
  readonly #decoder = new StringDecoder("utf8");
  readonly #buffer = Buffer.alloc(64 * 1024);
  #position = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** Hands on the whole lines that have come since the last time. */
  read(line: (text: string) => void): void {
    if (!existsSync(this.#path)) return;
    const descriptor = openSync(this.#path, "r");
    try {
      for (let n = this.#next(descriptor); n > 0; n = this.#next(descriptor)) {
        const lines = (this.#rest + this.#decoder.write(this.#buffer.subarray(0, n))).split("\n");
        this.#rest = lines.pop() ?? "";
        for (const text of lines) line(text);
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #next(descriptor: number): number {
    const n = readSync(descriptor, this.#buffer, 0, this.#buffer.length, this.#position);
    this.#position += n;
    return n;
  }
}
