// Processes that outlive this one: started detached, found again by pid and command line, stopped by pid.
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Starts a program that survives the calling shell; its output is appended to `log`. Its pid. */
export function startDetached(command, args, log) {
  const out = openSync(log, "a");
  try {
    const child = spawn(command, args, { detached: true, stdio: ["ignore", out, out], cwd: "/" });
    child.on("error", () => {}); // no pid then; the caller sees that nothing answers
    child.unref();
    return child.pid;
  } finally {
    closeSync(out);
  }
}

/** Whether `pid` lives and is the program it is thought to be: pids are used again. */
export function isOurs(pid, folder) {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "")[0];
    return state !== "Z" && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${folder}/`);
  } catch {
    return false;
  }
}

/** Asks a process to end, waits, and kills it when it does not. */
export async function stop(pid, folder, seconds) {
  if (!isOurs(pid, folder)) return;
  process.kill(pid, "SIGTERM");
  if (await until(() => !isOurs(pid, folder), seconds)) return;
  process.kill(pid, "SIGKILL");
  await until(() => !isOurs(pid, folder), 10);
}

/** Ends the containers that an engine left running: each is a child of a shim (or conmon) that names its folder. */
export function killShims(folder) {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parent = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const shims = pids.filter((pid) => isOurs(pid, folder));
  const children = (of) =>
    [...parent].filter(([, p]) => p === of).flatMap(([pid]) => [...children(pid), pid]);
  for (const pid of shims.flatMap((shim) => [...children(shim), shim])) kill(pid);
}

function parentOf(pid) {
  try {
    return /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

function kill(pid) {
  try {
    process.kill(Number(pid), "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Asks every 50 ms until the answer is yes or the time is over. */
export async function until(question, seconds) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await question()) return true;
    await delay(50);
  }
  return false;
}
