import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import type { Event, Reporter, Step } from "../../index.js";
import type { RunPart, RunResult } from "../page/data.js";
import { logPath, pruneRuns, type RunIndex, runsFolder } from "./folder.js";

export interface RunFolderSettings {
  readonly pid: number;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** What went wrong with the folder itself; told once, the run goes on. */
  readonly warn: (message: string) => void;
}

/** Keeps a run in its folder while it happens. A folder that cannot be written is a warning, not a failed run. */
export function runFolderReporter(settings: RunFolderSettings): Reporter {
  let writer: RunWriter | undefined;
  let broken = false;
  return (event) => {
    if (broken) return;
    try {
      if (event.type === "run-started") writer = new RunWriter(settings, event);
      else writer?.take(event);
    } catch (error) {
      broken = true;
      settings.warn(`this run is not kept: ${(error as Error).message}`);
    }
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Part = Mutable<Omit<RunPart, "log">>;

class RunWriter {
  readonly #settings: RunFolderSettings;
  readonly #directory: string;
  readonly #keep: number;
  readonly #head: Omit<RunIndex, "parts">;
  readonly #begin: number;
  readonly #parts = new Map<string, Part>();
  readonly #events: BufferedFile;
  readonly #logs = new Map<string, BufferedFile>();

  constructor(settings: RunFolderSettings, event: Extract<Event, { type: "run-started" }>) {
    const { runId: id, directory, keepRuns } = event;
    const { pid } = settings;
    this.#settings = settings;
    this.#directory = directory;
    this.#keep = keepRuns;
    this.#begin = settings.now();
    const { command, time: started } = event;
    this.#head = { version: 1, id, started, pid, command, buildout: basename(directory) };
    const folder = join(runsFolder(directory), id);
    mkdirSync(join(folder, "logs"), { recursive: true, mode: 0o700 });
    this.#events = new BufferedFile(join(folder, "events.jsonl"));
    this.#save();
  }

  take(event: Event): void {
    const milliseconds = Math.round(this.#settings.now() - this.#begin);
    if (event.type === "part-log") {
      // A line that holds line ends would be read back as several.
      const text = event.line.replaceAll("\n", "\r");
      this.#log(event.part).write(`${milliseconds} ${event.stream} ${text}\n`);
      return;
    }
    this.#events.write(`${JSON.stringify({ milliseconds, ...event })}\n`);
    if (event.type === "plan") {
      for (const step of event.steps) this.#parts.set(step.part, planned(step));
      // Where nothing is to be done, the run ends at once.
      if (event.steps.some(({ action }) => action !== "none")) this.#save();
    } else if (event.type === "part-started") {
      const { action, reasons } = event;
      Object.assign(this.#part(event.part), { action, reasons, result: "running", start: milliseconds });
    } else if (event.type === "part-ended") this.#ended(event, milliseconds);
    else if (event.type === "diagnostic") this.#diagnostic(event);
    else if (event.type === "run-ended") this.#finish(event, milliseconds);
  }

  #ended(event: Extract<Event, { type: "part-ended" }>, milliseconds: number): void {
    const part = this.#part(event.part);
    part.result = event.end;
    part.action = event.action === "none" ? "" : event.action;
    if (part.start !== undefined) part.end = milliseconds;
    if (event.why !== undefined && event.end !== "done" && event.end !== "unchanged")
      part.error ??= event.why;
    this.#logs.get(event.part)?.close();
    this.#logs.delete(event.part);
  }

  #diagnostic({ diagnostic }: Extract<Event, { type: "diagnostic" }>): void {
    if (diagnostic.severity !== "error" || diagnostic.part === undefined) return;
    const place =
      diagnostic.file === undefined ? [] : [`   ${diagnostic.file}:${diagnostic.line}:${diagnostic.column}`];
    const notes = diagnostic.notes.map((note) => `   = note: ${note}`);
    const help = diagnostic.help.map((line) => `   = help: ${line}`);
    this.#part(diagnostic.part).error = [
      `error[${diagnostic.code}]: ${diagnostic.message}`,
      ...place,
      ...notes,
      ...help,
    ].join("\n");
  }

  #finish(event: Extract<Event, { type: "run-ended" }>, milliseconds: number): void {
    for (const { part, action, end } of event.summary.parts) {
      const entry = this.#part(part);
      entry.result = end;
      entry.action ||= action === "none" ? "" : action;
    }
    for (const file of [this.#events, ...this.#logs.values()]) file.close();
    // An install that leaves nothing installed takes the whole folder of ours away.
    if (!existsSync(this.#folder())) return;
    this.#save(milliseconds);
    pruneRuns(this.#directory, this.#keep);
  }

  #part(name: string): Part {
    let part = this.#parts.get(name);
    if (!part)
      this.#parts.set(
        name,
        (part = { name, recipe: "", needs: [], result: "waiting", action: "", reasons: [] }),
      );
    return part;
  }

  #log(part: string): BufferedFile {
    let log = this.#logs.get(part);
    if (!log) this.#logs.set(part, (log = new BufferedFile(logPath(this.#directory, this.#head.id, part))));
    return log;
  }

  #folder(): string {
    return join(runsFolder(this.#directory), this.#head.id);
  }

  #save(milliseconds?: number): void {
    const index: RunIndex = {
      ...this.#head,
      ...(milliseconds !== undefined && { milliseconds }),
      parts: [...this.#parts.values()],
    };
    const path = join(this.#folder(), "index.json");
    writeFileSync(`${path}.new`, JSON.stringify(index), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

function planned(step: Step): Part {
  const result: RunResult = step.action === "none" ? "unchanged" : "waiting";
  return {
    name: step.part,
    recipe: step.recipe,
    needs: step.needs.map((part) => ({ part, why: "" })),
    result,
    action: step.action === "none" ? "" : step.action,
    reasons: step.reasons,
  };
}

/** How much is gathered before it is written, in characters; lines are written at the latest with the next second's. */
const CHUNK = 64 * 1024;

/** Appends to a file in large pieces. Synchronous, because reporters are: a log of any length takes bounded memory. */
class BufferedFile {
  readonly #descriptor: number;
  #waiting: string[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a", 0o600);
  }

  write(text: string): void {
    this.#waiting.push(text);
    this.#size += text.length;
    if (this.#size >= CHUNK) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), 250).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#size > 0) writeSync(this.#descriptor, this.#waiting.join(""));
    this.#waiting = [];
    this.#size = 0;
  }

  close(): void {
    this.#flush();
    closeSync(this.#descriptor);
  }
}
