import type { Event } from "../../index.js";

type Told = Extract<Event, { type: "diagnostic" }>;

/** Parts that a message names; of more than these their number. */
const NAMED = 8;

/** The errors of a run, kept until it has ended. What befell several parts alike (an engine that does not answer) is one. */
export class Errors {
  readonly #groups = new Map<string, { readonly text: string; readonly parts: string[] }>();

  add({ diagnostic, text }: Told): void {
    const { code, message, part } = diagnostic;
    const alike = code === "engine/unreachable" ? message : text.replace(ofPart(part), "");
    const group = this.#groups.get(alike);
    if (!group) this.#groups.set(alike, { text, parts: part === undefined ? [] : [part] });
    else if (part !== undefined && !group.parts.includes(part)) group.parts.push(part);
  }

  texts(): string[] {
    return [...this.#groups.values()].map(({ text, parts }) =>
      parts.length < 2 ? text : text.replace(ofPart(parts[0]), () => ` (parts ${names(parts)})`),
    );
  }
}

/** How `renderDiagnostic` names a part. */
function ofPart(part: string | undefined): string {
  return part === undefined ? "" : ` (part ${part})`;
}

/** `a, b, c`, with the number of those that would be too many. */
export function names(parts: readonly string[]): string {
  const more = parts.length - NAMED;
  return more > 1 ? `${parts.slice(0, NAMED).join(", ")} and ${more} more` : parts.join(", ");
}
