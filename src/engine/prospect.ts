import { availableParallelism } from "node:os";
import { Assessor } from "./assess.js";
import { type Blueprint, drawBlueprint } from "./blueprint.js";
import type { InstallOptions } from "./buildout-options.js";
import type { Config } from "./config/model.js";
import type { Runtime } from "./context.js";
import type { Drift, Recipe } from "./contract.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Action } from "./events.js";
import { type Forecast, forecast, throwAll } from "./forecast.js";
import { closure } from "./graph.js";
import { type Finding, NOTHING_FOUND, observe } from "./observe.js";
import type { PackagePrefix } from "./packages/prefix.js";
import type { Registry } from "./registry.js";
import { reverseNeeds } from "./removal.js";
import type { StoredRecord } from "./state.js";
import type { StateStore } from "./store.js";
import { unknownPart } from "./suggest.js";
import { hasTriggers, touchedParts } from "./touched.js";
import { Values } from "./values.js";

/** What a run has at hand once its state is read. */
export interface Session {
  readonly config: Config | undefined;
  readonly store: StateStore;
  readonly runtime: Runtime;
  readonly registry: Registry;
  readonly packages: PackagePrefix;
}

/** Everything up to the point where something would be done. */
export interface Prospect extends Session {
  readonly parts: Blueprint["parts"];
  readonly needs: Blueprint["needs"];
  readonly assessor: Assessor;
  readonly values: Values;
  readonly forecast: Forecast;
  readonly findings: ReadonlyMap<string, Finding>;
  readonly warnings: readonly Diagnostic[];
}

type Configured = Session & { readonly config: Config };

/** The parts of the file, or of these and what they need. */
export async function draw(session: Configured, only: readonly string[]): Promise<Blueprint> {
  const { config, registry, runtime, store } = session;
  const recorded = (part: string): readonly string[] => store.state.records.get(part)?.needs ?? [];
  return await drawBlueprint({ config, registry, runtime, only, recordedNeeds: recorded });
}

/** Where only changed files count: undefined when parts say which concern them, and none of these has changed. */
export async function foreseeChanged(
  session: Configured,
  options: InstallOptions,
): Promise<Prospect | undefined> {
  if (!options.changed) return await foresee(session, options);
  const { parts, needs } = await draw(session, options.parts ?? []);
  if (!hasTriggers(parts)) return await foresee(session, options);
  const { by, concerned } = await touchedParts(parts, needs, options.changed);
  const only = [...concerned, ...(options.reinstall ?? [])];
  return only.length === 0 ? undefined : await foresee(session, { ...options, parts: only }, by);
}

/** Judges the parts.
 *  @param touched parts that are to be worked on whatever is found, with the file that says so */
export async function foresee(
  session: Configured,
  options: InstallOptions,
  touched: ReadonlyMap<string, string> = new Map(),
): Promise<Prospect> {
  const { parts: asked = [], reinstall = [] } = options;
  const forced = new Map<string, Drift>();
  for (const [part, path] of touched) forced.set(part, { kind: "changed", message: `triggered by ${path}` });
  for (const part of reinstall)
    forced.set(part, { kind: "changed", message: "asked for", repair: "reinstall" });
  if (asked.length === 0) return await foreseeOnce(session, options, { only: [], dragged: [], forced });
  let only = [...new Set([...asked, ...reinstall])];
  let dragged: readonly string[] = [];
  for (;;) {
    const prospect = await foreseeOnce(session, options, { only, dragged, forced });
    // What is made anew takes those along that are recorded as needing it, asked for or not.
    const isPart = (name: string): boolean =>
      session.config.sections.get(name)?.options.has("recipe") ?? false;
    const more = neighbours(prospect, ["reinstall", "maybe"]).filter((name) => isPart(name));
    const gone = neighbours(prospect, ["reinstall"]).filter(
      (name) => !isPart(name) && !dragged.includes(name),
    );
    if (more.length + gone.length === 0) return prospect;
    only = [...only, ...more];
    dragged = [...dragged, ...gone];
  }
}

/** Recorded parts that were not judged, and need one of which this is to be done. */
function neighbours(
  { parts, forecast: { decisions }, store }: Prospect,
  actions: readonly Action[],
): string[] {
  const { records } = store.state;
  const needers = reverseNeeds(records, new Set(records.keys()));
  const anew = parts.filter(({ name }) => actions.includes(decisions.get(name)?.action ?? "none"));
  const all = closure(
    anew.map(({ name }) => name),
    (name) => needers.get(name) ?? [],
  );
  const judged = new Set(parts.map(({ name }) => name));
  return [...all].filter((name) => !judged.has(name));
}

async function foreseeOnce(
  session: Configured,
  options: InstallOptions,
  {
    only,
    dragged,
    forced,
  }: {
    readonly only: readonly string[];
    /** Parts that are in the way and not in the file any more. */
    readonly dragged: readonly string[];
    /** Why a part is to be worked on, whatever is found. */
    readonly forced: ReadonlyMap<string, Drift>;
  },
): Promise<Prospect> {
  const { store, registry, runtime } = session;
  const { records, key } = store.state;
  const drawn = await draw(session, only);
  throwAll(strangers(options, session.config, drawn.configurer.parts));
  const blueprint = {
    ...drawn,
    parts: drawn.parts.map((part) => withReplace(part, options.replace ?? [])),
  };
  const { parts, needs, configurer } = blueprint;
  const names = new Set(parts.map((part) => part.name));
  const specs = new Map(parts.map((part) => [part.name, part.loaded.spec]));
  const seen = [...records.values()].filter(
    ({ part, recipe, phase }) =>
      specs.get(part) === recipe && (phase === "installed" || phase === "updating"),
  );
  const values = new Values(configurer.parts, key);
  const record = (part: string): StoredRecord | undefined => records.get(part);
  const findings = withForced(await observe(seen, registry, runtime), forced);
  // Where parts are asked for, nothing goes but what is in their way.
  const going = new Set(only.length > 0 ? dragged : [...records.keys()].filter((name) => !names.has(name)));
  const recipe = await otherRecipes({ records, specs, going, registry });
  const assessor = new Assessor({ runtime, host: configurer, values, key, record, recipe });
  const jobs = options.jobs ?? defaultJobs();
  const result = await forecast({ parts, needs, records, going, findings, assessor, values, jobs });
  return {
    ...session,
    parts,
    needs,
    assessor,
    values,
    forecast: result,
    findings,
    warnings: drawn.warnings,
  };
}

/** Loads the recipes of what goes, and of parts that have another one now: they know what goes with what they made. */
async function otherRecipes({
  records,
  specs,
  going,
  registry,
}: {
  readonly records: ReadonlyMap<string, StoredRecord>;
  readonly specs: ReadonlyMap<string, string>;
  readonly going: ReadonlySet<string>;
  readonly registry: Registry;
}): Promise<(record: StoredRecord) => Recipe | undefined> {
  const isOther = ({ part, recipe }: StoredRecord): boolean =>
    going.has(part) || (specs.get(part) ?? recipe) !== recipe;
  // One that cannot be loaded uninstalls nothing either.
  await Promise.all(
    [...records.values()].filter(isOther).map(async ({ recipe }) => {
      await registry.load(recipe).catch(() => {});
    }),
  );
  return ({ recipe }) => registry.known(recipe)?.recipe;
}

/** What options name that is not there: neither in the file nor generated, or, of what is to be made anew, not in this run. */
function strangers(
  { replace = [], reinstall = [] }: InstallOptions,
  { sections }: Config,
  parts: ReadonlyMap<string, unknown>,
): readonly Diagnostic[] {
  const names = [...new Set([...replace, ...reinstall])].filter((name) => !parts.has(name));
  return names.flatMap((name): Diagnostic[] => {
    if (!sections.has(name)) return [unknownPart(name, parts.keys())];
    if (!reinstall.includes(name)) return [];
    const message = `${name} is not one of the parts of this run`;
    const help = [`tsbuildout install ${name} --reinstall ${name}`];
    return [{ severity: "error", code: "part/unknown", message, help }];
  });
}

/** Parts mostly wait for an engine, not for a processor. */
export function defaultJobs(): number {
  return Math.max(4, availableParallelism());
}

function withReplace<T extends Blueprint["parts"][number]>(part: T, replace: readonly string[]): T {
  return replace.includes(part.name) ? { ...part, engine: { ...part.engine, replace: true } } : part;
}

function withForced(
  findings: ReadonlyMap<string, Finding>,
  forced: ReadonlyMap<string, Drift>,
): ReadonlyMap<string, Finding> {
  const all = new Map(findings);
  for (const [part, drift] of forced) {
    const found = all.get(part) ?? NOTHING_FOUND;
    all.set(part, { ...found, drift: [...found.drift, drift] });
  }
  return all;
}
