import { provided, type Value } from "./model.js";

/** A value after its references: a text, or nothing as long as the outputs that it needs are unknown. */
export type Resolved =
  | { readonly text: string; readonly secret: boolean }
  | { readonly text: null; readonly secret: boolean; readonly unknown: readonly string[] };

/** An option of a section, with what it came to. */
export interface Entry {
  readonly option: string;
  /** As it is written, or as its default has it. */
  readonly value: Value;
  readonly resolved: Resolved;
}

/** What has a value without being written in a file: schema defaults, aliases, computed options, outputs. */
export interface Outside {
  /** A Value's text may hold references of its own, which count from `section`. */
  lookup(section: string, option: string): Value | Resolved | undefined;
  isSecret(section: string, option: string): boolean;
  /** What others mean by a name of a section, whatever is written under it there. */
  produced?(section: string, option: string): Resolved | undefined;
  /** The options of a section that have a default and are to be seen like written ones. */
  options?(section: string): Iterable<string>;
}

/** Nothing but the files. */
export const nothingOutside: Outside = { lookup: () => undefined, isSecret: () => false };

/** An option as a program computes it, for an Outside. */
export function computed(text: string): Value {
  return provided(text, "computed");
}

/** The value of an option that its schema gives by default. */
export function defaultValue(text: string): Value {
  return provided(text, "default");
}
