/** What the page of a run is made from. Times are milliseconds since the start of the run. */
export interface RunData {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** Missing while the run goes on. */
  readonly milliseconds?: number;
  readonly command: string;
  readonly buildout: string;
  readonly parts: readonly RunPart[];
}

export interface RunPart {
  readonly name: string;
  readonly recipe: string;
  readonly needs: readonly { readonly part: string; readonly why: string }[];
  readonly result: RunResult;
  /** `install`, `update`, `reinstall`, `uninstall`, … or empty where nothing was done. */
  readonly action: string;
  readonly reasons: readonly string[];
  readonly start?: number;
  readonly end?: number;
  readonly error?: string;
  /** Milliseconds, stream, text. */
  readonly log: readonly (readonly [number, "out" | "err" | "note", string])[];
}

export type RunResult = "done" | "unchanged" | "failed" | "skipped" | "aborted" | "running" | "waiting";
