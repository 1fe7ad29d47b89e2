import {
  constants,
  copyFileSync,
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one of the same number, whatever the clock says: its start in ticks since the
   *  boot, and the boot. Empty where the system does not say. */
  readonly start: string;
  /** Whose numbers the pid is among: a container has numbers of its own, and may have its host's or another one's
   *  name. Empty where the system does not say. */
  readonly pids: string;
  /** ISO 8601; only shown, never compared. */
  readonly since: string;
}

export interface Lock {
  release(): void;
}

/** No process takes so long to write a lock that it has made, in milliseconds. */
const COPYING = 200;

/** Tells the attempts of one process apart. */
let taken = 0;

/** Takes the lock, at once or not at all. Synchronous but for where a dead process's lock is fought for: every run begins
 *  with this, and a trip to a thread for each call takes longer.
 *  @throws DiagnosticError `lock/held` with its holder, or `state/not-written` with what the system said as its cause */
export async function takeLock(path: string): Promise<Lock> {
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    start: processStart(process.pid),
    pids: processNumbers(),
    since: new Date().toISOString(),
  };
  const text = `${JSON.stringify(mine)}\n`;
  const temporary = `${path}.${process.pid}.${(taken++).toString(36)}${Date.now().toString(36)}`;
  try {
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    await claim(path, temporary);
  } catch (error) {
    throw error instanceof DiagnosticError ? error : cannotLock(path, error);
  } finally {
    remove(temporary);
  }
  removeRemains(path);
  return { release: () => release(path, text) };
}

/** What a process leaves that was killed while it took the lock. */
function removeRemains(path: string): void {
  const prefix = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split(".")[0]);
    if (Number.isInteger(pid) && !runs(pid)) rmSync(join(dirname(path), name), { force: true });
    else if (name === `${prefix}break`) removeDeadBreaker(join(dirname(path), name));
  }
}

function removeDeadBreaker(path: string): void {
  const breaker = parseHolder(read(path) ?? "");
  if (breaker && !isAlive(breaker)) rmSync(path, { force: true });
}

/** Links the written file to the lock's name, which only one can do; breaks a dead one's lock first. */
async function claim(path: string, temporary: string): Promise<void> {
  while (!linked(temporary, path)) {
    const text = read(path);
    if (text === undefined) continue;
    const holder = parseHolder(text);
    // Nobody alive holds an empty one for long: a power cut may lose what was written.
    if (text !== "" && (!holder || isAlive(holder))) throw held(path, holder);
    await breakLock(path, text, temporary);
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EEXIST" && copied(from, to);
  }
}

/** For file systems without hard links (VirtualBox's shared folders, FAT): the lock stands there empty until it is written. */
function copied(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Takes a dead process's lock away. Others may be about to do so, and one of them may hold the lock by now: so
 *  breaking takes a lock of its own, under which what is taken away is still the dead one. */
async function breakLock(path: string, dead: string, temporary: string): Promise<void> {
  const breaking = `${path}.break`;
  try {
    await claim(breaking, temporary);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    // Whoever breaks it is quick about it.
    return await setTimeout(5);
  }
  if (dead === "") await setTimeout(COPYING);
  if (read(path) === dead) rmSync(path, { force: true });
  rmSync(breaking, { force: true });
}

function release(path: string, text: string): void {
  if (read(path) === text) remove(path);
}

/** @returns undefined where it is gone; where another user's cannot be read, a text that names nobody */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : "unreadable";
  }
}

function remove(path: string): void {
  try {
    // Node loads more for `rmSync`.
    unlinkSync(path);
  } catch {
    // A later run does.
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder>;
    const complete = typeof holder.pid === "number" && typeof holder.host === "string";
    return complete ? ({ start: "", pids: "", since: "", ...holder } as Holder) : undefined;
  } catch {
    return undefined;
  }
}

/** A holder on another host or in another container counts as alive: nobody here can tell. */
function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname() || isElsewhere(holder)) return true;
  if (!runs(holder.pid)) return false;
  const start = processStart(holder.pid);
  return holder.start === "" || start === "" || start === holder.start;
}

/** Whether there is a process of that number, whoever it is of. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Whether its number is that of another process here, or of none. When the system was started anew since, it has ended. */
function isElsewhere({ start, pids }: Holder): boolean {
  const here = processNumbers();
  return pids !== "" && here !== "" && pids !== here && bootOf(start) === bootOf(processStart(process.pid));
}

/** pid_namespaces(7) */
function processNumbers(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function bootOf(start: string): string {
  return start.split("/")[0]!;
}

/** Boot and start time of a process, from /proc (proc(5): field 22 of `stat`); empty where there is no /proc. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
    // The second field is the program's name in brackets, and may hold blanks and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return `${boot.trim()}/${fields[19] ?? ""}`;
  } catch {
    return "";
  }
}

/** What whoever only looks is to know: that another run is changing what it sees. */
export function runUnderWay(path: string): Diagnostic | undefined {
  const holder = parseHolder(read(path) ?? "");
  if (!holder || !isAlive(holder)) return undefined;
  const message = `another run is under way: ${described(holder)}`;
  return {
    severity: "warning",
    code: "lock/held",
    message,
    help: ["this is how it stands in the midst of it"],
  };
}

function described(holder: Holder | undefined): string {
  if (!holder) return "somebody unknown";
  const host = isElsewhere(holder) ? `${holder.host}, in another container,` : holder.host;
  return `process ${holder.pid} on ${host} since ${holder.since}`;
}

function held(path: string, holder: Holder | undefined): DiagnosticError {
  return new DiagnosticError([
    {
      severity: "error",
      code: "lock/held",
      message: `another run is under way: ${described(holder)}`,
      help: [`wait for it to end; if it is certain that there is none, remove ${path}`],
    },
  ]);
}

function cannotLock(path: string, error: unknown): DiagnosticError {
  const { message } = error as Error;
  return new DiagnosticError(
    [
      {
        severity: "error",
        code: "state/not-written",
        message: `cannot write ${path}: ${message}`,
        help: ["make room or make the folder writable, or name another file with [buildout] installed"],
      },
    ],
    { cause: error },
  );
}
