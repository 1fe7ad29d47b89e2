import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { RunData, RunPart } from "../page/data.js";
import { logPath, parseLogLine, type RunIndex } from "./folder.js";

/** How many bytes of one part's log a page takes; a longer log shows its end, and says so. */
const LONGEST = 8_000_000;

/** A kept run with its logs, for the page. A run whose process has died without an end is shown as aborted. */
export function runData(directory: string, index: RunIndex, alive: (pid: number) => boolean): RunData {
  const { id, started, command, buildout, milliseconds } = index;
  const goesOn = milliseconds === undefined && alive(index.pid);
  const parts = index.parts.map((part): RunPart => {
    const died = !goesOn && (part.result === "running" || part.result === "waiting");
    return { ...part, ...(died && { result: "aborted" as const }), log: readLog(directory, id, part.name) };
  });
  const last = Math.max(0, ...parts.map((part) => part.end ?? part.start ?? 0));
  const length = milliseconds ?? (goesOn ? undefined : last);
  return { id, started, command, buildout, ...(length !== undefined && { milliseconds: length }), parts };
}

function readLog(directory: string, id: string, part: string): RunPart["log"] {
  const { text, before } = readTail(logPath(directory, id, part));
  const gap: RunPart["log"] =
    before > 0 ? [[0, "note", `… ${before} bytes before: tsbuildout logs ${part} --run ${id}`]] : [];
  const lines = text.split("\n").flatMap((line) => {
    const parsed = parseLogLine(line);
    return parsed ? [[parsed.milliseconds, parsed.stream, parsed.text] as const] : [];
  });
  return [...gap, ...lines];
}

/** The end of a file from the start of a line, and how many bytes come before it; nothing where there is no file. */
function readTail(path: string): { text: string; before: number } {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return { text: "", before: 0 };
  }
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(0, size - LONGEST);
    const bytes = Buffer.alloc(size - from);
    readSync(descriptor, bytes, 0, bytes.length, from);
    const start = from === 0 ? 0 : bytes.indexOf(10) + 1;
    return { text: bytes.toString("utf8", start), before: from + start };
  } finally {
    closeSync(descriptor);
  }
}
