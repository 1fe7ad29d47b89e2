import type { BuildoutInfo, Context, Progress } from "./contract.js";
import { type Diagnostic, reworded } from "./diagnostic.js";
import { diagnosticJson, type Event, type Reporter } from "./events.js";
import { requireText, shown } from "./given.js";
import { warningOf } from "./problem.js";
import { Redactor } from "./redact.js";
import { renderDiagnostic } from "./render.js";
import { Shared } from "./shared-work.js";
import type { Span } from "./text.js";

interface Made {
  readonly value: unknown;
  readonly dispose: ((value: never) => void | Promise<void>) | undefined;
}

interface Making<T> {
  readonly make: (signal: AbortSignal) => T | Promise<T>;
  readonly dispose: ((value: T) => void | Promise<void>) | undefined;
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
  readonly #made = new Map<string, Made>();
  readonly #making = new Shared<Made>();

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

  /** The same for what goes past the reporters, to whoever asked. */
  hushed(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
    return diagnostics.map((diagnostic) => ({
      ...reworded(diagnostic, (text) => this.redactor.text(text)),
      ...(diagnostic.help && { help: this.redactor.value(diagnostic.help) }),
    }));
  }

  /** What a call into a recipe is handed, in the name of a part. @param span where an option of the part stands */
  context(
    part: string,
    signal: AbortSignal = this.settings.signal,
    span: (option: string, said?: string) => Span | undefined = () => undefined,
  ): Context {
    const { info, env, home } = this.settings;
    return {
      part,
      buildout: info,
      env,
      home,
      signal,
      shared: (key, make, dispose) => this.#share(key, signal, { make, dispose }),
      log: (text, stream = "out") => {
        for (const line of linesOf(text)) this.emit({ type: "part-log", part, stream, line });
      },
      warn: (problem) => this.report(warningOf(problem, { part, span })),
      // Ours last: a recipe cannot give itself out for another event, or another part.
      progress: (progress: Progress) => this.emit({ ...progress, type: "part-progress", part }),
      secret: (text) => {
        requireText(text, "a secret");
        this.redactor.add(text);
      },
    };
  }

  /** What could not be made may be tried again, by another part. */
  async #share<T>(key: string, signal: AbortSignal, { make, dispose }: Making<T>): Promise<T> {
    const known = this.#made.get(key);
    if (known) return known.value as T;
    const { value } = await this.#making.run(key, signal, async (stop) => {
      const made: Made = { value: await make(stop), dispose };
      this.#made.set(key, made);
      return made;
    });
    return value as T;
  }

  /** Disposes of what was shared, last made first; failures to dispose harm nobody any more. */
  async dispose(): Promise<void> {
    for (const { value, dispose } of [...this.#made.values()].reverse()) {
      try {
        await dispose?.(value as never);
      } catch {
        continue;
      }
    }
    this.#made.clear();
  }
}

/** Of what is logged as a line: reporters rely on its being one. */
function linesOf(logged: unknown): readonly string[] {
  const text = shown(logged);
  return text.includes("\n") ? text.replace(/\r?\n$/, "").split(/\r?\n/) : [text];
}
