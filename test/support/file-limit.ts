import { execFileSync } from "node:child_process";

/** From now on no file of this process grows beyond so many bytes, as on a disk that is full. Only Linux has that. */
export function limitFiles(bytes: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${bytes}:`]);
}
