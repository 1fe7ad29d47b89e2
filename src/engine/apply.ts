import { type Assessment, type Assessor, requireKnown } from "./assess.js";
import { now } from "./clock.js";
import type { Runtime } from "./context.js";
import { type Decision, holdsSomething } from "./decide.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Action, End, PartResult, Summary } from "./events.js";
import { closure } from "./graph.js";
import { type Finding, NOTHING_FOUND } from "./observe.js";
import type { Need, Part } from "./part.js";
import type { Pool } from "./pool.js";
import { problemDiagnostics } from "./problem.js";
import { renderReason, type Reason } from "./reason.js";
import { type Forecast, refusal } from "./forecast.js";
import { removalOrder, reverseNeeds } from "./removal.js";
import type { StateStore } from "./store.js";
import type { Values } from "./values.js";
import type { Worker } from "./worker.js";

export interface ApplySettings {
  readonly runtime: Runtime;
  readonly store: StateStore;
  readonly worker: Worker;
  readonly assessor: Assessor;
  readonly values: Values;
  /** In order: each part after what it needs. */
  readonly parts: readonly Part[];
  readonly needs: ReadonlyMap<string, readonly Need[]>;
  readonly forecast: Forecast;
  readonly findings: ReadonlyMap<string, Finding>;
  /** In which the work on each part runs. */
  readonly pool: Pool;
  readonly failFast: boolean;
}

/** Why nothing new is begun any more. */
const INTERRUPTED = "the run was interrupted";

/** Does what the forecast says, and what turns out on the way: first what has to go, dependents first, then each
 *  part once what it needs is done. */
export class Apply {
  readonly #settings: ApplySettings;
  readonly #results = new Map<string, PartResult>();
  readonly #parts: ReadonlyMap<string, Part>;
  /** Parts that were uninstalled to be installed again, with the reasons. */
  readonly #rebuilt = new Map<string, readonly Reason[]>();
  /** Whether a part could be taken away, once that is over: several may wait for it to be gone. */
  readonly #removals = new Map<string, Promise<boolean>>();
  readonly #begun = new Set<string>();
  #stopped: string | undefined;

  constructor(settings: ApplySettings) {
    this.#settings = settings;
    this.#parts = new Map(settings.parts.map((part) => [part.name, part]));
  }

  async run(): Promise<readonly PartResult[]> {
    await this.#clearAway();
    this.#failKnown();
    const turns = new Map<string, Promise<void>>();
    for (const part of this.#settings.parts) {
      if (this.#isLeft(part)) continue;
      turns.set(part.name, this.#turn(part, turns));
      // One at a time means: in this order.
      if (this.#settings.pool.size === 1) await turns.get(part.name);
    }
    await allEnded(turns.values());
    return [...this.#results.values()];
  }

  /** What is known to fail is told before the work on what it needs, and with fail-fast in its place. A part that is there
   *  waits for its turn: it may have to go for one that it needs. */
  #failKnown(): void {
    for (const { name } of this.#settings.parts) {
      const problems = this.#settings.forecast.problems.get(name) ?? [];
      if (problems.length > 0 && !this.#records.has(name) && this.#isStopped() === undefined)
        this.#fail(name, "none", problems);
    }
  }

  /** Ends at once the turn of a part that stays as it is, as do those that it needs: most parts of most runs. */
  #isLeft(part: Part): boolean {
    const needs = this.#settings.needs.get(part.name) ?? [];
    if (this.#expected(part) !== "none" || this.#results.has(part.name)) return false;
    if (!this.#asForeseen(part, needs) || this.#isStale(part, needs)) return false;
    this.#end(part.name, "none", "unchanged");
    return true;
  }

  get #records() {
    return this.#settings.store.state.records;
  }

  #isStopped(): string | undefined {
    return this.#settings.runtime.settings.signal.aborted ? INTERRUPTED : this.#stopped;
  }

  // What goes.

  /** Uninstalls what is removed, changed or incomplete, in reverse order, before anything is installed. */
  async #clearAway(): Promise<void> {
    const { decisions } = this.#settings.forecast;
    const going = new Set<string>();
    for (const [name, { action }] of decisions)
      if (this.#records.has(name) && ["uninstall", "forget", "reinstall"].includes(action)) going.add(name);
    if (going.size > 0) await this.#remove(going, decisions);
  }

  async #remove(going: ReadonlySet<string>, decisions: ReadonlyMap<string, Decision>): Promise<void> {
    const order = removalOrder(this.#records, going);
    const needers = reverseNeeds(this.#records, going);
    const done = new Map<string, Promise<void>>();
    for (const name of order) {
      const task = async (): Promise<void> => {
        for (const needer of needers.get(name) ?? []) await done.get(needer);
        await this.#removeOne(name, decisions.get(name)!, needers.get(name) ?? []);
      };
      done.set(name, task());
      // One at a time means: in this order.
      if (this.#settings.pool.size === 1) await done.get(name);
    }
    await allEnded(done.values());
  }

  async #removeOne(name: string, { action, reasons }: Decision, needers: readonly string[]): Promise<void> {
    const stays = needers.find((needer) => this.#records.has(needer) && this.#results.has(needer));
    if (stays !== undefined) return this.#end(name, action, "skipped", `${stays} still needs it`);
    await this.#settings.pool.run(async () => {
      const stopped = this.#isStopped();
      if (stopped !== undefined) return this.#end(name, action, "skipped", stopped);
      await this.#removeNow(name, action, reasons);
    });
  }

  #removeNow(name: string, action: Action, reasons: readonly Reason[]): Promise<boolean> {
    let removal = this.#removals.get(name);
    if (!removal) this.#removals.set(name, (removal = this.#takeAway(name, action, reasons)));
    return removal;
  }

  async #takeAway(name: string, action: Action, reasons: readonly Reason[]): Promise<boolean> {
    const { worker } = this.#settings;
    const because = action === "reinstall" ? "changed" : "gone";
    if (action === "reinstall") this.#rebuilt.set(name, reasons);
    const shown = action === "forget" ? "forget" : "uninstall";
    const ok = await this.#perform(name, shown, { reasons, label: action }, async () =>
      action === "forget" ? worker.forget(name) : worker.uninstall(name, because),
    );
    if (ok && action === "reinstall") this.#results.delete(name);
    return ok;
  }

  // What comes, or stays.

  async #turn(part: Part, turns: ReadonlyMap<string, Promise<void>>): Promise<void> {
    const needs = this.#settings.needs.get(part.name) ?? [];
    for (const need of needs) await turns.get(need.part);
    if (this.#results.has(part.name)) return;
    const action = this.#expected(part);
    const missing = needs.find((need) => !need.evenIfFailed && this.#isMissing(need.part));
    if (missing) return this.#end(part.name, action, "skipped", this.#whyMissing(missing.part));
    if (action === "none" && this.#asForeseen(part, needs)) return await this.#leave(part);
    await this.#settings.pool.run(async () => {
      const stopped = this.#isStopped();
      if (stopped !== undefined) return this.#end(part.name, action, "skipped", stopped);
      this.#begun.add(part.name);
      await this.#judge(part);
    });
  }

  /** Nothing that the part depends on has moved: what was foreseen of it holds, and nothing is to be done. */
  #asForeseen(part: Part, needs: readonly Need[]): boolean {
    const { decisions, problems } = this.#settings.forecast;
    const decision = decisions.get(part.name);
    if (!decision || decision.refused.length > 0 || problems.has(part.name)) return false;
    return (
      this.#records.has(part.name) && needs.every((need) => this.#results.get(need.part)?.end === "unchanged")
    );
  }

  async #leave(part: Part): Promise<void> {
    const record = this.#records.get(part.name);
    if (record) this.#settings.values.recall(record);
    try {
      await this.#refresh(part);
    } catch (error) {
      return this.#stumble(part.name, "none", error);
    }
    this.#end(part.name, "none", "unchanged");
  }

  #expected(part: Part): Action {
    return this.#rebuilt.has(part.name)
      ? "reinstall"
      : (this.#settings.forecast.decisions.get(part.name)?.action ?? "none");
  }

  #isMissing(name: string): boolean {
    const end = this.#results.get(name)?.end;
    return end === "failed" || end === "skipped" || end === "aborted";
  }

  #whyMissing(name: string): string {
    const { end } = this.#results.get(name)!;
    return `it needs ${name}, which ${end === "failed" ? "failed" : `was ${end}`}`;
  }

  /** The part's turn has come: all that it needs is there, so all that it refers to is known. */
  async #judge(part: Part): Promise<void> {
    const problems = this.#settings.forecast.problems.get(part.name);
    if (problems) return this.#fail(part.name, "none", problems);
    let assessment: Assessment;
    try {
      assessment = await this.#assess(part);
      // All that it needs has had its turn: what is still not known is not to be had.
      if (assessment.decision.action === "maybe") requireKnown(part, assessment.live);
    } catch (error) {
      return this.#stumble(part.name, this.#expected(part), error);
    }
    const { decision } = assessment;
    if (decision.refused.length > 0) return this.#fail(part.name, "none", [refusal(part, decision)]);
    await this.#carryOut(part, assessment);
  }

  async #assess(part: Part): Promise<Assessment> {
    const { drift, missing } = this.#settings.findings.get(part.name) ?? NOTHING_FOUND;
    const wantedOutputs = (this.#settings.forecast.decisions.get(part.name)?.reasons ?? []).flatMap(
      (reason) => (reason.kind === "output" ? [{ name: reason.name, reader: reason.reader }] : []),
    );
    const observed = { drift, missing, reinstalled: [], uncertain: [], uninstalled: [], wantedOutputs };
    return await this.#settings.assessor.assess(part, observed, []);
  }

  async #carryOut(part: Part, assessment: Assessment): Promise<void> {
    const { name } = part;
    const { worker } = this.#settings;
    const { action, reasons } = assessment.decision;
    if (action === "none" || action === "maybe") return await this.#leave(part);
    if (action === "update") {
      await this.#perform(name, "update", { reasons }, () => worker.update(part, assessment));
      return;
    }
    const isCleared = this.#rebuilt.has(name);
    if (action === "reinstall" && !isCleared && !(await this.#clearForReinstall(part, reasons))) return;
    const label = this.#rebuilt.has(name) ? "reinstall" : "install";
    const why = this.#rebuilt.get(name) ?? reasons;
    await this.#perform(name, "install", { reasons: why, label }, () => worker.install(part, assessment));
  }

  /** What is recorded of a part beside its options may change without anything to be done. */
  async #refresh(part: Part): Promise<void> {
    const record = this.#records.get(part.name);
    const needs = this.#settings.needs.get(part.name) ?? [];
    if (!record || !this.#isStale(part, needs)) return;
    await this.#settings.store.change({
      set: { ...record, keep: part.engine.keep, needs: recordedNeeds(needs) },
    });
  }

  #isStale(part: Part, needs: readonly Need[]): boolean {
    const record = this.#records.get(part.name);
    return !record || record.keep !== part.engine.keep || !sameList(record.needs, recordedNeeds(needs));
  }

  /** A part that turns out to have changed: what is recorded as needing it goes first, then its old self. */
  async #clearForReinstall(part: Part, reasons: readonly Reason[]): Promise<boolean> {
    const needers = reverseNeeds(this.#records, new Set(this.#records.keys()));
    const all = closure([part.name], (name) =>
      (needers.get(name) ?? []).filter((needer) => !this.#begun.has(needer) && !this.#isGuarded(needer)),
    );
    // What is wanted no more and could not go.
    const stays = [...all]
      .flatMap((name) => needers.get(name) ?? [])
      .find((needer) => !this.#parts.has(needer) && this.#isMissing(needer));
    if (stays !== undefined) {
      this.#end(part.name, "reinstall", "skipped", `${stays} still needs it`);
      return false;
    }
    for (const name of removalOrder(this.#records, all)) {
      const why: Reason = { kind: "need", part: part.name, how: "reinstalled" };
      if (!(await this.#removeNow(name, "reinstall", name === part.name ? reasons : [why]))) {
        if (name !== part.name) this.#end(part.name, "reinstall", "skipped", `${name} still needs it`);
        return false;
      }
    }
    return true;
  }

  #isGuarded(name: string): boolean {
    const part = this.#parts.get(name);
    // A part that this run does not look after is left alone, too.
    if (!part) return true;
    const guards = part.loaded.recipe.protects !== undefined && !part.engine.replace;
    return guards && holdsSomething(this.#records.get(name)!);
  }

  // How it ends.

  /** Runs one piece of work and reports it from beginning to end; false when it did not succeed. */
  async #perform(
    name: string,
    action: Action,
    { reasons, label = action }: { reasons: readonly Reason[]; label?: Action },
    work: () => Promise<void>,
  ): Promise<boolean> {
    const { runtime } = this.#settings;
    const started = now();
    const shown = reasons.map((reason) => renderReason(reason));
    runtime.emit({ type: "part-started", part: name, action, reasons: shown });
    const seconds = (): number => (now() - started) / 1000;
    try {
      await work();
      this.#end(name, label, "done", shown[0], { seconds: seconds(), action });
      return true;
    } catch (error) {
      this.#stumble(name, label, error, { seconds: seconds(), action });
      return false;
    }
  }

  /** What is thrown once the run is interrupted is nobody's fault. */
  #stumble(name: string, label: Action, error: unknown, how?: { seconds: number; action: Action }): void {
    if (this.#settings.runtime.settings.signal.aborted)
      return this.#end(name, label, "aborted", INTERRUPTED, how);
    const span = (...asked: Parameters<Part["span"]>) => this.#parts.get(name)?.span(...asked);
    this.#fail(name, label, problemDiagnostics(error, { part: name, span }), how);
  }

  #fail(
    name: string,
    label: Action,
    diagnostics: readonly Diagnostic[],
    how?: { seconds: number; action: Action },
  ): void {
    for (const diagnostic of diagnostics) this.#settings.runtime.report(diagnostic);
    this.#end(name, label, "failed", diagnostics[0]?.message ?? "it failed", how);
    if (this.#settings.failFast) this.#stopped ??= `the run stopped when ${name} failed`;
    // What cannot be recorded must not be made.
    if (diagnostics.some(({ code }) => code === "state/not-written"))
      this.#stopped ??= "the state cannot be written";
  }

  #end(
    name: string,
    label: Action,
    end: End,
    why?: string,
    { seconds, action }: { seconds: number; action: Action } = { seconds: 0, action: label },
  ): void {
    const result = { part: name, action: label, end, ...(why !== undefined && { why }) };
    this.#results.set(name, result);
    this.#settings.runtime.emit({ type: "part-ended", ...result, action, seconds });
  }
}

/** Waits for all of them, whatever becomes of one: once a run is over, nothing of it may be under way. */
async function allEnded(work: Iterable<Promise<void>>): Promise<void> {
  for (const end of await Promise.allSettled(work)) if (end.status === "rejected") throw end.reason;
}

export function recordedNeeds(needs: readonly Need[]): string[] {
  return needs.filter((need) => !need.evenIfFailed).map((need) => need.part);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

export function summarize(
  parts: readonly PartResult[],
  how: { interrupted: boolean; seconds: number },
): Summary {
  const counts: Record<End, number> = { done: 0, unchanged: 0, failed: 0, skipped: 0, aborted: 0 };
  for (const { end } of parts) counts[end]++;
  const ok = counts.failed + counts.skipped + counts.aborted === 0 && !how.interrupted;
  return { ok, ...how, counts, parts };
}
