import type { UninstallOptions } from "./buildout-options.js";
import type { Config } from "./config/model.js";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import { closure, orderNames } from "./graph.js";
import { unknownPart } from "./suggest.js";

type Recorded = ReadonlyMap<string, { readonly needs: readonly string[] }>;

/** The names, each before what it needs; otherwise last installed first. */
export function removalOrder(records: Recorded, names: ReadonlySet<string>): string[] {
  const recorded = [...records.keys()].filter((name) => names.has(name));
  return orderNames(recorded, (name) => records.get(name)?.needs ?? []).reverse();
}

/** Who among the names is recorded as needing whom. What closes a circle is left out. */
export function reverseNeeds(records: Recorded, names: ReadonlySet<string>): Map<string, string[]> {
  const place = new Map(removalOrder(records, names).map((name, index) => [name, index]));
  const needers = new Map<string, string[]>();
  for (const [name, index] of place)
    for (const need of records.get(name)?.needs ?? []) {
      const other = place.get(need);
      if (other === undefined || other <= index) continue;
      const known = needers.get(need);
      if (known) known.push(name);
      else needers.set(need, [name]);
    }
  return needers;
}

/** The parts to be uninstalled; throws where others need them. */
export function chooseGoing(
  records: Recorded,
  config: Config | undefined,
  options: Pick<UninstallOptions, "parts" | "all" | "cascade">,
): ReadonlySet<string> {
  if (options.all) return new Set(records.keys());
  const asked = options.parts ?? [];
  const strangers = asked.filter((name) => !records.has(name) && config && !config.sections.has(name));
  const mistakes = strangers.map((name) => unknownPart(name, records.keys()));
  if (mistakes.length > 0) throw new DiagnosticError(mistakes);
  const present = asked.filter((name) => records.has(name));
  const needers = reverseNeeds(records, new Set(records.keys()));
  const all = closure(present, (name) => needers.get(name) ?? []);
  const others = [...all].filter((name) => !present.includes(name));
  if (others.length > 0 && !options.cascade) throw new DiagnosticError([stillNeeded(present, others)]);
  return all;
}

function stillNeeded(parts: readonly string[], others: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "part/needed",
    message: `${parts.join(", ")} ${parts.length > 1 ? "are" : "is"} needed by ${others.join(", ")}`,
    help: [`uninstall them as well: --cascade, or name them`],
  };
}
