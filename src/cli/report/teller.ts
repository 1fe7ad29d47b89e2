import type { Reporter } from "../../index.js";

/** Tells what happens in a run. */
export interface Teller {
  readonly report: Reporter;
  /** Says a line between what the parts say. */
  readonly note: (line: string) => void;
  /** The run will not come to its end: tells what was kept for it. */
  readonly abandon: () => void;
}
