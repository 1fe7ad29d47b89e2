import type { Assessment, Assessor } from "./assess.js";
import { type Decision, decide, type Observed } from "./decide.js";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import { type Finding, NOTHING_FOUND } from "./observe.js";
import { hasHole, holesOf } from "./hole.js";
import type { Need, Part } from "./part.js";
import { Pool } from "./pool.js";
import { problemDiagnostics } from "./problem.js";
import { renderReason } from "./reason.js";
import type { StoredRecord } from "./state.js";
import type { Values } from "./values.js";

/** What is to be done with each part, as far as it is known before anything is done. */
export interface Forecast {
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Why something could not be judged; nothing is done with these parts. */
  readonly problems: ReadonlyMap<string, readonly Diagnostic[]>;
  /** What recipes say that it will come to, by part. */
  readonly notes: ReadonlyMap<string, readonly string[]>;
  /** What would be lost that a recipe protects, by the part that is to be uninstalled. */
  readonly losses: ReadonlyMap<string, string>;
}

export interface ForecastSettings {
  /** In order: each part after what it needs. */
  readonly parts: readonly Part[];
  readonly needs: ReadonlyMap<string, readonly Need[]>;
  readonly records: ReadonlyMap<string, StoredRecord>;
  /** Recorded parts that are to go. */
  readonly going: ReadonlySet<string>;
  readonly findings: ReadonlyMap<string, Finding>;
  readonly assessor: Assessor;
  readonly values: Values;
  /** How many inputs are read at once. */
  readonly jobs: number;
}

type WantedOutputs = Map<string, { readonly name: string; readonly reader: string }[]>;

/** Asks `decide` for every part in order, each with what was decided for the parts that it needs. */
export async function forecast(settings: ForecastSettings): Promise<Forecast> {
  const wanted: WantedOutputs = new Map();
  for (;;) {
    const round = new Round(settings, wanted);
    const result = await round.run();
    // A secret output that is wanted makes its part update, which may make others want something: until nothing is new.
    if (!round.addWanted()) return result;
  }
}

const STILL: Decision = decide(undefined, undefined);

class Round {
  readonly #settings: ForecastSettings;
  readonly #wanted: WantedOutputs;
  readonly #decisions = new Map<string, Decision>();
  readonly #problems = new Map<string, readonly Diagnostic[]>();
  readonly #notes = new Map<string, readonly string[]>();
  readonly #losses = new Map<string, string>();
  readonly #pool: Pool;

  constructor(settings: ForecastSettings, wanted: WantedOutputs) {
    this.#settings = settings;
    this.#wanted = wanted;
    this.#pool = new Pool(settings.jobs);
  }

  async run(): Promise<Forecast> {
    const { going, records } = this.#settings;
    for (const name of going) this.#decisions.set(name, decide(undefined, records.get(name)));
    const leaving = [...going].map(async (name) => await this.#foreseeUninstall(name));
    const done = new Map<string, Promise<void>>();
    for (const part of this.#settings.parts)
      if (!this.#isStill(part)) done.set(part.name, this.#after(part, done));
    await Promise.all([...leaving, ...done.values()]);
    return { decisions: this.#decisions, problems: this.#problems, notes: this.#notes, losses: this.#losses };
  }

  async #foreseeUninstall(name: string): Promise<void> {
    const record = this.#settings.records.get(name);
    if (!record || this.#decisions.get(name)?.action !== "uninstall") return;
    const { lines, lost } = await this.#settings.assessor.foreseeUninstall(record);
    this.#notes.set(name, lines);
    if (lost !== undefined) this.#losses.set(name, lost);
  }

  /** Decides at once where neither the part nor anything that it needs moves. */
  #isStill(part: Part): boolean {
    const { records, findings, assessor, values } = this.#settings;
    const isStill = (need: string): boolean => this.#decisions.get(need)?.action === "none";
    if (this.#wanted.has(part.name) || !this.#needs(part).every((need) => isStill(need.part))) return false;
    if (!assessor.isStill(part, findings.get(part.name) ?? NOTHING_FOUND)) return false;
    const record = records.get(part.name)!;
    if (record.needs.some((need) => this.#decisions.has(need) && !isStill(need))) return false;
    this.#decisions.set(part.name, STILL);
    values.recall(record);
    return true;
  }

  async #after(part: Part, done: ReadonlyMap<string, Promise<void>>): Promise<void> {
    for (const { part: need } of this.#needs(part)) await done.get(need);
    // What needs a part that cannot be judged is left as it is: its turn would not come.
    if (this.#needs(part).some((need) => !need.evenIfFailed && this.#problems.has(need.part)))
      return void this.#problems.set(part.name, []);
    try {
      const { decision } = await this.#pool.run(() => this.#assess(part));
      this.#decisions.set(part.name, decision);
      const record = this.#settings.records.get(part.name);
      if (decision.action === "none" && record) this.#settings.values.recall(record);
      else this.#settings.values.forget(part.name);
    } catch (error) {
      this.#problems.set(
        part.name,
        problemDiagnostics(error, { part: part.name, span: (...asked) => part.span(...asked) }),
      );
    }
  }

  #needs(part: Part): readonly Need[] {
    return this.#settings.needs.get(part.name) ?? [];
  }

  async #assess(part: Part): Promise<Assessment> {
    const finding = this.#settings.findings.get(part.name) ?? NOTHING_FOUND;
    if (finding.problem !== undefined) throw finding.problem;
    const unsettled = this.#needs(part)
      .map((need) => need.part)
      .filter((need) => this.#decisions.get(need)?.action !== "none");
    const assessment = await this.#settings.assessor.assess(part, this.observed(part, finding), unsettled);
    await this.#settings.assessor.check(part, assessment);
    if (unsettled.length === 0)
      this.#notes.set(part.name, await this.#settings.assessor.foresee(part, assessment));
    return assessment;
  }

  observed(part: Part, finding: Finding): Observed {
    const recorded = this.#settings.records.get(part.name)?.needs ?? [];
    const those = (action: string): string[] =>
      recorded.filter((need) => this.#decisions.get(need)?.action === action);
    const mayGo = (need: string): boolean => this.#decisions.get(need)?.mayRebuild === true;
    return {
      drift: finding.drift,
      missing: finding.missing,
      reinstalled: those("reinstall"),
      uncertain: those("maybe").filter(mayGo),
      uninstalled: those("uninstall"),
      wantedOutputs: this.#wanted.get(part.name) ?? [],
    };
  }

  /** Notes the secret outputs that something is to be done with and that no record can tell; says whether any is new. */
  addWanted(): boolean {
    let isNew = false;
    for (const part of this.#settings.parts) {
      const action = this.#decisions.get(part.name)?.action;
      if (action === undefined || action === "none") continue;
      for (const { text } of part.texts.values()) {
        if (!hasHole(text)) continue;
        for (const hole of holesOf(text)) {
          const kept = this.#decisions.get(hole.section)?.action === "none";
          if (!kept || !this.#settings.values.isHashOnly(hole)) continue;
          const list = this.#wanted.get(hole.section) ?? [];
          if (list.some(({ name }) => name === hole.option)) continue;
          this.#wanted.set(hole.section, [...list, { name: hole.option, reader: part.name }]);
          isNew = true;
        }
      }
    }
    return isNew;
  }
}

/** The refusals of a forecast, as diagnostics that name the option, what would be lost, and how to force it. */
export function refusals(parts: readonly Part[], { decisions }: Forecast): Diagnostic[] {
  return parts.flatMap((part) => {
    const decision = decisions.get(part.name);
    return decision && decision.refused.length > 0 ? [refusal(part, decision)] : [];
  });
}

/** Why a protected part is not touched. */
export function refusal(part: Part, { refused, lost }: Decision, render = renderReason): Diagnostic {
  const option = refused.find((reason) => reason.kind === "option");
  const span = (option?.kind === "option" && part.span(option.name)) || part.span("recipe");
  return {
    severity: "error",
    code: "part/protected",
    message: `${part.name} would have to be made anew, and ${lost} would be lost`,
    part: part.name,
    ...(span && { span }),
    notes: refused.map((reason) => ({ message: render(reason) })),
    help: [`to destroy it nevertheless: replace = true in [${part.name}], or --replace ${part.name}`],
  };
}

export function throwAll(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
}
