import type { OutputSpec } from "./contract.js";
import type { LoadedRecipe } from "./registry.js";
import { option, type Schema } from "./schema.js";
import type { Span } from "./text.js";

/** Why one part comes after another. */
export interface Need {
  readonly part: string;
  /** `option image` or what a recipe said; shown by `graph` and in a cycle. */
  readonly why: string;
  readonly span?: Span;
  /** Must hold: a value that only that part's install tells, or a recipe's own word. The others only order the
   *  parts, and one of them gives way in a circle. */
  readonly firm: boolean;
  /** This part runs also when that one failed. */
  readonly evenIfFailed: boolean;
}

/** An option's resolved text. It may hold holes (see hole.ts) for values that are not known yet. */
export interface Text {
  readonly text: string;
  readonly secret: boolean;
}

/** The options of a part that are the engine's. */
export interface EngineOptions {
  readonly keep: boolean;
  readonly keepOnError: boolean;
  /** Milliseconds. */
  readonly timeout: number | undefined;
  readonly replace: boolean;
}

interface Computed extends Text {
  readonly inPlace: boolean;
}

/** A section with a recipe, after its recipe has seen its options. */
export interface Part {
  readonly name: string;
  readonly loaded: LoadedRecipe;
  /** Written options and defaults, under the names that the schema knows them by. */
  readonly texts: ReadonlyMap<string, Text>;
  readonly computed: Map<string, Computed>;
  readonly outputs: Map<string, OutputSpec>;
  /** By the part needed; of several reasons the firmest. */
  readonly needs: Map<string, Need>;
  readonly provides: string[];
  readonly uses: { readonly key: string; readonly why: string; readonly place: string | undefined }[];
  /** Where it is, with what it provides and uses; undefined where it has not said so. */
  place: string | undefined;
  readonly engine: EngineOptions;
  /** The decoded options, where none of them waits for another part. */
  settled: Readonly<Record<string, unknown>> | undefined;
  /** Where messages about an option's value, or its name, point to. @param said the message: of a value of several lines
   *  it may quote one */
  span(option: string, said?: string): Span | undefined;
  nameSpan(option: string): Span | undefined;
}

const engineOptions = {
  keep: option.boolean({ doc: "When the part goes, forget it and leave what it made." }),
  "keep-on-error": option.boolean({ doc: "Do not undo a failed install, so that it can be looked at." }),
  timeout: option.duration({
    doc: "How long the part may take before it is aborted and its install undone; reading what it depends on may take as long beforehand.",
  }),
  replace: option.boolean({
    doc: "What the part protects may be destroyed and made anew, as with `--replace PART`.",
  }),
} as const satisfies Schema;

/** Engine-owned options that have a value; they are no recipe's and no cause for a change. */
export const ENGINE_OPTIONS: Schema = engineOptions;

/** Options that are not a recipe's. `<part-dependencies>` counts as a change, the others do not. */
export const PART_DEPENDENCIES = "<part-dependencies>";
export function isEngineOption(name: string): boolean {
  return name === "recipe" || name === "<" || Object.hasOwn(engineOptions, name);
}

const WHEN_INSTALLED = "needed when installed";

/** Orders after what a part needed when it was installed: that must not be taken away under it. */
export function recordedNeed(part: string): Need {
  return { part, why: WHEN_INSTALLED, firm: false, evenIfFailed: true };
}

/** Needs that the file speaks of, not those that only a record remembers. */
export function currentNeeds(needs: readonly Need[]): readonly Need[] {
  return needs.filter((need) => need.why !== WHEN_INSTALLED);
}

/** Adds a need; a firm one stands over a loose one. */
export function addNeed(part: Part, need: Need): void {
  if (need.part === part.name) return;
  const known = part.needs.get(need.part);
  if (!known || (need.firm && !known.firm)) {
    const evenIfFailed = need.evenIfFailed && (known?.evenIfFailed ?? true);
    part.needs.set(need.part, evenIfFailed === need.evenIfFailed ? need : { ...need, evenIfFailed });
  }
}
