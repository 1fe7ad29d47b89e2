import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RunPart } from "../page/data.js";

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
  readonly parts: readonly Omit<RunPart, "log">[];
}

export function runsFolder(directory: string): string {
  return join(directory, ".tsbuildout", "runs");
}

/** A part's name as a file's: nothing that leads elsewhere, nothing that is too long for a file system. */
export function logName(part: string): string {
  const safe = encodeURIComponent(part).replace(/^\./, "%2E");
  if (Buffer.byteLength(safe) <= 200) return `${safe}.log`;
  return `${safe.slice(0, 160)}-${process.getBuiltinModule("node:crypto").createHash("sha256").update(part).digest("hex").slice(0, 16)}.log`;
}

/** All runs kept, the newest first. A folder without a readable index (of a run that died at its start) is left out. */
export function listRuns(directory: string): readonly RunIndex[] {
  const folder = runsFolder(directory);
  if (!existsSync(folder)) return [];
  const ids = readdirSync(folder).filter((id) => /^\d{8}-\d{6}-[0-9a-f]+$/.test(id));
  return ids
    .sort()
    .reverse()
    .flatMap((id) => readIndex(directory, id) ?? []);
}

export function readIndex(directory: string, id: string): RunIndex | undefined {
  try {
    const index = JSON.parse(readFileSync(join(runsFolder(directory), id, "index.json"), "utf8")) as RunIndex;
    return index.version === 1 ? index : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the oldest runs but for `keep`. One that another process is writing has a newer id, so it stays. */
export function pruneRuns(directory: string, keep: number): void {
  const folder = runsFolder(directory);
  if (!existsSync(folder)) return;
  const ids = readdirSync(folder).sort().reverse();
  for (const id of ids.slice(Math.max(1, keep))) rmSync(join(folder, id), { recursive: true, force: true });
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
