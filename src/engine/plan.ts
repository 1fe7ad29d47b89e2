import type { Step } from "./events.js";
import type { Forecast } from "./forecast.js";
import { currentNeeds, type Need, type Part } from "./part.js";
import { renderReason } from "./reason.js";
import { removalOrder } from "./removal.js";
import type { StoredRecord } from "./state.js";

/** What a list of steps is made of. */
export interface Planned {
  readonly parts: readonly Part[];
  readonly needs: ReadonlyMap<string, readonly Need[]>;
  readonly forecast: Forecast;
  readonly records: ReadonlyMap<string, StoredRecord>;
}

/** A forecast as a reader sees it: what goes first, then the parts in order. */
export function steps({ parts, needs, forecast, records }: Planned): Step[] {
  const { decisions, notes } = forecast;
  const names = new Set(parts.map((part) => part.name));
  const gone = new Set([...decisions.keys()].filter((name) => !names.has(name)));
  const step = (part: string, recipe: string, after: readonly string[]): Step => {
    const { action, reasons } = decisions.get(part) ?? { action: "none" as const, reasons: [] };
    const said = notes.get(part) ?? [];
    return {
      part,
      action,
      recipe,
      reasons: reasons.map((reason) => renderReason(reason)),
      needs: after,
      ...(said.length > 0 && { notes: said }),
    };
  };
  return [
    ...removalOrder(records, gone).map((name) =>
      step(name, records.get(name)!.recipe, records.get(name)!.needs),
    ),
    ...parts.map((part) => step(part.name, part.loaded.spec, namesOf(needs.get(part.name) ?? []))),
  ];
}

/** Also what a part waits for whether or not it succeeds. */
function namesOf(needs: readonly Need[]): string[] {
  return currentNeeds(needs).map((need) => need.part);
}
