import { setMaxListeners } from "node:events";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Apply, recordedNeeds, summarize } from "./apply.js";
import { Assessor } from "./assess.js";
import { buildoutInfo, configureAll, type Configured } from "./blueprint.js";
import { now } from "./clock.js";
import { isUrl } from "./config/address.js";
import { loadConfig } from "./config/load.js";
import type { Config } from "./config/model.js";
import { enterCaches, removeCaches } from "./cache-folder.js";
import type { BuildoutInfo } from "./contract.js";
import { Runtime } from "./context.js";
import { type Decision, decideGone } from "./decide.js";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import { behindLinks } from "./durable.js";
import type { Event, Reporter, Step, Summary } from "./events.js";
import { configurationName, refuseLeftOut } from "./left-out.js";
import { runUnderWay, takeLock } from "./lock.js";
import { observe } from "./observe.js";
import { extend } from "./extensions.js";
import { byName, writePicked } from "./packages/picked.js";
import { PackagePrefix } from "./packages/prefix.js";
import { packageSettings } from "./packages/settings.js";
import { currentNeeds } from "./part.js";
import { Registry } from "./registry.js";
import type { Redactor } from "./redact.js";
import { isTrue } from "./schema.js";
import { refusals, throwAll } from "./forecast.js";
import { Pool } from "./pool.js";
import { newRunId } from "./run-id.js";
import type { RecordedOutput } from "./schema-outside.js";
import { isHashed } from "./state.js";
import { StateStore } from "./store.js";
import { Values } from "./values.js";
import { chooseGoing } from "./removal.js";
import { steps } from "./plan.js";
import { defaultJobs, draw, foresee, foreseeChanged, type Prospect, type Session } from "./prospect.js";
import { type PartStatus, statusOf } from "./status.js";
import type { InstallOptions, OpenRequest, Plan, RunOptions, UninstallOptions } from "./buildout-options.js";
export type * from "./buildout-options.js";
export type { PartStatus } from "./status.js";
import { removeTemporary } from "./temporary.js";
import { Worker } from "./worker.js";

const USUAL_FILE = "buildout.cfg";

export interface GraphPart {
  readonly part: string;
  readonly recipe: string;
  readonly needs: readonly { readonly part: string; readonly why: string }[];
}

/** One buildout: a configuration and what is installed of it. Every call reads both anew. */
export class Buildout {
  readonly #request: OpenRequest;
  #redactor: Pick<Redactor, "text"> | undefined;

  constructor(request: OpenRequest) {
    this.#request = request;
  }

  /** A text without the secrets that the last call has come to know: for what surfaces past every report. */
  hushed(text: string): string {
    return this.#redactor?.text(text) ?? text;
  }

  /** Installs, updates, reinstalls and uninstalls until all is as the file says. Throws a DiagnosticError where
   *  nothing was begun; failures of parts are in the summary. */
  async install(options: InstallOptions = {}): Promise<Summary> {
    const config = await loadConfig(this.#request);
    return await this.#locked("install", { config, options }, async (session) => {
      const prospect = await foreseeChanged(configured(session), options);
      if (!prospect) return [];
      throwAll([...refusals(prospect.parts, prospect.forecast), ...refuseLeftOut(prospect)]);
      for (const warning of [...config.warnings, ...prospect.warnings]) session.runtime.report(warning);
      session.runtime.emit({
        type: "plan",
        steps: steps({ ...prospect, records: session.store.state.records }),
      });
      await tellPicked(session);
      // What is asked for by name says nothing of the other parts.
      if ((options.parts ?? []).length === 0 || session.store.state.configuration === undefined)
        session.store.changedBy(configurationName(config));
      return await this.#apply(prospect, options);
    });
  }

  /** Takes parts away, or all of them. Works without the file; throws a DiagnosticError where it is there and broken, or
   *  misspelt, as there is a `buildout.cfg`. */
  async uninstall(options: UninstallOptions = {}): Promise<Summary> {
    const config = await this.#configIfThere();
    return await this.#locked("uninstall", { config, options }, async (session) => {
      const going = chooseGoing(session.store.state.records, config, options);
      const decisions = new Map<string, Decision>();
      for (const name of going)
        decisions.set(name, decideGone(session.store.state.records.get(name)!, "asked", options.forget));
      const values = new Values(new Map(), session.store.state.key);
      const prospect = {
        ...session,
        parts: [],
        needs: new Map(),
        values,
        findings: new Map(),
        warnings: [],
        assessor: noAssessor(session, values),
      };
      const forecast = { decisions, problems: new Map(), notes: new Map(), losses: new Map() };
      session.runtime.emit({
        type: "plan",
        steps: steps({ ...prospect, forecast, records: session.store.state.records }),
      });
      return await this.#apply({ ...prospect, forecast }, options);
    });
  }

  /** What `install` would do, and why, and of which parts it is known that they would fail. Only looks. */
  async plan(options: InstallOptions = {}): Promise<Plan> {
    const config = await loadConfig(this.#request);
    return await this.#looking(config, options, async (session) => {
      const prospect = await foresee(configured(session), options);
      session.runtime.settings.signal.throwIfAborted();
      throwAll([...refusals(prospect.parts, prospect.forecast), ...refuseLeftOut(prospect)]);
      const { problems } = prospect.forecast;
      const all = steps({ ...prospect, records: session.store.state.records })
        .filter(({ part }) => !problems.has(part))
        .map((step) => session.runtime.redactor.value(step));
      const routine = (step: Step): boolean =>
        prospect.forecast.decisions.get(step.part)?.reasons.every((reason) => reason.kind === "always") ??
        true;
      const changes = all.some((step) => step.action !== "none" && !routine(step));
      return {
        steps: all,
        problems: session.runtime.hushed(prospect.parts.flatMap(({ name }) => problems.get(name) ?? [])),
        warnings: [...config.warnings, ...prospect.warnings],
        changes,
      };
    });
  }

  /** What is recorded, and how it stands on the engine. Works without the file as `uninstall` does. */
  async status(options: RunOptions = {}): Promise<readonly PartStatus[]> {
    const config = await this.#configIfThere();
    return await this.#looking(config, options, async ({ store, registry, runtime }) => {
      const records = [...store.state.records.values()];
      const findings = await observe(records, registry, runtime);
      runtime.settings.signal.throwIfAborted();
      return records.map((record) => runtime.redactor.value(statusOf(record, findings.get(record.part))));
    });
  }

  /** What parts told when they last were installed or updated, of a secret `***`; undefined where nothing is recorded.
   *  Asks no engine. */
  async outputs(): Promise<RecordedOutput> {
    const config = await loadConfig(this.#request);
    const { records } = StateStore.open(this.#statePath(config)).state;
    return (part, name) => {
      const text = records.get(part)?.outputs[name];
      return text !== undefined && isHashed(text) ? "***" : text;
    };
  }

  /** The parts in the order of a run, and why each comes after which. */
  async graph(options: InstallOptions = {}): Promise<readonly GraphPart[]> {
    const config = await loadConfig(this.#request);
    return await this.#looking(config, options, async (session) => {
      const { parts, needs } = await draw(configured(session), options.parts ?? []);
      return parts.map((part) => ({
        part: part.name,
        recipe: part.loaded.spec,
        needs: currentNeeds(needs.get(part.name) ?? []).map(({ part: name, why }) => ({ part: name, why })),
      }));
    });
  }

  /** What only configuring the parts tells of them and of these sections. Asks no engine. */
  async configured(sections: readonly string[]): Promise<Configured> {
    const config = await loadConfig(this.#request);
    return await this.#looking(config, {}, (session) => configureAll({ ...session, config }, sections));
  }

  /** Every mistake that an install would complain of before it begins, and every warning. Asks no engine. */
  async check(options: RunOptions = {}): Promise<readonly Diagnostic[]> {
    const config = await loadConfig(this.#request);
    return await this.#looking(config, options, async (session) => {
      try {
        const { warnings } = await draw({ ...session, config }, []);
        return [...config.warnings, ...warnings];
      } catch (error) {
        if (error instanceof DiagnosticError) return error.diagnostics;
        throw error;
      }
    });
  }

  /** The file may be missing, but not misspelt, nor broken: it may say that the state lies elsewhere, and what is in the
   *  usual place may be another buildout's. */
  async #configIfThere(): Promise<Config | undefined> {
    const { file, input, cwd, assignments } = this.#request;
    const path = resolve(cwd, file);
    const isThere =
      input !== undefined ||
      isUrl(file) ||
      [path, join(dirname(path), USUAL_FILE)].some((each) => existsSync(each));
    const isMoved = assignments.some((text) => /^\s*(buildout:)?(installed|directory)\s*[-+]?=/.test(text));
    return isThere || isMoved ? await loadConfig(this.#request) : undefined;
  }

  /** Runs work that changes things: one run at a time, and whatever happens the state is saved at the end. */
  async #locked(
    command: string,
    { config, options }: { config: Config | undefined; options: RunOptions },
    work: (session: Session) => Promise<readonly Summary["parts"][number][]>,
  ): Promise<Summary> {
    const started = now();
    const path = this.#statePath(config);
    const lock = await takeLock(`${path}.lock`);
    try {
      return await this.#withSession({ config, options, path }, async (session) => {
        const { runtime, store } = session;
        const hadRecords = store.state.records.size > 0;
        runtime.emit(runStarted(command, runtime.settings.info));
        warnOfCopy(session);
        try {
          const parts = await work(session);
          const unsaved = await store.close();
          if (unsaved) runtime.report(unsaved);
          if (store.state.records.size > 0) enterCaches(runtime.settings.info, path);
          else if (hadRecords) await removeCaches(runtime.settings.info);
          const seconds = (now() - started) / 1000;
          const summary = summarize(parts, { interrupted: options.signal?.aborted ?? false, seconds });
          runtime.emit({ type: "run-ended", summary });
          return summary;
        } catch (error) {
          await store.close().catch(() => {});
          throw error;
        }
      });
    } finally {
      lock.release();
    }
  }

  async #looking<T>(
    config: Config | undefined,
    options: RunOptions,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const path = this.#statePath(config);
    return await this.#withSession({ config, options, path }, async (session) => {
      const other = runUnderWay(`${path}.lock`);
      if (other) session.runtime.report(other);
      warnOfCopy(session);
      return await work(session);
    });
  }

  async #withSession<T>(
    { config, options, path }: { config: Config | undefined; options: RunOptions; path: string },
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const store = StateStore.open(path);
    const { cwd, env, home, recipes: builtin } = this.#request;
    const info = config
      ? buildoutInfo(config, this.#runSettings(store.state.id, options))
      : this.#infoWithoutConfig(store, options);
    const signal = options.signal ?? new AbortController().signal;
    // Every request of every part under way listens: more than node takes for a leak.
    setMaxListeners(0, signal);
    const packages = new PackagePrefix(packageSettings(config, info, { env, signal }));
    const registry = new Registry({ builtin, directory: info.directory, cwd, packages });
    const warn = (diagnostic: Diagnostic): void => runtime.report(diagnostic);
    const extended = config && (await extend(config, registry, warn));
    const reporters = [...(options.report ? [options.report] : []), ...(extended?.reporters ?? [])];
    const report: Reporter = (event) => reporters.forEach((each) => each(event));
    const runtime = new Runtime({ info, env, home, signal, report });
    this.#redactor = runtime.redactor;
    try {
      return await work({ config: extended?.config, store, runtime, registry, packages });
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      throw new DiagnosticError(runtime.hushed(error.diagnostics), { cause: error.cause });
    } finally {
      await runtime.dispose();
    }
  }

  #statePath(config: Config | undefined): string {
    const text = config?.sections.get("buildout")?.options.get("installed")?.text;
    const directory = config?.directory ?? this.#directory();
    return behindLinks(resolve(directory, text ?? ".installed.cfg"));
  }

  /** The folder of a configuration file that may not be there. */
  #directory(): string {
    return resolve(this.#request.cwd, this.#request.file, "..");
  }

  #runSettings(id: string, options: RunOptions) {
    const { env, offline = false, newest = true } = this.#request;
    return { id, runId: options.runId ?? newRunId(new Date(), process.pid), env, offline, newest };
  }

  #infoWithoutConfig(store: StateStore, options: RunOptions): BuildoutInfo {
    const directory = this.#directory();
    return {
      ...this.#runSettings(store.state.id, options),
      directory,
      partsDirectory: resolve(directory, "parts"),
      binDirectory: resolve(directory, "bin"),
      downloadCache: undefined,
      cacheDirectory: resolve(directory, ".tsbuildout"),
      options: {},
    };
  }

  async #apply(prospect: Prospect, options: RunOptions): Promise<Summary["parts"]> {
    const { parts, needs, runtime, store, registry, assessor, values, findings } = prospect;
    await removeTemporary(runtime.settings.info);
    const pool = new Pool(options.jobs ?? defaultJobs());
    const worker = new Worker({
      runtime,
      pool,
      store,
      registry,
      assessor,
      values,
      recordedNeeds: (part) => recordedNeeds(needs.get(part) ?? []),
    });
    const apply = new Apply({
      runtime,
      store,
      worker,
      assessor,
      values,
      parts,
      needs,
      forecast: prospect.forecast,
      findings,
      pool,
      failFast: options.failFast ?? false,
    });
    const results = await apply.run();
    const left = await removeTemporary(runtime.settings.info);
    if (left) runtime.report(left);
    store.order(parts.map((part) => part.name));
    return results;
  }
}

/** An uninstall judges no part by its file. */
function noAssessor({ runtime, store }: Session, values: Values): Assessor {
  const host = {} as ConstructorParameters<typeof Assessor>[0]["host"];
  return new Assessor({
    runtime,
    host,
    values,
    key: store.state.key,
    record: () => undefined,
    recipe: () => undefined,
  });
}

function runStarted(command: string, { runId, directory, options }: BuildoutInfo): Event {
  const keep = options["keep-runs"] ?? "";
  return {
    type: "run-started",
    command,
    runId,
    directory,
    time: new Date().toISOString(),
    keepRuns: /^\d+$/.test(keep) ? Number(keep) : 20,
    results: options["results"] ?? "",
  };
}

function warnOfCopy({ store, runtime }: Session): void {
  const copied = store.copied();
  if (copied) runtime.report(copied);
}

/** A session that was opened with a configuration has one. */
function configured(session: Session): Session & { readonly config: Config } {
  return { ...session, config: session.config! };
}

/** Says which versions of packages were chosen without an entry in `[versions]`, where it is asked for. */
async function tellPicked({ packages: { picked }, runtime }: Session): Promise<void> {
  const { options, directory } = runtime.settings.info;
  const file = options["update-versions-file"];
  if (picked.size === 0) return;
  if (isTrue(options["show-picked-versions"]))
    runtime.emit({ type: "versions-picked", versions: Object.fromEntries([...picked].sort(byName)) });
  if (file) await writePicked(resolve(directory, file), picked, new Date());
}
