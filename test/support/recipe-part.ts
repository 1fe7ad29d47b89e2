import { setMaxListeners } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  Changes,
  ConfigureContext,
  Context,
  Drift,
  Outputs,
  PartRecord,
  Problem,
  Recipe,
  Resource,
  Schema,
} from "../../src/recipe.js";
import { engineHost } from "./engine.js";

/** A recipe's part driven call by call, without the engine room: for tests of what a recipe does to an engine. */
export class PartRig {
  readonly log: string[] = [];
  readonly warnings: Problem[] = [];
  readonly problems: Problem[] = [];
  readonly uses: string[] = [];
  readonly provides: string[] = [];
  readonly computed: Record<string, string> = {};
  readonly needs: string[] = [];
  readonly secrets: string[] = [];
  record: PartRecord | undefined;
  resources: Resource[] = [];
  /** Inputs that were found while they were used. */
  #told: Record<string, string> = {};
  texts: Readonly<Record<string, string>>;
  env: Record<string, string | undefined> = { DOCKER_HOST: engineHost() };
  signal: AbortSignal = new AbortController().signal;
  readonly #recipe: Recipe;
  readonly #run: RunRig;
  readonly #part: string;

  constructor(run: RunRig, recipe: Recipe, part: string, texts: Readonly<Record<string, string>>) {
    setMaxListeners(0, this.signal);
    this.#run = run;
    this.#recipe = recipe;
    this.#part = part;
    this.texts = texts;
  }

  get part(): string {
    return this.#part;
  }

  /** The outputs of the last install or update. */
  get outputs(): Outputs {
    return this.record?.outputs ?? {};
  }

  async configure(): Promise<readonly Problem[]> {
    this.problems.length = 0;
    const context = {
      ...this.#context(),
      options: this.#options() as never,
      unknown: new Set(),
      compute: (name: string, text: string) => void (this.computed[name] = text),
      declareOutput: () => undefined,
      option: async () => await Promise.resolve(undefined),
      reference: async () => await Promise.resolve(undefined),
      hasSection: () => false,
      needs: (part: string) => void this.needs.push(part),
      provides: (key: string) => void this.provides.push(key),
      uses: (key: string) => void this.uses.push(key),
      at: () => undefined,
      addPart: () => undefined,
      fail: (problem: Problem) => void this.problems.push(problem),
    };
    await this.#recipe.configure?.(context as unknown as ConfigureContext<Schema>);
    return this.problems;
  }

  async install(): Promise<Outputs> {
    await this.configure();
    if (this.problems.length > 0) throw new Error(JSON.stringify(this.problems));
    return await this.#keep(async (context) => await this.#recipe.install(context as never));
  }

  /** As the engine room would: after options were changed by `texts`, with the inputs compared. */
  async update(
    changed: Readonly<Record<string, string>> = {},
    changes: Partial<Changes> = {},
  ): Promise<Outputs> {
    this.texts = { ...this.texts, ...changed };
    this.#run.forget();
    const before = this.record?.inputs ?? {};
    const now = await this.inputs();
    const inputs = Object.keys({ ...before, ...now }).filter((name) => before[name] !== now[name]);
    const all = { options: Object.keys(changed), inputs, drift: [], unfinished: false, ...changes };
    return await this.#keep(
      async (context) => await this.#recipe.update?.({ ...context, changes: all } as never),
    );
  }

  async inputs(): Promise<Readonly<Record<string, string>>> {
    return (await this.#recipe.inputs?.(this.#installing() as never)) ?? {};
  }

  async look(): Promise<readonly Drift[]> {
    return (await this.#run.look(this.#recipe, [this])).get(this.#part) ?? [];
  }

  async uninstall(): Promise<void> {
    const record = this.record ?? this.#recordOf({}, {});
    const { text: _text, ...context } = this.#context();
    await this.#recipe.uninstall?.({
      ...context,
      record: { ...record, resources: this.resources },
      because: "gone",
      leave: async () => await Promise.resolve(),
      others: () => [],
      run: async () => await Promise.reject(new Error("runs nothing")),
    });
    this.resources = [];
    this.record = undefined;
  }

  async #keep(call: (context: object) => Promise<Outputs | void>): Promise<Outputs> {
    const outputs = (await call(this.#installing())) ?? this.outputs;
    this.#run.forget();
    this.record = this.#recordOf({ ...(await this.inputs()), ...this.#told }, outputs);
    this.#told = {};
    return outputs;
  }

  #recordOf(inputs: Readonly<Record<string, string>>, outputs: Outputs): PartRecord {
    const names = Object.keys({ ...this.#recipe.options, ...this.texts });
    const options = names.flatMap((name) => {
      const text = this.#text(name);
      return text === undefined ? [] : [[name, text] as const];
    });
    return {
      part: this.#part,
      recipe: "test",
      version: "1",
      options: Object.fromEntries(options),
      inputs,
      outputs,
      resources: this.resources,
      needs: [],
      keep: false,
      installedAt: "2026-01-01T00:00:00Z",
    };
  }

  #installing(): object {
    return {
      ...this.#context(),
      options: this.#options(),
      record: this.record,
      created: async (resource: Resource) => {
        if (!this.resources.some(({ kind, name }) => kind === resource.kind && name === resource.name))
          this.resources.push(resource);
        await Promise.resolve();
      },
      removed: async (resource: Resource) => {
        this.resources = this.resources.filter(
          ({ kind, name }) => kind !== resource.kind || name !== resource.name,
        );
        await Promise.resolve();
      },
      input: (name: string, digest: string) => void (this.#told[name] = digest),
      waiting: async <T>(wait: () => Promise<T>) => await wait(),
    };
  }

  context(): Context & { readonly text: (option: string) => string | undefined } {
    return this.#context();
  }

  #context(): Context & { readonly text: (option: string) => string | undefined } {
    return {
      part: this.#part,
      buildout: this.#run.buildout,
      env: this.env,
      home: this.#run.directory,
      signal: this.signal,
      shared: async (key, make, dispose) => await this.#run.shared(key, make, dispose),
      log: (line, stream = "out") => void this.log.push(`${stream} ${line}`),
      warn: (problem) => void this.warnings.push(problem),
      progress: () => undefined,
      secret: (text) => void this.secrets.push(text),
      text: (option) => this.#text(option),
    };
  }

  #text(name: string): string | undefined {
    const declared = this.#recipe.options[name];
    const names = [name, ...(declared?.aliases ?? [])];
    const written = names.map((one) => this.texts[one]).find((text) => text !== undefined);
    return (written ?? declared?.default)?.replace("$<:_buildout_section_name_>", this.#part);
  }

  #options(): Record<string, unknown> {
    const at = { directory: this.#run.directory, home: this.#run.directory };
    return Object.fromEntries(
      Object.entries(this.#recipe.options).map(([name, one]) => [
        name,
        one.decode(this.#text(name) ?? "", at),
      ]),
    );
  }
}

/** The problem with which something is rejected; anything else fails the test as it is. */
export async function failureOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && "problem" in error) return error.problem as Problem;
    throw error;
  }
  throw new Error("it did not fail");
}

/** Keys under which engines are shared (see engineFor in src/docker/connect.ts). */
function isConnection(key: string): boolean {
  return key.startsWith("docker-engine ");
}

type Counted = Record<"request" | "stream" | "hijack", (request: unknown) => Promise<unknown>>;

/** What the parts of one run share, in a folder of its own. */
export class RunRig {
  readonly directory: string;
  readonly #shared = new Map<string, Promise<unknown>>();
  readonly #ends: (() => Promise<void>)[] = [];
  offline = false;
  /** How often the engines were called. */
  requests = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<RunRig> {
    return new RunRig(await mkdtemp(join(tmpdir(), "tsbuildout-recipe-")));
  }

  get buildout(): Context["buildout"] {
    const { directory } = this;
    return {
      id: "recipe-test",
      runId: "1",
      directory,
      partsDirectory: join(directory, "parts"),
      binDirectory: join(directory, "bin"),
      downloadCache: undefined,
      cacheDirectory: join(directory, ".tsbuildout"),
      offline: this.offline,
      newest: true,
      options: {},
    };
  }

  part(recipe: unknown, name: string, texts: Readonly<Record<string, string>>): PartRig {
    return new PartRig(this, recipe as Recipe, name, texts);
  }

  async shared<T>(
    key: string,
    make: (signal: AbortSignal) => T | Promise<T>,
    dispose?: (value: T) => void | Promise<void>,
  ): Promise<T> {
    if (!this.#shared.has(key)) {
      const made = Promise.resolve(make(new AbortController().signal));
      this.#shared.set(key, made);
      if (isConnection(key)) this.#count((await made) as unknown as Counted);
      if (dispose) this.#ends.push(async () => await dispose(await made));
    }
    return (await this.#shared.get(key)) as T;
  }

  #count(engine: Counted): void {
    for (const method of ["request", "stream", "hijack"] as const) {
      const call = engine[method];
      engine[method] = async (request) => {
        this.requests++;
        return await call(request);
      };
    }
  }

  /** A new run looks at what is recorded. */
  async look(recipe: unknown, parts: readonly PartRig[]): Promise<ReadonlyMap<string, readonly Drift[]>> {
    this.forget();
    const [first] = parts;
    if (!first) return new Map();
    const { part: _part, text: _text, ...context } = first.context();
    const records = parts.flatMap(({ record }) => record ?? []);
    return (await (recipe as Recipe).look?.({ ...context, records })) ?? new Map<string, readonly Drift[]>();
  }

  /** A new run begins: what the last one knew is asked again, connections aside. */
  forget(): void {
    for (const key of this.#shared.keys()) if (!isConnection(key)) this.#shared.delete(key);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) await end();
    await rm(this.directory, { recursive: true, force: true });
  }
}
