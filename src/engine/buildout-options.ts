import type { LoadRequest } from "./config/load.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Reporter, Step } from "./events.js";
import type { BuiltinRecipes } from "./registry.js";

/** What to open, and everything that it depends on. */
export interface OpenRequest extends LoadRequest {
  readonly recipes: BuiltinRecipes;
}

/** How a run goes; all may be left out. */
export interface RunOptions {
  /** Aborts the run: parts that are under way undo themselves. */
  readonly signal?: AbortSignal;
  readonly report?: Reporter;
  /** Names the run (see newRunId); made up where it is not given. */
  readonly runId?: string;
  /** How many parts at once. */
  readonly jobs?: number;
  /** Begin nothing new after a failure. */
  readonly failFast?: boolean;
}

export interface InstallOptions extends RunOptions {
  /** Only these and what they need; nothing is uninstalled then that is not in the way. */
  readonly parts?: readonly string[];
  /** Paths of changed files, relative to the buildout's folder: only the parts whose `triggers` take one in are worked
   *  on, whatever is recorded of them, and those that need them. Where no part has `triggers`, all are looked at. */
  readonly changed?: readonly string[];
  /** Parts that are made anew whatever is found, with those that need them. */
  readonly reinstall?: readonly string[];
  /** Parts whose protected objects may be destroyed. */
  readonly replace?: readonly string[];
}

export interface UninstallOptions extends RunOptions {
  readonly parts?: readonly string[];
  readonly all?: boolean;
  /** With the parts that need them. */
  readonly cascade?: boolean;
  /** Whatever they made is left, and not asked after: its engine may be gone for good. */
  readonly forget?: boolean;
}

export interface Plan {
  /** Without the parts that would fail, and those that need them. */
  readonly steps: readonly Step[];
  /** Why parts would fail as things are. */
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** Whether an install would do anything (a routine update counts as nothing). */
  readonly changes: boolean;
}
