import { availableParallelism } from "node:os";
import { Assessor } from "./assess.js";
import { type Blueprint, drawBlueprint } from "./blueprint.js";
import type { InstallOptions } from "./buildout-options.js";
import type { Config } from "./config/model.js";
import type { Runtime } from "./context.js";
import type { Recipe } from "./contract.js";
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
  return concerned.length === 0 ? undefined : await foresee(session, { ...options, parts: concerned }, by);
}

/** Judges the parts.
 *  @param touched parts that are to be worked on whatever is found, with the file that says so */
export async function foresee(
  session: Configured,
  options: InstallOptions,
  touched: ReadonlyMap<string, string> = new Map(),
): Promise<Prospect> {
  const asked = options.parts ?? [];
  if (asked.length === 0) return await foreseeOnce(session, options, { only: [], dragged: [], touched });
  let only = asked;
  let dragged: readonly string[] = [];
  for (;;) {
    const prospect = await foreseeOnce(session, options, { only, dragged, touched });
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
    touched,
  }: {
    readonly only: readonly string[];
    /** Parts that are in the way and not in the file any more. */
    readonly dragged: readonly string[];
    readonly touched: ReadonlyMap<string, string>;
  },
): Promise<Prospect> {
  const { store, registry, runtime } = session;
  const { records, key } = store.state;
  const drawn = await draw(session, only);
  throwAll((options.replace ?? []).flatMap((name) => strangers(name, session, drawn)));
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
  const recipe = await recordedRecipes(records, specs, registry);
  const assessor = new Assessor({ runtime, host: configurer, values, key, record, recipe });
  const findings = withTouched(await observe(seen, registry, runtime), touched);
  // Where parts are asked for, nothing goes but what is in their way.
  const going = new Set(only.length > 0 ? dragged : [...records.keys()].filter((name) => !names.has(name)));
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

/** Loads the recipes of records whose parts have another one now: they know what goes with what they made. */
async function recordedRecipes(
  records: ReadonlyMap<string, StoredRecord>,
  specs: ReadonlyMap<string, string>,
  registry: Registry,
): Promise<(record: StoredRecord) => Recipe | undefined> {
  const other = [...records.values()].filter(({ part, recipe }) => (specs.get(part) ?? recipe) !== recipe);
  // One that cannot be loaded uninstalls nothing either.
  await Promise.all(other.map(async ({ recipe }) => await registry.load(recipe).catch(() => {})));
  return ({ recipe }) => registry.known(recipe)?.recipe;
}

/** A part of that name is neither in the file nor generated. */
function strangers(
  name: string,
  { config }: Configured,
  { configurer: { parts } }: Blueprint,
): readonly Diagnostic[] {
  return parts.has(name) || config.sections.has(name) ? [] : [unknownPart(name, parts.keys())];
}

/** Parts mostly wait for an engine, not for a processor. */
export function defaultJobs(): number {
  return Math.max(4, availableParallelism());
}

function withReplace<T extends Blueprint["parts"][number]>(part: T, replace: readonly string[]): T {
  return replace.includes(part.name) ? { ...part, engine: { ...part.engine, replace: true } } : part;
}

function withTouched(
  findings: ReadonlyMap<string, Finding>,
  touched: ReadonlyMap<string, string>,
): ReadonlyMap<string, Finding> {
  const all = new Map(findings);
  for (const [part, path] of touched) {
    const found = all.get(part) ?? NOTHING_FOUND;
    const drift = [...found.drift, { kind: "changed", message: `triggered by ${path}` } as const];
    all.set(part, { ...found, drift });
  }
  return all;
}
