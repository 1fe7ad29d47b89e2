import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, type Event } from "../../index.js";
import { type PartState, RunParts } from "./parts.js";

/** `.tsbuildout/runs/<id>/`: `index.json` (this), `events.jsonl`, and `logs/<part>.log`. */
export interface RunIndex {
  /** Of this form; a reader refuses a newer one. */
  readonly version: 1;
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** Missing while the run goes on, or where it was killed. */
  readonly milliseconds?: number;
  /** Of the process, to tell a run that goes on from one that was killed. */
  readonly pid: number;
  readonly command: string;
  readonly buildout: string;
  /** Of a run that has no end as the plan says; `readIndex` then adds what has happened. */
  readonly parts: readonly PartState[];
}

export function runsFolder(directory: string): string {
  return join(directory, ".tsbuildout", "runs");
}

/** A part's name as a file's: nothing that leads elsewhere, nothing that is too long for a file system. */
export function logName(part: string): string {
  const safe = encodeURIComponent(part).replace(/^\./, "%2E");
  if (Buffer.byteLength(safe) <= 200) return `${safe}.log`;
  return `${safe.slice(0, 160)}-${createHash("sha256").update(part).digest("hex").slice(0, 16)}.log`;
}

/** All runs kept, the newest first. A folder without a readable index (of a run that died at its start) is left out.
 *  @throws DiagnosticError where this user may not look */
export function listRuns(directory: string): readonly RunIndex[] {
  const ids = namesIn(runsFolder(directory)).filter((id) => /^\d{8}-\d{6}-[0-9a-f]+$/.test(id));
  return ids
    .sort()
    .reverse()
    .flatMap((id) => readIndex(directory, id) ?? []);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    const help = ["only the user who ran the buildout may read what is kept of its runs"];
    const problem = { severity: "error", code: "system/failed", help } as const;
    throw new DiagnosticError([{ ...problem, message: `cannot read ${folder}: ${message}` }]);
  }
}

export function readIndex(directory: string, id: string): RunIndex | undefined {
  try {
    const index = JSON.parse(readFileSync(join(runsFolder(directory), id, "index.json"), "utf8")) as RunIndex;
    if (index.version !== 1) return undefined;
    return index.milliseconds === undefined ? { ...index, parts: partsSoFar(directory, index) } : index;
  } catch {
    return undefined;
  }
}

/** The parts of a run that goes on, or was killed: its index is written again at its end only. */
function partsSoFar(directory: string, { id, parts }: RunIndex): readonly PartState[] {
  const path = eventsPath(directory, id);
  if (!existsSync(path)) return parts;
  const state = new RunParts();
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const event = parseEvent(line);
    if (event) state.take(event, event.milliseconds);
  }
  return state.list.length > 0 ? state.list : parts;
}

/** The last line may be torn. */
function parseEvent(line: string): (Event & { readonly milliseconds: number }) | undefined {
  try {
    return JSON.parse(line) as Event & { readonly milliseconds: number };
  } catch {
    return undefined;
  }
}

export function eventsPath(directory: string, id: string): string {
  return join(runsFolder(directory), id, "events.jsonl");
}

/** Removes the oldest runs but for `keep`, never the one that has just ended: after a clock that was set back its id is
 *  not the newest. */
export function pruneRuns(directory: string, { keep, ended }: { keep: number; ended: string }): void {
  const folder = runsFolder(directory);
  if (!existsSync(folder)) return;
  const others = readdirSync(folder).filter((id) => id !== ended);
  for (const id of others
    .sort()
    .reverse()
    .slice(Math.max(1, keep) - 1))
    rmSync(join(folder, id), { recursive: true, force: true });
}

export interface LogLine {
  readonly milliseconds: number;
  readonly stream: "out" | "err" | "note";
  readonly text: string;
}

/** One line of `logs/<part>.log`. */
export function parseLogLine(line: string): LogLine | undefined {
  const match = /^(\d+) (out|err|note) (.*)$/s.exec(line);
  if (!match) return undefined;
  return { milliseconds: Number(match[1]), stream: match[2] as LogLine["stream"], text: match[3]! };
}

export function logPath(directory: string, id: string, part: string): string {
  return join(runsFolder(directory), id, "logs", logName(part));
}

/** Something that changes whenever the newest run of a buildout writes anything, or another one begins. */
export function runTraces(directory: string): string {
  try {
    const id = readdirSync(runsFolder(directory)).sort().at(-1) ?? "";
    const folder = join(runsFolder(directory), id);
    const files = [
      "index.json",
      "events.jsonl",
      ...readdirSync(join(folder, "logs")).map((log) => join("logs", log)),
    ];
    return files.reduce((traces, file) => {
      const { size, mtimeMs } = statSync(join(folder, file), { throwIfNoEntry: false }) ?? {
        size: 0,
        mtimeMs: 0,
      };
      return `${traces} ${size} ${mtimeMs}`;
    }, id);
  } catch {
    return "";
  }
}
