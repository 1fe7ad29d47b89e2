import { rm, rmdir } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { type Assessment, type Assessor, knownText, type Live, requireKnown } from "./assess.js";
import type { InstallContext, Outputs, Resource, UninstallContext, UpdateContext } from "./contract.js";
import type { RecipeError } from "./contract.js";
import type { Runtime } from "./context.js";
import { problemOf } from "./events.js";
import { reasonOf, requireTable, requireText } from "./given.js";
import { sameResource } from "./journal.js";
import { isWithin, refuseForeign } from "./own-path.js";
import type { Part } from "./part.js";
import type { Pool } from "./pool.js";
import { runProgram } from "./program.js";
import type { Registry } from "./registry.js";
import type { Schema } from "./schema.js";
import { isHashed, type Phase, type StoredRecord } from "./state.js";
import type { StateStore } from "./store.js";
import { TemporaryFolders } from "./temporary.js";
import { withinTime } from "./time-limit.js";
import type { Values } from "./values.js";

export interface WorkerSettings {
  readonly runtime: Runtime;
  readonly store: StateStore;
  readonly registry: Registry;
  readonly assessor: Assessor;
  readonly values: Values;
  /** In which the work on each part runs. */
  readonly pool: Pool;
  /** The needs to be recorded of a part. */
  recordedNeeds(part: string): readonly string[];
}

/** What a call into a recipe has for as long as it takes. */
interface Call {
  readonly signal: AbortSignal;
  readonly temporary: TemporaryFolders;
}

interface Installing extends Call {
  readonly live: Live;
  /** Changed where the recipe finds them otherwise. */
  readonly inputs: Record<string, string>;
}

/** Does one thing to one part: calls the recipe, and keeps the record true at every moment of it. */
export class Worker {
  readonly #settings: WorkerSettings;
  /** Parts that are being uninstalled. */
  readonly #going = new Set<string>();

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
  }

  /** Installs; a failure is undone (or kept, where the part says so) and thrown. */
  async install(part: Part, assessment: Assessment): Promise<void> {
    const { live } = assessment;
    requireKnown(part, live);
    const inputs = { ...(await this.#settings.assessor.inputs(part, live)) };
    const record = this.#record(part, assessment, { inputs, phase: "installing" });
    await this.#settings.store.change({ set: record });
    let { signal } = this.#settings.runtime.settings;
    try {
      const outputs = await this.#call(part, async (call) => {
        signal = call.signal;
        return await part.loaded.recipe.install(this.#installContext(part, { ...call, live, inputs }));
      });
      const told = this.#tell(part, outputs ?? {});
      await this.#finish(part, { ...record, inputs, outputs: told });
    } catch (error) {
      if (!part.engine.keepOnError) await this.#undo(part.name, signal);
      throw error;
    }
  }

  /** Updates; a failure leaves record and objects, and is tried again by the next run. */
  async update(part: Part, assessment: Assessment): Promise<void> {
    const { live, decision } = assessment;
    const { store, assessor, values } = this.#settings;
    requireKnown(part, live);
    const before = store.state.records.get(part.name)!;
    const inputs = { ...(await assessor.inputs(part, live)) };
    // A routine update that changes nothing leaves no trace; it is due again at the next run in any case.
    const routine = decision.reasons.every((reason) => reason.kind === "always");
    // Cut off, the part may use what it needed before as well as what it needs from now on.
    const needs = [...new Set([...before.needs, ...this.#settings.recordedNeeds(part.name)])];
    if (!routine) await store.change({ set: { ...before, needs, phase: "updating" } });
    try {
      const outputs = await this.#call(part, async (call) =>
        part.loaded.recipe.update!({
          ...this.#installContext(part, { ...call, live, inputs }),
          record: before,
          changes: decision.changes,
        } satisfies UpdateContext<Schema>),
      );
      if (outputs) values.forget(part.name);
      else values.recall(before);
      const told = outputs ? this.#tell(part, outputs, before) : before.outputs;
      const record = this.#record(part, assessment, {
        inputs,
        phase: "installed",
        installedAt: before.installedAt,
      });
      await this.#finish(part, { ...record, outputs: told });
    } catch (error) {
      const now = store.state.records.get(part.name);
      if (now && now.phase !== "updating") await store.change({ set: { ...now, phase: "updating" } });
      throw error;
    }
  }

  /** Uninstalls what is recorded, then takes the recorded files and the record away. */
  async uninstall(name: string, because: UninstallContext["because"], signal?: AbortSignal): Promise<void> {
    this.#going.add(name);
    try {
      await this.#takeAway(name, because, signal);
    } finally {
      this.#going.delete(name);
    }
  }

  async #takeAway(name: string, because: UninstallContext["because"], signal?: AbortSignal): Promise<void> {
    const { store, registry } = this.#settings;
    const record = store.state.records.get(name);
    if (!record) return;
    // Before anything is begun: where the recipe is gone, the part stays as it is.
    const { recipe } = await registry.load(record.recipe);
    if (because !== "failed" && record.phase !== "installing")
      await store.change({ set: { ...record, phase: "uninstalling" } });
    const now = store.state.records.get(name)!;
    const context = this.#settings.runtime.context(name, signal);
    const { directory } = this.#settings.runtime.settings.info;
    const left: Resource[] = [];
    try {
      await recipe.uninstall?.({
        ...context,
        record: now,
        because,
        others: () => this.#others(name),
        leave: async (resource) => {
          left.push(flat(resource, directory));
          await store.change({ part: name, created: flat(resource, directory) }, true);
        },
        run: this.#program(name, context.signal),
      });
    } catch (error) {
      // With the old options back there is nothing to do for it; half uninstalled, it would have to be made anew.
      if (now !== record && isUntouched(error)) await store.change({ set: record });
      throw error;
    }
    const isLeft = (one: Resource): boolean => left.some((other) => sameResource(one, other));
    await this.#removeFiles(
      name,
      because === "gone" ? now.resources : now.resources.filter((one) => !isLeft(one)),
    );
    const resources = store.state.records.get(name)!.resources.filter(isLeft);
    const stays = resources.length > 0 && because !== "gone";
    await store.change(stays ? { set: { ...now, resources } } : { gone: name });
    this.#settings.values.forget(name);
  }

  #others(name: string): StoredRecord[] {
    const records = [...this.#settings.store.state.records.values()];
    return records.filter(({ part }) => part !== name && !this.#going.has(part));
  }

  async forget(name: string): Promise<void> {
    await this.#settings.store.change({ gone: name });
  }

  /** @param installing the signal that the install had */
  async #undo(name: string, installing: AbortSignal): Promise<void> {
    const { runtime, store } = this.#settings;
    try {
      const made = (store.state.records.get(name)?.resources.length ?? 0) > 0;
      // Undoing is what an abort asks for, so that it cannot stop it (a second interrupt ends the process); but where
      // nothing was made, an engine that does not answer is not waited for.
      await this.uninstall(name, "failed", made ? new AbortController().signal : installing);
    } catch (error) {
      // Nothing was made: an engine that cannot be reached leaves nothing to come back for.
      if (store.state.records.get(name)?.resources.length === 0) return await store.change({ gone: name });
      runtime.context(name).warn({
        code: "part/not-undone",
        message: `the failed install of ${name} could not be undone: ${reasonOf(error)}`,
        help: ["the next run tries again"],
      });
    }
  }

  async #call<T>(part: Part, work: (call: Call) => T | Promise<T>): Promise<T> {
    const { signal, info } = this.#settings.runtime.settings;
    const temporary = new TemporaryFolders(info);
    try {
      return await withinTime(part, signal, (limited) => work({ signal: limited, temporary }));
    } finally {
      await temporary.remove();
    }
  }

  #installContext(part: Part, { live, signal, inputs, temporary }: Installing): InstallContext<Schema> {
    const { runtime, store, pool } = this.#settings;
    const context = runtime.context(part.name, signal, (...asked) => part.span(...asked));
    const { info, env, home } = runtime.settings;
    return {
      ...context,
      options: live.options,
      text: (option) => knownText(part, live, option),
      record: store.state.records.get(part.name),
      created: async (resource) => {
        const created = flat(resource, info.directory);
        const recorded = store.state.records.get(part.name)?.resources ?? [];
        if (created.kind === "file") await refuseForeign(created, recorded, info.directory);
        await store.change({ part: part.name, created }, true);
      },
      removed: (resource) => store.change({ part: part.name, removed: flat(resource, info.directory) }),
      others: () => this.#others(part.name),
      input: (name, digest) => {
        requireText(digest, `the input ${name}`);
        inputs[name] = digest;
      },
      waiting: (wait) => pool.aside(wait),
      run: this.#program(part.name, signal),
      temporaryFolder: () => temporary.make(),
      download: async (what) => {
        const { download } = await import("./download.js");
        return await download(what, {
          cacheDirectory: info.downloadCache ?? resolve(info.cacheDirectory, "downloads"),
          directory: info.directory,
          offline: info.offline,
          env,
          home,
          signal,
          progress: (progress) => context.progress(progress),
        });
      },
    };
  }

  #program(part: string, signal: AbortSignal): InstallContext<Schema>["run"] {
    const { runtime } = this.#settings;
    const context = runtime.context(part);
    const log = (line: string, stream: "out" | "err"): void => context.log(line, stream);
    const { env, info } = runtime.settings;
    return (program, args, how) =>
      runProgram({ directory: info.directory, env, signal, log }, program, args, how);
  }

  #record(
    part: Part,
    { fingerprints }: Assessment,
    rest: { inputs: Readonly<Record<string, string>>; phase: Phase; installedAt?: string },
  ): StoredRecord {
    const known = [...fingerprints].flatMap(([name, { text }]) =>
      text === null ? [] : [[name, text] as const],
    );
    const resources = this.#settings.store.state.records.get(part.name)?.resources ?? [];
    return {
      part: part.name,
      recipe: part.loaded.spec,
      version: part.loaded.version,
      options: Object.fromEntries(known),
      inputs: rest.inputs,
      outputs: {},
      resources,
      needs: this.#settings.recordedNeeds(part.name),
      keep: part.engine.keep,
      installedAt: rest.installedAt ?? new Date().toISOString(),
      phase: rest.phase,
    };
  }

  /** Makes outputs known to the parts that refer to them; gives the form in which they are recorded. */
  #tell(part: Part, outputs: Outputs, before?: StoredRecord): Record<string, string> {
    const { runtime, values } = this.#settings;
    const told: Record<string, string> = {};
    requireTable(outputs, "the outputs");
    for (const [name, text] of Object.entries(outputs)) {
      if (text === undefined) continue;
      const declared = part.outputs.get(name);
      if (!declared)
        throw new TypeError(`${part.loaded.spec} gave an output "${name}" that it does not declare`);
      requireText(text, `the output ${name}`);
      // An update hands back what its record says, which of a secret is only the hash.
      if (before?.outputs[name] === text && isHashed(text)) {
        told[name] = values.keep(part.name, name, text);
        continue;
      }
      if (declared.secret) runtime.redactor.add(text);
      // A secret that a program printed makes all that it printed one.
      const secret = declared.secret === true || runtime.redactor.text(text) !== text;
      told[name] = values.tell(part.name, name, text, secret);
    }
    return told;
  }

  async #finish(part: Part, record: StoredRecord): Promise<void> {
    const { store } = this.#settings;
    const now = store.state.records.get(part.name);
    const done: StoredRecord = { ...record, resources: now?.resources ?? [], phase: "installed" };
    if (JSON.stringify(now) !== JSON.stringify(done)) await store.change({ set: done });
  }

  async #removeFiles(part: string, resources: readonly Resource[]): Promise<void> {
    const { directory, partsDirectory } = this.#settings.runtime.settings.info;
    for (const { kind, name } of [...resources].reverse()) {
      const path = resolve(directory, name);
      // A folder goes when it is empty: others may have put something there.
      if (kind === "folder") await rmdir(path).catch(() => {});
      if (kind !== "file") continue;
      // Whatever a recipe says it created: the folder that we stand in is not its own.
      if (isWithin(directory, path)) {
        const message = `${path} holds the buildout itself and is left`;
        this.#settings.runtime.context(part).warn({ code: "part/file-left", message });
      } else {
        await rm(path, { recursive: true, force: true }).catch((error: NodeJS.ErrnoException) => {
          // With a file on its way nothing can have been made.
          if (error.code !== "ENOTDIR") throw error;
        });
        if (dirname(path) === partsDirectory) await rmdir(partsDirectory).catch(() => {});
      }
    }
  }
}

/** By what it has: a recipe package may bring its own copy of the class. */
function isUntouched(error: unknown): boolean {
  return problemOf(error) !== undefined && (error as Partial<RecipeError>).untouched === true;
}

/** Files are recorded relative to the buildout, so that it can be moved. */
function flat(resource: Resource, directory: string): Resource {
  for (const [name, value] of [["kind", resource.kind], ["name", resource.name], ...Object.entries(resource)])
    requireText(value, `the ${name} of a resource`);
  if (!["file", "folder"].includes(resource.kind) || !resource.name.startsWith(directory + sep))
    return resource;
  return { ...resource, name: resource.name.slice(directory.length + 1) };
}
