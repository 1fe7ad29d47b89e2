import type { BuildoutInfo, Context, Progress } from "./contract.js";
import type { Diagnostic } from "./diagnostic.js";
import { diagnosticJson, type Event, type Reporter } from "./events.js";
import { warningOf } from "./problem.js";
import { Redactor } from "./redact.js";
import { renderDiagnostic } from "./render.js";
import type { Span } from "./text.js";

interface Shared {
  readonly value: Promise<unknown>;
  readonly dispose: ((value: never) => void | Promise<void>) | undefined;
}

export interface RuntimeSettings {
  readonly info: BuildoutInfo;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly signal: AbortSignal;
  readonly report: Reporter;
}

/** What one run has in common: who reports, which secrets are known, and the values that parts share. */
export class Runtime {
  readonly settings: RuntimeSettings;
  readonly redactor = new Redactor();
  readonly #shared = new Map<string, Shared>();

  constructor(settings: RuntimeSettings) {
    this.settings = settings;
  }

  /** The one way to a reporter: nothing passes with a secret in it. */
  emit(event: Event): void {
    this.settings.report(this.redactor.value(event));
  }

  report(diagnostic: Diagnostic): void {
    this.emit({
      type: "diagnostic",
      diagnostic: diagnosticJson(diagnostic),
      text: renderDiagnostic(diagnostic),
    });
  }

  /** What a call into a recipe is handed, in the name of a part. @param span where an option of the part stands */
  context(
    part: string,
    signal: AbortSignal = this.settings.signal,
    span: (option: string) => Span | undefined = () => undefined,
  ): Context {
    const { info, env, home } = this.settings;
    return {
      part,
      buildout: info,
      env,
      home,
      signal,
      shared: (key, make, dispose) => this.#share(key, make, dispose),
      log: (line, stream = "out") => this.emit({ type: "part-log", part, stream, line }),
      warn: (problem) => this.report(warningOf(problem, { part, span })),
      progress: (progress: Progress) => this.emit({ type: "part-progress", part, ...progress }),
      secret: (text) => this.redactor.add(text),
    };
  }

  #share<T>(
    key: string,
    make: () => T | Promise<T>,
    dispose?: (value: T) => void | Promise<void>,
  ): Promise<T> {
    const known = this.#shared.get(key);
    if (known) return known.value as Promise<T>;
    const value = (async () => await make())();
    this.#shared.set(key, { value, dispose });
    // What could not be made may be tried again, by another part.
    value.catch(() => this.#shared.delete(key));
    return value;
  }

  /** Disposes of what was shared, last made first; failures to dispose harm nobody any more. */
  async dispose(): Promise<void> {
    for (const { value, dispose } of [...this.#shared.values()].reverse()) {
      try {
        const made = await value;
        await dispose?.(made as never);
      } catch {
        continue;
      }
    }
    this.#shared.clear();
  }
}
