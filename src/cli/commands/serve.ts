import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { UsageError } from "../args.js";
import { EXIT, type Invocation } from "../command.js";
import { resultOf } from "../runs/choose.js";
import { isAlive, runsDirectory } from "../runs/directory.js";
import { listRuns, type RunIndex, runsFolder, runTraces } from "../runs/folder.js";
import { runData } from "../runs/read.js";
import { Checkout } from "../serve/checkout.js";
import { Queue } from "../serve/queue.js";
import { createRunServer, hostInUrl, type Serving } from "../serve/server.js";
import { Deliveries, type Push } from "../serve/webhook.js";

/** How often an open page is told of what is new, in milliseconds. */
const LOOK = 700;
const SECRET = "TSBUILDOUT_WEBHOOK_SECRET";
const ZERO = /^0+$/;

/** Serves the pages of the runs, and takes pushes where a webhook secret is set, until Ctrl-C. */
export async function run(invocation: Invocation): Promise<number> {
  const { options, io } = invocation;
  const directory = await runsDirectory(invocation);
  const host = options.get("host") ?? "127.0.0.1";
  const port = portOf(options.get("port") ?? "8080");
  const service = await Service.open(invocation, directory);
  const server = createRunServer(service.serving([host, "localhost", "127.0.0.1", "::1"]));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new UsageError(`${host}:${port} cannot be listened on: ${error.code ?? error.message}`, [
          "choose another with --port or --host",
        ]),
      ),
    );
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  io.out.write(`http://${hostInUrl(host)}:${actual}/\n`);
  await new Promise<void>((resolve) => io.signal.addEventListener("abort", () => resolve(), { once: true }));
  server.close();
  server.closeAllConnections();
  await service.idle();
  return EXIT.done;
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65536) return Number(text);
  throw new UsageError(`--port takes a number up to 65535, not "${text}"`);
}

/** Joins the server to the folders of runs, to git, and to the program itself. */
class Service {
  readonly #invocation: Invocation;
  readonly #directory: string;
  readonly #deliveries: Deliveries;
  readonly #branch: string | undefined;
  readonly #checkout: Checkout;
  /** None before the first push. */
  #checkoutDirectory: readonly string[];
  readonly #queue: Queue;

  private constructor(
    invocation: Invocation,
    directory: string,
    start: {
      deliveries: Deliveries;
      branch: string | undefined;
      checkout: Checkout;
      places: readonly string[];
    },
  ) {
    this.#invocation = invocation;
    this.#directory = directory;
    this.#deliveries = start.deliveries;
    this.#branch = start.branch;
    this.#checkout = start.checkout;
    this.#checkoutDirectory = start.places;
    this.#queue = new Queue((error) => this.#log(`run failed: ${(error as Error).message.split("\n")[0]}`));
  }

  static async open(invocation: Invocation, directory: string): Promise<Service> {
    const { io, options } = invocation;
    const checkout = new Checkout({ directory, env: io.env, signal: io.signal });
    const secret = io.env[SECRET];
    // Anybody could sign with it.
    if (secret === "")
      throw new UsageError(`${SECRET} is empty`, ["unset it, or give it the webhook's secret"]);
    const branch = secret === undefined ? undefined : (options.get("branch") ?? (await checkout.branch()));
    return new Service(invocation, directory, {
      deliveries: new Deliveries(await readDeliveries(directory)),
      branch,
      checkout,
      // Also runs of pushes that came before this server.
      places: await checkout.place().then((place) => (place === undefined ? [] : [place])),
    });
  }

  serving(hosts: readonly string[]): Serving {
    return {
      list: () => this.#all().map(([, index]) => row(index)),
      run: (id) => {
        const [directory, index] = this.#all().find(([, candidate]) => candidate.id === id) ?? [];
        return index && runData(directory!, index, isAlive);
      },
      watch: (changed) => this.#watch(changed),
      secret: this.#invocation.io.env[SECRET],
      deliveries: this.#deliveries,
      push: (push) => this.#push(push),
      log: (line) => this.#log(line),
      hosts,
    };
  }

  async idle(): Promise<void> {
    await this.#queue.idle();
  }

  #log(line: string): void {
    this.#invocation.io.err.write(`${line}\n`);
  }

  /** Runs of the folder itself and of the checkout that pushes are run in. */
  #all(): [directory: string, index: RunIndex][] {
    return [this.#directory, ...this.#checkoutDirectory]
      .flatMap((directory) => listRuns(directory).map((index): [string, RunIndex] => [directory, index]))
      .sort(([, a], [, b]) => (a.id < b.id ? 1 : -1));
  }

  /** By looking again: a folder of runs may come and go, and a system may not tell of what happens in it. */
  #watch(changed: () => void): () => void {
    let known = this.#traces();
    const timer = setInterval(() => {
      const now = this.#traces();
      if (now === known) return;
      known = now;
      changed();
    }, LOOK).unref();
    return () => clearInterval(timer);
  }

  #traces(): string {
    return [this.#directory, ...this.#checkoutDirectory].map(runTraces).join("\n");
  }

  #push(push: Push): boolean {
    if (push.branch !== this.#branch) return false;
    this.#queue.add(() => this.#run(push));
    return true;
  }

  async #run(push: Push): Promise<void> {
    const { io } = this.#invocation;
    await writeDeliveries(this.#directory, this.#deliveries.list());
    const directory = await this.#checkout.take(push);
    this.#checkoutDirectory = [directory];
    await mkdir(runsFolder(directory), { recursive: true });
    const { execa } = await import("execa");
    // Where nothing is known of what was there before (a new branch, a forced push), everything is looked at.
    const known = !ZERO.test(push.before) && (await this.#checkout.has(push.before));
    const since = known ? ["--since", push.before] : [];
    const { [SECRET]: _, ...env } = io.env;
    const child = await execa(process.execPath, [process.argv[1]!, "install", "--plain", ...since], {
      cwd: directory,
      env,
      extendEnv: false,
      cancelSignal: io.signal,
      reject: false,
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (child.exitCode !== 0) for (const line of child.stderr.trimEnd().split("\n")) this.#log(`  ${line}`);
    const ended =
      child.exitCode === 0 ? "done" : `failed with ${child.signal ?? `exit code ${child.exitCode}`}`;
    this.#log(`push ${push.after.slice(0, 12)} of ${push.branch}: ${ended}`);
  }
}

function row(index: RunIndex) {
  const { id, started, command, milliseconds } = index;
  const result = resultOf(index, isAlive(index.pid));
  return { id, started, command, result, ...(milliseconds !== undefined && { milliseconds }) };
}

const DELIVERIES = "deliveries";

async function readDeliveries(directory: string): Promise<string[]> {
  try {
    return (await readFile(join(directory, ".tsbuildout", DELIVERIES), "utf8"))
      .split("\n")
      .filter((id) => id !== "");
  } catch {
    return [];
  }
}

async function writeDeliveries(directory: string, ids: readonly string[]): Promise<void> {
  await mkdir(join(directory, ".tsbuildout"), { recursive: true });
  await writeFile(join(directory, ".tsbuildout", DELIVERIES), ids.join("\n"), { mode: 0o600 });
}
