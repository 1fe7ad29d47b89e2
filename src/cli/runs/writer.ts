import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Event, Reporter } from "../../index.js";
import { eventsPath, logPath, pruneRuns, type RunIndex, runsFolder } from "./folder.js";
import { RunParts } from "./parts.js";

export interface RunFolderSettings {
  readonly pid: number;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** What went wrong with the folder itself; told once, the run goes on. */
  readonly warn: (message: string) => void;
}

export interface RunFolder {
  readonly report: Reporter;
  /** For a run that ended in an error of its own: one that came to no plan is not kept, as nothing was done. */
  readonly abandon: () => void;
}

/** Keeps a run in its folder while it happens. A folder that cannot be written is a warning, not a failed run. */
export function runFolder(settings: RunFolderSettings): RunFolder {
  let writer: RunWriter | undefined;
  let broken = false;
  const guarded: Guarded = (work) => {
    if (broken) return;
    try {
      work();
    } catch (error) {
      broken = true;
      settings.warn(`this run is not kept: ${(error as Error).message}`);
    }
  };
  const report: Reporter = (event) =>
    guarded(() => {
      if (event.type === "run-started") writer = new RunWriter(settings, guarded, event);
      else writer?.take(event);
    });
  return { report, abandon: () => guarded(() => writer?.abandon()) };
}

/** Does what may fail for the folder's sake. */
type Guarded = (work: () => void) => void;

class RunWriter {
  readonly #settings: RunFolderSettings;
  readonly #guarded: Guarded;
  readonly #directory: string;
  readonly #keep: number;
  readonly #head: Omit<RunIndex, "parts">;
  readonly #begin: number;
  readonly #parts = new RunParts();
  readonly #events: BufferedFile;
  readonly #logs = new Map<string, BufferedFile>();

  constructor(settings: RunFolderSettings, guarded: Guarded, event: Extract<Event, { type: "run-started" }>) {
    const { runId: id, directory, keepRuns } = event;
    const { pid } = settings;
    this.#settings = settings;
    this.#guarded = guarded;
    this.#directory = directory;
    this.#keep = keepRuns;
    this.#begin = settings.now();
    const { command, time: started } = event;
    this.#head = { version: 1, id, started, pid, command, buildout: basename(directory) };
    const folder = join(runsFolder(directory), id);
    mkdirSync(join(folder, "logs"), { recursive: true, mode: 0o700 });
    this.#events = new BufferedFile(eventsPath(directory, id), guarded);
    this.#save();
  }

  take(event: Event): void {
    const milliseconds = Math.round(this.#settings.now() - this.#begin);
    if (event.type === "part-log") {
      this.#log(event.part).write(`${milliseconds} ${event.stream} ${event.line}\n`);
      return;
    }
    this.#events.write(`${JSON.stringify({ milliseconds, ...event })}\n`);
    this.#parts.take(event, milliseconds);
    // Whoever looks at the run while it goes on reads what has happened (see `readIndex`).
    if (event.type === "plan") this.#events.flush();
    else if (event.type === "part-ended") this.#closeLog(event.part);
    else if (event.type === "run-ended") this.#finish(milliseconds);
  }

  abandon(): void {
    for (const file of [this.#events, ...this.#logs.values()]) file.close();
    if (this.#parts.list.length === 0) rmSync(this.#folder(), { recursive: true, force: true });
  }

  #closeLog(part: string): void {
    this.#logs.get(part)?.close();
    this.#logs.delete(part);
  }

  #finish(milliseconds: number): void {
    for (const file of [this.#events, ...this.#logs.values()]) file.close();
    // An install that leaves nothing installed takes the whole folder of ours away.
    if (!existsSync(this.#folder())) return;
    this.#save(milliseconds);
    pruneRuns(this.#directory, { keep: this.#keep, ended: this.#head.id });
  }

  #log(part: string): BufferedFile {
    let log = this.#logs.get(part);
    if (!log) {
      log = new BufferedFile(logPath(this.#directory, this.#head.id, part), this.#guarded);
      this.#logs.set(part, log);
    }
    return log;
  }

  #folder(): string {
    return join(runsFolder(this.#directory), this.#head.id);
  }

  #save(milliseconds?: number): void {
    const index: RunIndex = {
      ...this.#head,
      ...(milliseconds !== undefined && { milliseconds }),
      parts: this.#parts.list,
    };
    const path = join(this.#folder(), "index.json");
    writeFileSync(`${path}.new`, JSON.stringify(index), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

/** How much is gathered before it is written, in characters; lines are written at the latest with the next second's. */
const CHUNK = 64 * 1024;

/** Appends to a file in large pieces. Synchronous, because reporters are: a log of any length takes bounded memory. */
class BufferedFile {
  readonly #descriptor: number;
  readonly #guarded: Guarded;
  #waiting: string[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, guarded: Guarded) {
    this.#descriptor = openSync(path, "a", 0o600);
    this.#guarded = guarded;
  }

  write(text: string): void {
    this.#waiting.push(text);
    this.#size += text.length;
    if (this.#size >= CHUNK) this.flush();
    else this.#timer ??= setTimeout(() => this.#guarded(() => this.flush()), 250).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#size > 0) writeSync(this.#descriptor, this.#waiting.join(""));
    this.#waiting = [];
    this.#size = 0;
  }

  close(): void {
    this.flush();
    closeSync(this.#descriptor);
  }
}
