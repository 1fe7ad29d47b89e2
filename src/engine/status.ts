import type { Drift, Outputs } from "./contract.js";
import { untold } from "./decide.js";
import { toDiagnostics } from "./events.js";
import { type Finding, NOTHING_FOUND } from "./observe.js";
import { noteText } from "./render.js";
import { isHashed, type StoredRecord } from "./state.js";

export interface PartStatus {
  readonly part: string;
  readonly recipe: string;
  readonly version: string;
  readonly installedAt: string;
  /** `unfinished`: a run was cut off or failed; `unknown`: nobody could look. */
  readonly state: "ok" | "drifted" | "unfinished" | "unknown";
  readonly drift: readonly Drift[];
  readonly keep: boolean;
  readonly needs: readonly string[];
  /** As they are recorded: of a secret `***`. */
  readonly outputs: Outputs;
  readonly problem?: string;
}

/** Its message, and its notes on lines of their own, which say why (what ssh said last); no stack of a bug. */
function inWords(problem: unknown): string {
  const lines = toDiagnostics(problem).flatMap(({ code, message, notes = [] }) =>
    code === "internal/bug" ? [message] : [message, ...notes.map(noteText)],
  );
  return lines.join("\n");
}

/** A recorded part with what was found of it. */
export function statusOf(record: StoredRecord, finding: Finding = NOTHING_FOUND): PartStatus {
  const { part, recipe, version, installedAt, keep, needs, phase } = record;
  const outputs = Object.entries(record.outputs).map(([name, text]) => [name, isHashed(text) ? "***" : text]);
  const files = untold(finding).map(
    (path): Drift => ({ kind: "missing", message: `${path} is gone`, repair: "reinstall" }),
  );
  // What was cut off is cleared away, whatever is left of it.
  const drift = phase === "installed" || phase === "updating" ? [...finding.drift, ...files] : [];
  const problem = finding.problem === undefined ? undefined : inWords(finding.problem);
  const found = problem !== undefined ? "unknown" : drift.length > 0 ? "drifted" : "ok";
  const state = phase === "installed" ? found : "unfinished";
  return {
    part,
    recipe,
    version,
    installedAt,
    state,
    drift,
    keep,
    needs,
    outputs: Object.fromEntries(outputs) as Outputs,
    ...(problem !== undefined && { problem }),
  };
}
