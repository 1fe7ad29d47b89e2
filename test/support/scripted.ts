import type { InstallContext, Outputs, Recipe } from "../../src/engine/contract.js";
import { RecipeError } from "../../src/engine/contract.js";
import { option, type Schema } from "../../src/engine/schema.js";

interface Call {
  readonly name: string;
  end(outputs: Outputs | undefined): void;
  fail(error: unknown): void;
}

/** Recipes whose calls a test ends one by one: no sleeps, no timing. */
export class Script {
  /** `install web`, in the order in which they began. */
  readonly log: string[] = [];
  readonly #open = new Map<string, Call>();
  #watchers: (() => void)[] = [];

  /** The calls that are under way. */
  get open(): string[] {
    return [...this.#open.keys()];
  }

  /** Resolves once all of these calls are under way. */
  async begun(...names: string[]): Promise<void> {
    while (!names.every((name) => this.#open.has(name)))
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** Waits for a call and lets it succeed. */
  async end(name: string, outputs?: Outputs): Promise<void> {
    await this.begun(name);
    const call = this.#open.get(name)!;
    this.#open.delete(name);
    call.end(outputs);
  }

  /** Waits for a call and lets it fail. */
  async fail(name: string, message = "told to fail"): Promise<void> {
    await this.begun(name);
    const call = this.#open.get(name)!;
    this.#open.delete(name);
    call.fail(new RecipeError({ code: "script/told", message }));
  }

  #call(name: string, signal: AbortSignal): Promise<Outputs | undefined> {
    this.log.push(name);
    return new Promise<Outputs | undefined>((resolve, reject) => {
      const abort = (): void => {
        this.#open.delete(name);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      this.#open.set(name, { name, end: resolve, fail: reject });
      for (const watcher of this.#watchers.splice(0)) watcher();
    });
  }

  /** Waits for the test at each install and update; creates one thing named after the part. */
  readonly recipe: Recipe = {
    doc: "Does what the test says.",
    version: "1",
    options: {
      a: option.string({ doc: "An option." }),
      b: option.string({ doc: "An option that is applied in place.", inPlace: true }),
      password: option.string({ doc: "A secret.", secret: true }),
    } satisfies Schema,
    outputs: { id: { doc: "An output." }, token: { doc: "A secret output.", secret: true } },
    install: async (context) => {
      await context.created({ kind: "thing", name: context.part });
      return await this.#begin("install", context);
    },
    update: (context) => this.#begin("update", context),
    look: async () => new Map(),
    uninstall: async ({ part, because }) =>
      void this.log.push(`${because === "failed" ? "undo" : "uninstall"} ${part}`),
  };

  #begin(action: string, { part, signal }: InstallContext<Schema>): Promise<Outputs | undefined> {
    return this.#call(`${action} ${part}`, signal);
  }
}
