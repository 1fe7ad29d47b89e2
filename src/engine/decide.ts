import type { Changes, Drift } from "./contract.js";
import type { Action } from "./events.js";
import type { Reason } from "./reason.js";
import type { StoredRecord } from "./state.js";

/** An option in the form in which it is recorded: a text, or a keyed hash; null while it is not known. */
export interface Fingerprint {
  readonly text: string | null;
  readonly secret: boolean;
  /** The outputs that it waits for, `part:output`. */
  readonly unknown: readonly string[];
  /** The recipe computes it from options that wait for those. */
  readonly computed?: true;
}

/** What the file wants of a part. */
export interface Wanted {
  readonly recipe: string;
  readonly version: string;
  readonly options: ReadonlyMap<string, Fingerprint>;
  /** Options that an update can change, whether set or not. */
  isInPlace(option: string): boolean;
  /** Undefined while they cannot be read yet; then `inputsAfter` says what must come first. */
  readonly inputs: Readonly<Record<string, string>> | undefined;
  readonly inputsAfter: readonly string[];
  readonly hasUpdate: boolean;
  /** It has an update and no way to look: it is updated at every run. */
  readonly always: boolean;
  /** What would be lost with what is recorded. */
  readonly protects: string | undefined;
  /** The user says that what is protected may go. */
  readonly replace: boolean;
}

/** What was found, and what the rest of the run means for the part. */
export interface Observed {
  readonly drift: readonly Drift[];
  /** Recorded files that are not there. */
  readonly missing: readonly string[];
  /** Recorded needs that are reinstalled in this run. */
  readonly reinstalled: readonly string[];
  /** Recorded needs of which it is not known yet whether they are reinstalled. */
  readonly uncertain: readonly string[];
  /** Recorded needs that are uninstalled in this run and do not come back. */
  readonly uninstalled: readonly string[];
  /** Secret outputs that another part needs and that only an update can tell. */
  readonly wantedOutputs: readonly { readonly name: string; readonly reader: string }[];
}

export const NOTHING_OBSERVED: Observed = {
  drift: [],
  missing: [],
  reinstalled: [],
  uncertain: [],
  uninstalled: [],
  wantedOutputs: [],
};

export interface Decision {
  readonly action: Action;
  readonly reasons: readonly Reason[];
  readonly changes: Changes;
  /** The changes for which something protected would have to go. */
  readonly refused: readonly Reason[];
  /** What would be lost. */
  readonly lost?: string;
  /** Of a `maybe`: what is known only later may ask for a reinstall; otherwise for an update at most. */
  readonly mayRebuild?: boolean;
}

const NO_CHANGES: Changes = { options: [], inputs: [], drift: [], unfinished: false };

/** Says what to do with a part, and why. Pure; plan and apply both ask it, so that they cannot disagree. */
export function decide(
  wanted: Wanted | undefined,
  record: StoredRecord | undefined,
  observed: Observed = NOTHING_OBSERVED,
): Decision {
  if (!wanted) return record ? decideGone(record) : decision("none", []);
  if (!record) return decision("install", [{ kind: "new" }]);
  const found = compare(wanted, record, observed);
  const guarded = wanted.protects !== undefined && !wanted.replace && holdsSomething(record);
  const rebuild = guarded ? found.rebuild.filter((reason) => destroysNothing(reason)) : found.rebuild;
  const refused = guarded ? found.rebuild.filter((reason) => isRefused(reason, wanted)) : [];
  const changes = { ...found.changes, unfinished: record.phase !== "installed" };
  if (refused.length > 0)
    return { action: "none", reasons: refused, changes, refused, lost: wanted.protects! };
  if (rebuild.length > 0) return decision("reinstall", [...rebuild, ...found.renew], changes);
  // For what is protected a new recipe version, a rebuilt neighbour or an unfinished uninstall is no cause to go, but
  // one to look after it.
  const renew = guarded && wanted.hasUpdate ? [...found.renew, ...found.rebuild] : found.renew;
  const later = guarded ? found.later.filter(({ kind }) => kind !== "need") : found.later;
  if (later.length > 0) {
    // What is changed already is updated, whatever else comes to be known.
    const certain = renew.length > 0 && !found.mayRebuild;
    return {
      ...decision(certain ? "update" : "maybe", [...renew, ...later], changes),
      mayRebuild: found.mayRebuild,
    };
  }
  if (renew.length > 0) return decision("update", renew, changes);
  return wanted.always ? decision("update", [{ kind: "always" }], changes) : decision("none", []);
}

function decision(action: Action, reasons: readonly Reason[], changes: Changes = NO_CHANGES): Decision {
  return { action, reasons, changes, refused: [] };
}

/** A part that is to go: because the file does not want it any more, or because the user says so.
 *  @param forget whatever is left of it */
export function decideGone(record: StoredRecord, why: "gone" | "asked" = "gone", forget = false): Decision {
  // What was left half made is no use to anybody, whatever `keep` says.
  const whole = record.phase === "installed" || record.phase === "updating";
  return decision(forget || (record.keep && whole) ? "forget" : "uninstall", [{ kind: why }]);
}

/** Whether something of the user's may be in what the part made. What an uninstall that did not come to its end has left
 *  is still the user's; a half made thing holds nothing, and what somebody else made is left in any case. */
export function holdsSomething({ phase, resources }: StoredRecord): boolean {
  return phase !== "installing" && resources.length > 0;
}

function destroysNothing(reason: Reason): boolean {
  return reason.kind === "file" || (reason.kind === "drift" && reason.drift === "missing");
}

function isRefused(reason: Reason, { hasUpdate }: Wanted): boolean {
  if (reason.kind === "interrupted") return !hasUpdate;
  return !destroysNothing(reason) && reason.kind !== "need" && reason.kind !== "version";
}

interface Comparison {
  /** Takes an uninstall and an install. */
  readonly rebuild: Reason[];
  /** An update will do. */
  readonly renew: Reason[];
  readonly later: Reason[];
  /** Whether what comes later may take an uninstall and an install. */
  readonly mayRebuild: boolean;
  readonly changes: Changes;
}

function compare(wanted: Wanted, record: StoredRecord, observed: Observed): Comparison {
  const rebuild: Reason[] = [];
  const renew: Reason[] = [];
  const later: Reason[] = [];
  if (record.phase === "installing") rebuild.push({ kind: "interrupted", what: "install" });
  if (record.phase === "uninstalling") rebuild.push({ kind: "interrupted", what: "uninstall" });
  if (record.phase === "updating") renew.push({ kind: "interrupted", what: "update" });
  if (wanted.recipe !== record.recipe) {
    // Of the options of two recipes, defaults included, every one differs: that says no more.
    rebuild.push({ kind: "recipe", from: record.recipe, to: wanted.recipe });
    return { rebuild, renew: [], later, mayRebuild: false, changes: NO_CHANGES };
  }
  if (wanted.version !== record.version)
    rebuild.push({ kind: "version", from: record.version, to: wanted.version });
  for (const path of untold(observed)) rebuild.push({ kind: "file", path });
  const byUpdate = wanted.hasUpdate ? renew : rebuild;
  const options = compareOptions(wanted, record, { rebuild, byUpdate, later });
  const inputs = compareInputs(wanted, record, { byUpdate, later });
  const drift = observed.drift.filter(({ repair }) => repair !== "none");
  for (const { kind, message, repair } of drift)
    (repair === "reinstall" ? rebuild : byUpdate).push({ kind: "drift", message, drift: kind });
  for (const part of observed.reinstalled) rebuild.push({ kind: "need", part, how: "reinstalled" });
  for (const part of observed.uncertain) later.push({ kind: "need", part, how: "perhaps reinstalled" });
  // It was attached to something that goes: where it changes as well, or may, it lets go of it before that goes.
  if (options.length + inputs.length + later.length > 0)
    for (const part of observed.uninstalled) rebuild.push({ kind: "need", part, how: "uninstalled" });
  for (const output of observed.wantedOutputs) byUpdate.push({ kind: "output", ...output });
  const waits = [...wanted.options].some(([name, { text }]) => text === null && !wanted.isInPlace(name));
  const mayRebuild = waits || observed.uncertain.length > 0 || !wanted.hasUpdate;
  const changes = { options, inputs, drift, unfinished: false };
  return { rebuild, renew, later, mayRebuild, changes };
}

/** Files that are gone, but for those of which the drift tells. */
export function untold({ missing, drift }: Pick<Observed, "missing" | "drift">): readonly string[] {
  const told = drift.map(({ file }) => file);
  return missing.filter((path) => !told.includes(path));
}

/** Almost always true, and asked of every part at every run. */
function sameOptions({ options }: Wanted, record: StoredRecord): boolean {
  let count = 0;
  for (const [name, { text }] of options) {
    if (text === null || text !== record.options[name]) return false;
    count++;
  }
  return count === Object.keys(record.options).length;
}

function compareOptions(
  wanted: Wanted,
  record: StoredRecord,
  to: { rebuild: Reason[]; byUpdate: Reason[]; later: Reason[] },
): string[] {
  if (sameOptions(wanted, record)) return [];
  const changed: string[] = [];
  const waiting: (Fingerprint & { readonly name: string })[] = [];
  const names = new Set([...wanted.options.keys(), ...Object.keys(record.options)]);
  for (const name of [...names].sort()) {
    const now = wanted.options.get(name);
    const before = own(record.options, name);
    if (now?.text === null) waiting.push({ name, ...now });
    else if (now?.text !== before) {
      changed.push(name);
      const reason: Reason = {
        kind: "option",
        name,
        from: before,
        to: now?.text,
        secret: now?.secret ?? false,
      };
      (wanted.isInPlace(name) ? to.byUpdate : to.rebuild).push(reason);
    }
  }
  // Of what is computed the user's own options tell enough.
  const told = waiting.filter(({ computed }) => !computed);
  for (const { name, unknown } of told.length > 0 ? told : waiting)
    to.later.push({ kind: "later", what: `option ${name}`, of: unknown });
  return changed;
}

function compareInputs(
  wanted: Wanted,
  record: StoredRecord,
  to: { byUpdate: Reason[]; later: Reason[] },
): string[] {
  const { inputs } = wanted;
  if (inputs === undefined) {
    if (wanted.inputsAfter.length > 0)
      to.later.push({ kind: "later", what: "what it reads", of: wanted.inputsAfter });
    return [];
  }
  const names = [...new Set([...Object.keys(inputs), ...Object.keys(record.inputs)])].sort();
  const changed = names.filter((name) => own(inputs, name) !== own(record.inputs, name));
  for (const name of changed)
    to.byUpdate.push({ kind: "input", name, from: own(record.inputs, name), to: own(inputs, name) });
  return changed;
}

/** Not what every object has: an option or a file may be called `constructor`. */
function own(texts: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}
