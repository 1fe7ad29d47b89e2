import type { Problem } from "./contract.js";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import { shown } from "./given.js";
import { withoutSecrets } from "./hidden.js";
import { positionAt } from "./text.js";

/** What is to be done with a part. `maybe`: it depends on values known only after another part's install. */
export type Action = "install" | "update" | "reinstall" | "uninstall" | "forget" | "none" | "maybe";
/** How a part came out of a run. */
export type End = "done" | "unchanged" | "failed" | "skipped" | "aborted";

/** One line of a plan. */
export interface Step {
  readonly part: string;
  readonly action: Action;
  readonly recipe: string;
  /** Rendered: `option image: a -> b`. */
  readonly reasons: readonly string[];
  readonly needs: readonly string[];
  /** What the recipe foresees: `cache hit: …`. */
  readonly notes?: readonly string[];
}

/** A diagnostic as plain JSON, without the source's whole text. */
export interface DiagnosticJson {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly message: string;
  readonly part?: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** The source's line, for a caret under it. */
  readonly lineText?: string;
  /** Length of what is marked, in UTF-16 units. */
  readonly length?: number;
  readonly notes: readonly string[];
  readonly help: readonly string[];
}

export interface PartResult {
  readonly part: string;
  readonly action: Action;
  readonly end: End;
  /** Why it is so: the first reason, the failure's message, or what was missing. */
  readonly why?: string;
}

export interface Summary {
  readonly ok: boolean;
  readonly interrupted: boolean;
  readonly counts: Readonly<Record<End, number>>;
  readonly parts: readonly PartResult[];
  readonly seconds: number;
}

/** Everything a reporter can see of a run; plain JSON, secrets already replaced by `***`. */
export type Event =
  | {
      readonly type: "run-started";
      readonly command: string;
      readonly runId: string;
      readonly directory: string;
      /** ISO 8601, UTC. */
      readonly time: string;
      /** `[buildout] keep-runs`: how many runs are kept. */
      readonly keepRuns: number;
      /** `[buildout] results`: where runs are published; empty where they are not. */
      readonly results: string;
    }
  | { readonly type: "plan"; readonly steps: readonly Step[] }
  | {
      readonly type: "part-started";
      readonly part: string;
      readonly action: Action;
      readonly reasons: readonly string[];
    }
  | {
      readonly type: "part-progress";
      readonly part: string;
      readonly id?: string;
      readonly step: string;
      readonly current?: number;
      readonly total?: number;
      readonly unit?: "bytes" | "items";
    }
  | {
      readonly type: "part-log";
      readonly part: string;
      readonly stream: "out" | "err" | "note";
      readonly line: string;
    }
  | ({ readonly type: "part-ended"; readonly seconds: number } & PartResult)
  | { readonly type: "diagnostic"; readonly diagnostic: DiagnosticJson; readonly text: string }
  | { readonly type: "versions-picked"; readonly versions: Readonly<Record<string, string>> }
  | { readonly type: "run-ended"; readonly summary: Summary };

export type Reporter = (event: Event) => void;

export function diagnosticJson(diagnostic: Diagnostic): DiagnosticJson {
  const { severity, code, message, part, span } = diagnostic;
  return {
    severity,
    code,
    message,
    ...(part !== undefined && { part }),
    ...(span && place(span)),
    notes: (diagnostic.notes ?? []).map((note) => note.message + (note.span ? ` (${where(note.span)})` : "")),
    help: diagnostic.help ?? [],
  };
}

function place(span: NonNullable<Diagnostic["span"]>) {
  const { line, column, lineText } = positionAt(span.source, span.start);
  const length = Math.max(1, Math.min(span.end - span.start, lineText.length - column + 1));
  const start = column - 1;
  const { text } = withoutSecrets(span.source, span.start - start, { text: lineText, start, end: start });
  return { file: span.source.name, line, column, lineText: text, length };
}

function where(span: NonNullable<Diagnostic["span"]>): string {
  return `${span.source.name}:${positionAt(span.source, span.start).line}`;
}

/** Anything thrown as diagnostics: a mistake of the user's as it is, a problem of a recipe's, else a bug. */
export function toDiagnostics(thrown: unknown, part?: string): readonly Diagnostic[] {
  const of = part === undefined ? {} : { part };
  if (thrown instanceof DiagnosticError) return thrown.diagnostics.map((d) => ({ ...of, ...d }));
  const problem = problemOf(thrown);
  if (problem) return [{ severity: "error", ...of, ...saidBy(problem) }];
  if (!(thrown instanceof Error))
    return [{ severity: "error", ...of, code: "internal/bug", message: `Error: ${shown(thrown)}` }];
  // The system said no (a full disk, a missing permission): nobody's bug.
  if ("syscall" in thrown && "code" in thrown)
    return [{ severity: "error", code: "system/failed", message: thrown.message, ...of }];
  const trace = (thrown.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const notes = [...causesOf(thrown), ...trace.slice(0, 7).map((line) => line.trim())];
  const message = `${thrown.name}: ${thrown.message}`;
  return [{ severity: "error", ...of, ...saidBy({ code: "internal/bug", message, notes }) }];
}

/** A problem's words as those of a diagnostic. Of notes and help one text is taken for a list of one, and what is no text
 *  (the error that it came of) is told as one. */
export function saidBy({ code, message, notes, help }: Problem) {
  return {
    code,
    message,
    ...(notes && { notes: [notes].flat().map((note) => ({ message: shown(note) })) }),
    ...(help && { help: [help].flat().map(shown) }),
  };
}

/** What an error came of, with what those came of: `fetch failed` alone says nothing. */
function causesOf(error: Error): string[] {
  const known = new Set([error]);
  for (const { cause, errors } of known as Set<Error & { readonly errors?: unknown }>)
    for (const one of [cause, errors].flat()) if (one instanceof Error) known.add(one);
  return [...known].slice(1, 6).map(({ name, message }) => `because of ${name}: ${message}`);
}

/** The `problem` property of an error, whatever class it is of (a recipe package may bring its own copy). */
export function problemOf(thrown: unknown): Problem | undefined {
  if (typeof thrown !== "object" || thrown === null || !("problem" in thrown)) return undefined;
  const { problem } = thrown;
  if (typeof problem !== "object" || problem === null) return undefined;
  const { code, message } = problem as Partial<Problem>;
  return typeof code === "string" && typeof message === "string" ? (problem as Problem) : undefined;
}
