import type { Section } from "./config/model.js";
import type { Resolved, SectionReference } from "./config/resolve.js";
import { RecipeError } from "./contract.js";
import type { Diagnostic } from "./diagnostic.js";
import { hasHole } from "./hole.js";
import type { Need, Part, Text } from "./part.js";
import type { Span } from "./text.js";

/** What to do about parts without end. */
export const END_IT = "that is a mistake of the recipe: its configure must come to an end";

/** Whether all values are known. Most sections' are, and then nothing is to be filled. */
export function isSettled(values: ReadonlyMap<string, Resolved>): values is ReadonlyMap<string, Text> {
  for (const { text } of values.values()) if (text === null || hasHole(text)) return false;
  return true;
}

/** Where it stands is worked out only for a message. */
export class ReferenceNeed implements Need {
  readonly part: string;
  readonly why: string;
  readonly firm = false;
  readonly evenIfFailed = false;
  readonly #reference: SectionReference["reference"];

  constructor(part: string, why: string, reference: SectionReference["reference"]) {
    this.part = part;
    this.why = why;
    this.#reference = reference;
  }

  get span(): Span {
    return this.#reference.span;
  }
}

export function noSuchPart(part: Part, name: string, why: string): Diagnostic {
  // Mostly an option asks for it.
  const span = part.span(why) ?? part.span("recipe");
  return {
    severity: "error",
    code: "config/missing-section",
    message: `${part.name} needs the part ${name} (${why}), which does not exist`,
    part: part.name,
    ...(span && { span }),
  };
}

export function outputsHelp(part: Part): string[] {
  const names = [...part.outputs.keys()];
  return names.length === 0 ? [] : [`${part.loaded.spec} gives ${names.join(", ")}`];
}

/** One name for an option of a section. */
export function keyOf({ section, option }: { readonly section: string; readonly option: string }): string {
  return `${section}\n${option}`;
}

/** Parts that make parts, which make parts: no recipe that has an end goes so deep. */
const DEEPEST = 100;

/** @param makers of generated parts: the one whose recipe did it
 *  @throws RecipeError `recipe/too-many-parts` where there is no end to it */
export function requireEnd(by: Part, makers: ReadonlyMap<string, Part>): void {
  let depth = 0;
  for (let maker: Part | undefined = by; maker && depth <= DEEPEST; depth++) maker = makers.get(maker.name);
  if (depth <= DEEPEST) return;
  const message = `${by.loaded.spec} adds a part that adds a part, and so on, ${DEEPEST} deep`;
  throw new RecipeError({ code: "recipe/too-many-parts", message, option: "recipe", help: [END_IT] });
}

/** The parts that may make one of this name, which is called after them (`all.app`). */
export function makersOf(name: string, sections: ReadonlyMap<string, Section>): readonly string[] {
  const pieces = name.split(".");
  const beginnings = pieces.slice(1).map((_, last) => pieces.slice(0, last + 1).join("."));
  return beginnings.filter((one) => sections.get(one)?.options.has("recipe"));
}

/** The parts that a section without a recipe passes on, in the order of the references. Not recursive: sections pass on
 *  in chains of any length, and in circles. */
export function passedOn(
  section: string,
  to: { isPart(name: string): boolean; next(name: string): readonly SectionReference[] },
): readonly string[] {
  const parts: string[] = [];
  const seen = new Set<string>();
  const stack = [section];
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (to.isPart(name)) parts.push(name);
    else for (const { reference } of to.next(name).toReversed()) stack.push(reference.section);
  }
  return parts;
}
