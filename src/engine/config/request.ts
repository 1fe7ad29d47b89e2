import type { Environment } from "./expression.js";

/** What to load, and everything that the answer depends on. */
export interface LoadRequest {
  /** The main file: a path, relative to `cwd` or absolute, or a URL. */
  readonly file: string;
  /** What the main file says, where it is none: it stands in `cwd`, and `file` is what messages call it. */
  readonly input?: Uint8Array | undefined;
  readonly cwd: string;
  /** Raw arguments: `section:option=value`, `+=`, `-=`. */
  readonly assignments: readonly string[];
  /** The path of the user's `default.cfg`; absent where user defaults are off. A file that is not there is none. */
  readonly userDefaults?: string | undefined;
  readonly env: Environment;
  /** What `~` stands for. */
  readonly home: string;
  readonly offline?: boolean | undefined;
  readonly newest?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}
