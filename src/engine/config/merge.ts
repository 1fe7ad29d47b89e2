import type { Span } from "../text.js";
import { Composed, type HistoryEntry, type Section, type Value } from "./model.js";
import type { Amendment, Said } from "./scan.js";

/** The option that copies other sections, `<= a b`. */
export const MACRO = "<";

const NONE: readonly never[] = [];

/** A section while files are merged onto each other. One that copies nothing is complete as it is. */
export interface Merging extends Section {
  header: Span | undefined;
  options: Map<string, Value>;
  /** The options are the file's own map, as most sections are said once: to be copied before the first change. */
  borrowed: boolean;
  /** In a section with `<=`, its own `+=` and `-=` wait until the copying. */
  readonly waiting: ReadonlyMap<string, Amendment> | undefined;
}

export type Merged = Map<string, Merging>;

/** A section of a file as it is laid over what came before it. */
export type Layer = Iterable<Said & { readonly name: string; readonly header?: Span | undefined }>;

/**
 * Lays a file over `merged`, in place. `opens` tells whether this file is the first to have a section: the same `+=`
 * acts as `=` in a new section and adds to an empty text in one that is there.
 */
export function overlay(merged: Merged, layer: Layer, opens?: (section: string) => boolean): void {
  for (const said of layer) {
    const { name, header } = said;
    const there = merged.get(name);
    if (there) change(there, said, header);
    else if (opens?.(name) === false) {
      const options = new Map<string, Value>();
      update(options, said);
      merged.set(name, merging(name, header, { options, borrowed: false, waiting: undefined }));
    } else merged.set(name, opened(name, header, said));
  }
}

/** Lays one merged configuration over another, in place: its values replace, whatever they were made of. */
export function overlayMerged(merged: Merged, over: Merged): void {
  for (const section of over.values()) {
    const there = merged.get(section.name);
    if (there) change(there, saidBy(section), section.header);
    else merged.set(section.name, section);
  }
}

/** Lays a merged configuration over one that has few sections, such as the built-in one; gives the result. */
export function underlay(merged: Merged, below: Merged): Merged {
  for (const [name, section] of below) {
    const over = merged.get(name);
    if (over) change(section, saidBy(over), over.header);
    merged.set(name, section);
  }
  return merged;
}

/** A merged section as a file would say it, so that it can be laid over others. */
export function saidBy({ options, waiting }: Merging): Said {
  return { sets: options, amendments: waiting };
}

function change(section: Merging, said: Said, header: Span | undefined): void {
  section.header ??= header;
  if (section.borrowed) section.options = new Map(section.options);
  section.borrowed = false;
  update(section.options, said);
}

/** Applies changes to values that are there; what is added to a missing option is added to the empty text. */
export function update(values: Map<string, Value>, { sets, amendments }: Said): void {
  for (const [option, set] of sets) values.set(option, replaced(values.get(option), set));
  for (const [option, amendment] of amendments ?? [])
    values.set(option, amended(values.get(option), amendment));
}

function opened(name: string, header: Span | undefined, { sets, amendments }: Said): Merging {
  const options = sets as Map<string, Value>;
  if (!amendments || sets.has(MACRO))
    return merging(name, header, { options, borrowed: true, waiting: amendments });
  const own = new Map(sets);
  for (const [option, amendment] of amendments) own.set(option, firstValue(sets.get(option), amendment));
  return merging(name, header, { options: own, borrowed: false, waiting: undefined });
}

export function merging(
  name: string,
  header: Span | undefined,
  { options, borrowed, waiting }: Pick<Merging, "options" | "borrowed" | "waiting">,
): Merging {
  return { name, header, options, borrowed, waiting, macros: NONE, mistakes: NONE };
}

/** The value of an amended option in a new section, where `+=` acts as `=` and `-=` leaves the empty text. */
function firstValue(set: Value | undefined, { add, remove }: Amendment): Value {
  if (set) return amended(set, { add, remove });
  if (!add) return new Composed("", remove ? [remove] : []);
  return amended(new Composed(add.text, [add]), { add: undefined, remove });
}

function replaced(before: Value | undefined, after: Value): Value {
  return before ? new Composed(after.text, [...before.history, ...after.history]) : after;
}

/** All `+=`, then all `-=`, by whole lines. */
function amended(value: Value | undefined, { add, remove }: Amendment): Value {
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
