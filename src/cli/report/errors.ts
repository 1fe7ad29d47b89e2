import type { Diagnostic } from "../../index.js";

/** What is mended once, wherever it is met. */
const ONCE: ReadonlySet<string> = new Set(["engine/unreachable", "config/missing-environment"]);

/** Parts that a message names; of more than these their number. */
const NAMED = 8;

/** Messages that are told together: those of a run, kept until it has ended, or those that kept it from beginning.
 *  What befell several parts alike (an engine that does not answer, a variable that is not set) is one. */
export class Errors {
  readonly #groups = new Map<string, { readonly text: string; readonly parts: Set<string> }>();

  /** @param text the diagnostic as it is shown */
  add({ code, message, part }: Pick<Diagnostic, "code" | "message" | "part">, text: string): void {
    const alike = ONCE.has(code) ? message : text.replace(ofPart(part), "");
    const group = this.#groups.get(alike);
    if (!group) this.#groups.set(alike, { text, parts: new Set(part === undefined ? [] : [part]) });
    else if (part !== undefined) group.parts.add(part);
  }

  texts(): string[] {
    return [...this.#groups.values()].map(({ text, parts }) => {
      const [first, ...others] = parts;
      if (first === undefined || others.length === 0) return text;
      return text.replace(ofPart(first), () => ` (parts ${names([first, ...others])})`);
    });
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
