import type { Reporter } from "../../index.js";

/** Tells what happens in a run. */
export interface Teller {
  readonly report: Reporter;
  /** The run will not come to its end: tells what was kept for it. */
  readonly abandon: () => void;
}
