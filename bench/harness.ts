import { fork } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineHost } from "../test/support/engine.js";
import type { Answered, Asked } from "./runner.js";
import { median, type Row } from "./table.js";

/** What is done once to be timed; what must be undone before the next time is done outside of the clock. */
export interface Work {
  readonly run: () => Promise<unknown>;
  readonly before?: () => Promise<unknown>;
}

export interface Comparison {
  readonly work: string;
  readonly ours: Work;
  readonly peer: Work & { readonly name: string };
  /** The least that any program for node would do; see `asking()`. */
  readonly floor?: Work;
  /** Times that each is run; 5 unless said. */
  readonly rounds?: number;
  /** The highest ratio that is good enough. */
  readonly atMost?: number;
}

export interface Command {
  readonly cwd?: string;
  /** Variables that are set besides, or not at all. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
}

/** Where it is set, Node 20 reads all certificates that it names at each start. */
export const WITHOUT_CAS = { NODE_EXTRA_CA_CERTS: undefined };

/** What a file of bench/ is handed: ways to measure, and a place to work in. */
export class Bench {
  /** In memory where the machine has /dev/shm: many small files would measure the disk. Removed afterwards. */
  readonly folder: string;
  /** The bundled command line. */
  readonly tsbuildout = join(import.meta.dirname, "../bundle/tsbuildout.cjs");

  readonly #runner = fork(join(import.meta.dirname, "runner.js"));
  #last = 0;
  readonly #waiting = new Map<number, (answer: Answered) => void>();

  private constructor(folder: string) {
    this.folder = folder;
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    this.#runner.on("message", (answer: Answered) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** To be called at the end: what starts the programs keeps this process. */
  close(): void {
    this.#runner.disconnect();
  }

  static async open(): Promise<Bench> {
    const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    return new Bench(await mkdtemp(join(place, "tsbuildout-bench-")));
  }

  /** Times all in turns (a machine that slows down slows both), after one unmeasured turn each. */
  async compare(what: Comparison): Promise<Row> {
    const sides = { ours: what.ours, peer: what.peer, floor: what.floor };
    const times = { ours: [] as number[], peer: [] as number[], floor: [] as number[] };
    for (let round = -1; round < (what.rounds ?? 5); round++)
      for (const side of ["ours", "peer", "floor"] as const) {
        const work = sides[side];
        const seconds = work && (await timed(work));
        if (seconds !== undefined && round >= 0) times[side].push(seconds);
      }
    return {
      work: what.work,
      unit: "s",
      ours: median(times.ours),
      peer: { name: what.peer.name, value: median(times.peer) },
      ...(what.floor ? { floor: median(times.floor) } : {}),
      ...(what.atMost === undefined ? {} : { atMost: what.atMost }),
    };
  }

  /** Runs a program to its end and gives what it printed. @throws when it fails */
  async command(program: string, args: readonly string[], how: Command = {}): Promise<string> {
    const { cwd = this.folder, input = "" } = how;
    const env = { ...process.env, ...how.env };
    const asked: Asked = { id: ++this.#last, program, args, cwd, env, input };
    const { code, output, errors } = await new Promise<Answered>((resolve) => {
      this.#waiting.set(asked.id, resolve);
      this.#runner.send(asked);
    });
    if (code === 0) return output;
    throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${output.slice(-2000)}${errors}`);
  }

  /** A bare node that asks a local engine one thing, such as `GET /_ping`, and reads what it says to the end; certificates
   *  it has none to read. */
  asking(question: string): Promise<string> {
    const socket = engineHost().replace(/^unix:\/\//, "");
    return this.command(process.execPath, ["-e", ASKING, socket, question], { env: WITHOUT_CAS });
  }

  /** Runs the bundled command line. */
  ours(args: readonly string[], how: Command = {}): Promise<string> {
    return this.command(this.tsbuildout, args, how);
  }

  /** The most memory that a program held at any time, in bytes (Debian's package `time`). */
  async peakMemory(program: string, args: readonly string[], how: Command = {}): Promise<number> {
    const file = join(this.folder, "peak");
    await this.command("/usr/bin/time", ["-o", file, "-f", "%M", program, ...args], how);
    return Number(readFileSync(file, "utf8").trim()) * 1024;
  }
}

const ASKING = `
  const [socket, question] = process.argv.slice(1);
  const { connect } = require("net");
  let said = "";
  const connection = connect(socket, () =>
    connection.write(question + " HTTP/1.0\\r\\nHost: docker\\r\\nX-Registry-Auth: e30=\\r\\n\\r\\n"));
  connection.on("data", (bytes) => (said ||= bytes.toString()));
  connection.on("close", () => process.exit(said.split(" ")[1] === "200" ? 0 : 1));
`;

async function timed(work: Work): Promise<number> {
  await work.before?.();
  const start = performance.now();
  await work.run();
  return (performance.now() - start) / 1000;
}
