import { execFileSync } from "node:child_process";

let heard = false;

/** From now on no file of this process grows beyond so many bytes, as on a disk that is full. Only Linux has that. */
export function limitFiles(bytes: number | "unlimited"): void {
  // What listens to signals to clean up ends the process by this one where nobody else does (execa's signal-exit).
  if (!heard) process.on("SIGXFSZ", () => undefined);
  heard = true;
  execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${bytes}:`]);
}
