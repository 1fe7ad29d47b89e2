import type { Span } from "../text.js";
import { Composed, type HistoryEntry, type Value } from "./model.js";
import type { Change, ScannedSection } from "./scan.js";

/** The option that copies other sections, `<= a b`. */
export const MACRO = "<";

/** A section while files are merged onto each other. */
export interface Merging {
  readonly name: string;
  header: Span | undefined;
  readonly values: Map<string, Value>;
  /** In a section with `<=`, its own `+=` and `-=` wait until the copying (LANGUAGE, rule 20). */
  waiting: Map<string, Change> | undefined;
}

export type Merged = Map<string, Merging>;

/** A section of a file as it is laid over what came before it. */
export type Layer = Iterable<
  Pick<ScannedSection, "name" | "changes"> & { readonly header?: Span | undefined }
>;

/**
 * Lays a file over `merged`, in place. `opens` tells whether this file is the first to have a section: the same `+=`
 * acts as `=` in a new section and adds to an empty text in one that is there (LANGUAGE, rule 10).
 */
export function overlay(merged: Merged, layer: Layer, opens?: (section: string) => boolean): void {
  for (const { name, header, changes } of layer) {
    const there = merged.get(name);
    const section = there ?? { name, header, values: new Map<string, Value>(), waiting: undefined };
    if (!there) merged.set(name, section);
    section.header ??= header;
    if (there || opens?.(name) === false) update(section.values, changes);
    else open(section, changes);
  }
}

/** Lays one merged configuration over another, in place: its values replace, whatever they were made of. */
export function overlayMerged(merged: Merged, over: Merged): void {
  for (const section of over.values()) {
    const there = merged.get(section.name);
    if (!there) merged.set(section.name, section);
    else {
      there.header ??= section.header;
      update(there.values, changesOf(section));
    }
  }
}

/** A merged section as changes, so that it can be laid over others like a file. */
export function changesOf(section: Merging): Map<string, Change> {
  const changes = new Map<string, Change>(section.waiting);
  for (const [option, value] of section.values) {
    const waits = section.waiting?.get(option);
    changes.set(option, { set: value, add: waits?.add, remove: waits?.remove });
  }
  return changes;
}

/** Applies changes to values that are there; what is added to a missing option is added to the empty text. */
export function update(values: Map<string, Value>, changes: Iterable<readonly [string, Change]>): void {
  for (const [option, change] of changes) {
    const before = values.get(option);
    const value = change.set ? replaced(before, change.set) : before;
    values.set(option, extended(value, change));
  }
}

function open(section: Merging, changes: ReadonlyMap<string, Change>): void {
  const copies = changes.get(MACRO)?.set !== undefined;
  for (const [option, change] of changes) {
    if (!copies) section.values.set(option, firstValue(change));
    else {
      if (change.set) section.values.set(option, change.set);
      if (change.add || change.remove)
        (section.waiting ??= new Map()).set(option, { ...change, set: undefined });
    }
  }
}

/** The value of an option in a new section, where `+=` acts as `=` and `-=` leaves the empty text. */
function firstValue({ set, add, remove }: Change): Value {
  const base = set ?? (add ? new Composed(add.text, [add]) : undefined);
  if (!remove) return set && add ? extended(set, { set, add, remove }) : (base ?? new Composed("", []));
  if (!base) return new Composed("", [remove]);
  return extended(base, { set, add: set ? add : undefined, remove });
}

function replaced(before: Value | undefined, after: Value): Value {
  return before ? new Composed(after.text, [...before.history, ...after.history]) : after;
}

/** All `+=`, then all `-=`, by whole lines. */
function extended(value: Value | undefined, { add, remove }: Change): Value {
  if (value && !add && !remove) return value;
  let text = value?.text ?? "";
  const history: HistoryEntry[] = [...(value?.history ?? [])];
  if (add) {
    text = addLines(text, add.text);
    history.push(add);
  }
  if (remove) {
    text = removeLines(text, remove.text);
    history.push(remove);
  }
  return new Composed(text, history);
}

export function addLines(text: string, added: string): string {
  return `${text}\n${added}`;
}

/** Takes away every line that equals one of `removed`, indentation included. */
export function removeLines(text: string, removed: string): string {
  const gone = new Set(removed.split("\n"));
  return text
    .split("\n")
    .filter((line) => !gone.has(line))
    .join("\n");
}
