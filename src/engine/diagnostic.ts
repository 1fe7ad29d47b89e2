import type { Span } from "./text.js";

export interface Note {
  readonly message: string;
  readonly span?: Span;
}

/** One thing that is wrong: what happened, where, and what to do. The only form in which an error reaches a user. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** Stable: `config/missing-option`, `option/unknown`, `engine/unreachable`, … Explained in docs/diagnostics.md. */
  readonly code: string;
  readonly message: string;
  readonly span?: Span;
  /** The part in whose name something was being done. */
  readonly part?: string;
  readonly notes?: readonly Note[];
  /** What to do next, one sentence each. */
  readonly help?: readonly string[];
}

/** Thrown for what a user can mend. Anything else that surfaces is a bug and prints as one. */
export class DiagnosticError extends Error {
  override readonly name = "DiagnosticError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], options?: ErrorOptions) {
    super(diagnostics.map((d) => `${d.code}: ${d.message}`).join("\n"), options);
    this.diagnostics = diagnostics;
  }
}

/** The same diagnostic with its message and notes in other words; its help stays. */
export function reworded(diagnostic: Diagnostic, reword: (text: string) => string): Diagnostic {
  const { message, notes } = diagnostic;
  return {
    ...diagnostic,
    message: reword(message),
    ...(notes && { notes: notes.map((note) => ({ ...note, message: reword(note.message) })) }),
  };
}

/** Without what is said twice: one mistake in a shared section is found by all that refer to it. */
export function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const diagnostic of diagnostics) {
    const { code, message, span } = diagnostic;
    const key = `${code}\n${message}\n${span?.source.name ?? ""}\n${span?.start ?? ""}`;
    if (!seen.has(key)) seen.set(key, diagnostic);
  }
  return [...seen.values()];
}
