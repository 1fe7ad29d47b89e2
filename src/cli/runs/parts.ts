import type { Event, Step } from "../../index.js";
import type { RunPart } from "../page/data.js";

/** A part of a run without its log. */
export type PartState = Omit<RunPart, "log">;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What becomes of the parts of a run, event by event: while it is kept, and when one that has no end is read. */
export class RunParts {
  readonly #parts = new Map<string, Mutable<PartState>>();

  get list(): readonly PartState[] {
    return [...this.#parts.values()];
  }

  /** @param milliseconds since the start of the run */
  take(event: Event, milliseconds: number): void {
    if (event.type === "plan") for (const step of event.steps) this.#parts.set(step.part, planned(step));
    else if (event.type === "part-started") {
      const { action, reasons } = event;
      Object.assign(this.#part(event.part), { action, reasons, result: "running", start: milliseconds });
    } else if (event.type === "part-ended") this.#ended(event, milliseconds);
    else if (event.type === "diagnostic") this.#diagnostic(event);
    else if (event.type === "run-ended")
      for (const { part, action, end } of event.summary.parts) {
        const entry = this.#part(part);
        entry.result = end;
        entry.action ||= action === "none" ? "" : action;
      }
  }

  #ended(event: Extract<Event, { type: "part-ended" }>, milliseconds: number): void {
    const part = this.#part(event.part);
    part.result = event.end;
    part.action = event.action === "none" ? "" : event.action;
    if (part.start !== undefined) part.end = milliseconds;
    if (event.why !== undefined && event.end !== "done" && event.end !== "unchanged")
      part.error ??= event.why;
  }

  #diagnostic({ diagnostic }: Extract<Event, { type: "diagnostic" }>): void {
    if (diagnostic.severity !== "error" || diagnostic.part === undefined) return;
    const place =
      diagnostic.file === undefined ? [] : [`   ${diagnostic.file}:${diagnostic.line}:${diagnostic.column}`];
    const notes = diagnostic.notes.map((note) => `   = note: ${note}`);
    const help = diagnostic.help.map((line) => `   = help: ${line}`);
    this.#part(diagnostic.part).error = [
      `error[${diagnostic.code}]: ${diagnostic.message}`,
      ...place,
      ...notes,
      ...help,
    ].join("\n");
  }

  #part(name: string): Mutable<PartState> {
    let part = this.#parts.get(name);
    if (!part)
      this.#parts.set(
        name,
        (part = { name, recipe: "", needs: [], result: "waiting", action: "", reasons: [] }),
      );
    return part;
  }
}

/** Also one that nothing is to be done with waits for its turn: what it needs may come out otherwise. */
function planned(step: Step): PartState {
  return {
    name: step.part,
    recipe: step.recipe,
    needs: step.needs.map((part) => ({ part, why: "" })),
    result: "waiting",
    action: step.action === "none" ? "" : step.action,
    reasons: step.reasons,
  };
}
