import { type Finding, NOTHING_FOUND } from "./observe.js";
import { configureContext, type ConfigureHost } from "./configure-context.js";
import type { Runtime } from "./context.js";
import { type InputsContext, type Recipe, RecipeError } from "./contract.js";
import {
  decide,
  type Decision,
  type Fingerprint,
  holdsSomething,
  type Observed,
  type Wanted,
} from "./decide.js";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import type { Action } from "./events.js";
import { isSecretOption } from "./facts.js";
import { requireTable, requireText } from "./given.js";
import { replaceSecrets, spellings } from "./hidden.js";
import { hasHole, holeName, holesOf } from "./hole.js";
import { type Decoded, decodeOptions } from "./options.js";
import { isEngineOption, type Part, type Text } from "./part.js";
import type { Schema } from "./schema.js";
import { hashSecret, type StoredRecord } from "./state.js";
import { withinTime } from "./time-limit.js";
import type { Values } from "./values.js";

/** What judging a part takes; the same for a plan and for a run. */
export interface AssessSettings {
  readonly runtime: Runtime;
  readonly host: ConfigureHost;
  readonly values: Values;
  /** Keys the hashes of secrets. */
  readonly key: string;
  readonly record: (part: string) => StoredRecord | undefined;
  /** The recipe that a record names; undefined where it cannot be loaded. */
  readonly recipe: (record: StoredRecord) => Recipe | undefined;
}

/** A part's options with all that is known by now. */
export interface Live {
  readonly texts: ReadonlyMap<string, Text>;
  readonly options: Readonly<Record<string, unknown>>;
  /** Options that still wait for a value. */
  readonly unknown: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

function hasHoles(part: Part): boolean {
  for (const { text } of part.texts.values()) if (hasHole(text)) return true;
  for (const { text } of part.computed.values()) if (hasHole(text)) return true;
  return false;
}

/** Fills a part's options and decodes them; where something has become known, its recipe configures it again. */
async function enliven(part: Part, { runtime, host, values }: AssessSettings): Promise<Live> {
  if (part.settled && !hasHoles(part)) return { texts: part.texts, options: part.settled, unknown: NONE };
  const texts = new Map<string, Text>();
  let filled = false;
  for (const [name, { text, secret }] of part.texts) {
    const now = values.fill(text, "real");
    filled ||= now !== text;
    texts.set(name, { text: now, secret });
    if (now !== text && secret && !hasHole(now) && part.loaded.recipe.options[name]?.secret)
      runtime.redactor.add(now);
  }
  const { info, home } = runtime.settings;
  const now: Part = filled ? { ...part, texts } : part;
  const decoded = decodeOptions(part.loaded.recipe.options, now, { directory: info.directory, home });
  if (decoded.mistakes.length > 0) throw new DiagnosticError(decoded.mistakes);
  if (filled && part.loaded.recipe.configure) await configureAgain(now, decoded, { host, values });
  for (const [name, { text, secret }] of part.computed)
    if (hasHole(text)) texts.set(name, { text: values.fill(text, "real"), secret });
  return { texts, options: decoded.values, unknown: decoded.unknown };
}

/** What the recipe wishes for the second time (needs, parts) is too late and was seen the first time. */
async function configureAgain(
  part: Part,
  decoded: Decoded,
  { host, values }: { host: ConfigureHost; values: Values },
): Promise<void> {
  const failed: Diagnostic[] = [];
  const { context } = configureContext(
    {
      runtime: host.runtime,
      fail: (diagnostics) => void failed.push(...diagnostics),
      hasSection: (name) => host.hasSection(name),
      option: async (section, option) => {
        const text = await host.option(section, option);
        return text && { ...text, text: values.fill(text.text, "real") };
      },
      partsBehind: () => [],
    },
    { ...part, needs: new Map(), provides: [], uses: [] },
    decoded,
  );
  await part.loaded.recipe.configure!(context);
  if (failed.length > 0) throw new DiagnosticError(failed);
}

/** The options in the form in which they are compared and recorded. */
function fingerprints(
  part: Part,
  { runtime, values, key, record }: AssessSettings,
): Map<string, Fingerprint> {
  const result = new Map<string, Fingerprint>();
  const all = part.computed.size > 0 ? [...part.texts, ...part.computed] : part.texts;
  const hash = (value: string): string => hashSecret(value, key);
  const told = (name: string, text: string, secret: boolean): string => {
    const shown = replaceSecrets(text, (value) => {
      // What a container is given it may print.
      for (const one of spellings(value)) runtime.redactor.add(one);
      return hash(value);
    });
    return secret || isSecret(part, name) ? hash(text) : shown;
  };
  for (const [name, { text, secret }] of all) {
    if (isEngineOption(name)) continue;
    const marked = values.fill(text, "mark");
    const unknown = hasHole(marked) ? holesOf(marked).map(holeName) : [];
    result.set(name, { text: unknown.length > 0 ? null : told(name, marked, secret), secret, unknown });
  }
  addUncomputed(part, result, { values, recorded: record(part.name)?.options ?? {} });
  return result;
}

function isSecret(part: Part, name: string): boolean {
  return isSecretOption(part.loaded.recipe, name);
}

/** What a recipe could not compute for want of a value: not known yet; or, where only a hash is known of that
 *  value, and so that it is the same, as recorded. */
function addUncomputed(
  part: Part,
  result: Map<string, Fingerprint>,
  { values, recorded }: { values: Values; recorded: Readonly<Record<string, string>> },
): void {
  if (!hasHoles(part)) return;
  const holes = [...part.texts.values()].flatMap(({ text }) => holesOf(values.fill(text, "real")));
  if (holes.length === 0) return;
  const hashOnly = holes.every((hole) => values.isHashOnly(hole));
  for (const name of Object.keys(part.loaded.recipe.computed ?? {})) {
    if (part.computed.has(name)) continue;
    const text = recorded[name];
    const unknown = holes.map(holeName);
    if (!hashOnly) result.set(name, { text: null, secret: false, unknown, computed: true });
    else if (text !== undefined) result.set(name, { text, secret: false, unknown: [] });
  }
}

export interface Assessment {
  readonly decision: Decision;
  readonly live: Live;
  readonly fingerprints: ReadonlyMap<string, Fingerprint>;
}

/** What calls into the recipe. */
const DOES: ReadonlySet<Action> = new Set(["install", "update", "reinstall"]);

/** Judges parts: resolves what is known, reads inputs where that may be done, and asks `decide`. */
export class Assessor {
  readonly settings: AssessSettings;
  /** Read once a run. */
  readonly #inputs = new Map<string, Promise<Readonly<Record<string, string>>>>();

  constructor(settings: AssessSettings) {
    this.settings = settings;
  }

  /** Whether nothing at all can have moved, so that `decide` would say `none`: the answer for almost every part of
   *  almost every run, given without building what the full judgement takes. Holds only where no need is moving. */
  isStill(part: Part, finding: Finding): boolean {
    const { recipe, spec, version } = part.loaded;
    const record = this.settings.record(part.name);
    if (!record || record.phase !== "installed" || record.recipe !== spec || record.version !== version)
      return false;
    if (finding !== NOTHING_FOUND || recipe.inputs || (recipe.update && !recipe.look)) return false;
    if (!part.settled || part.computed.size > 0) return false;
    let count = 0;
    for (const [name, { text, secret }] of part.texts) {
      if (isEngineOption(name)) continue;
      if (secret || isSecret(part, name) || hasHole(text) || record.options[name] !== text) return false;
      count++;
    }
    return count === Object.keys(record.options).length;
  }

  /** `unsettled`: needs that something is still to be done with. While there are some, inputs are not read. */
  async assess(part: Part, observed: Observed, unsettled: readonly string[]): Promise<Assessment> {
    const live = await enliven(part, this.settings);
    const prints = fingerprints(part, this.settings);
    const record = this.settings.record(part.name);
    const made =
      record && record.recipe !== part.loaded.spec ? this.settings.recipe(record) : part.loaded.recipe;
    const wanted = { ...wantedOf(part, prints, unsettled), protects: made?.protects };
    const first = decide(wanted, record, observed);
    const open = first.action === "none" || first.action === "update" || first.action === "maybe";
    if (!part.loaded.recipe.inputs || !record || !open || unsettled.length > 0 || first.refused.length > 0)
      return { decision: first, live, fingerprints: prints };
    const inputs = await this.inputs(part, live);
    return { decision: decide({ ...wanted, inputs }, record, observed), live, fingerprints: prints };
  }

  inputs(part: Part, live: Live): Promise<Readonly<Record<string, string>>> {
    let reading = this.#inputs.get(part.name);
    if (!reading) this.#inputs.set(part.name, (reading = this.#read(part, live)));
    return reading;
  }

  /** @throws where the recipe knows that doing it will be refused */
  async check(part: Part, { decision, live }: Assessment): Promise<void> {
    const { recipe } = part.loaded;
    if (!recipe.check || !DOES.has(decision.action)) return;
    const { unknown } = live;
    await this.#within(part, async (signal) =>
      recipe.check!(Object.assign(this.#looking(part, live, signal), { unknown })),
    );
  }

  /** What doing it will come to, in the recipe's words. */
  async foresee(part: Part, { decision, live }: Assessment): Promise<readonly string[]> {
    const { recipe } = part.loaded;
    if (!recipe.foresee || !DOES.has(decision.action) || live.unknown.size > 0) return [];
    return await this.#within(part, async (signal) => recipe.foresee!(this.#looking(part, live, signal)));
  }

  /** The same of a part that is to be uninstalled, and what would be lost. An engine that cannot be asked keeps nothing
   *  from being planned: the uninstall itself will tell. */
  async foreseeUninstall(
    record: StoredRecord,
  ): Promise<{ lines: readonly string[]; lost: string | undefined }> {
    const { runtime } = this.settings;
    const recipe = this.settings.recipe(record);
    const protectedThing = holdsSomething(record) ? recipe?.protects : undefined;
    try {
      const context = Object.assign(runtime.context(record.part), { record });
      const { lines, loses } = (await recipe?.foreseeUninstall?.(context)) ?? { lines: [], loses: true };
      return { lines, lost: loses ? protectedThing : undefined };
    } catch {
      return { lines: [], lost: protectedThing };
    }
  }

  async #read(part: Part, live: Live): Promise<Readonly<Record<string, string>>> {
    const { recipe } = part.loaded;
    if (!recipe.inputs) return {};
    const read = (signal: AbortSignal) => recipe.inputs!(this.#looking(part, live, signal));
    const inputs = (await this.#within(part, read)) ?? {};
    requireTable(inputs, "the inputs");
    for (const [name, digest] of Object.entries(inputs)) requireText(digest, `the input ${name}`);
    return inputs;
  }

  #within<T>(part: Part, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withinTime(part, this.settings.runtime.settings.signal, work);
  }

  #looking(part: Part, live: Live, signal: AbortSignal): InputsContext<Schema> {
    const { runtime, record } = this.settings;
    // Not spread into a literal, as in configureContext.
    return Object.assign(
      runtime.context(part.name, signal, (...asked) => part.span(...asked)),
      {
        options: live.options,
        text: (option: string) => knownText(part, live, option),
        record: record(part.name),
      },
    );
  }
}

export function knownText(part: Part, live: Live, option: string): string | undefined {
  const computed = part.computed.get(option)?.text;
  const text = computed === undefined || hasHole(computed) ? live.texts.get(option)?.text : computed;
  return text === undefined || hasHole(text) ? undefined : text;
}

/** @throws RecipeError `part/value-unknown` where an option still waits for a value that its part did not give */
export function requireKnown(part: Part, live: Live): void {
  for (const [option, { text }] of live.texts) {
    if (!hasHole(text)) continue;
    const names = holesOf(text).map(holeName).join(", ");
    throw new RecipeError({
      code: "part/value-unknown",
      message: `option ${option} of ${part.name} needs ${names}, which its part did not give`,
      option,
    });
  }
}

function wantedOf(
  part: Part,
  options: ReadonlyMap<string, Fingerprint>,
  unsettled: readonly string[],
): Omit<Wanted, "protects"> {
  const { recipe, spec, version } = part.loaded;
  return {
    recipe: spec,
    version,
    options,
    isInPlace: (name) => (part.computed.get(name) ?? recipe.options[name])?.inPlace === true,
    inputs: recipe.inputs ? undefined : {},
    inputsAfter: unsettled,
    hasUpdate: recipe.update !== undefined,
    always: recipe.update !== undefined && recipe.look === undefined,
    replace: part.engine.replace,
  };
}
