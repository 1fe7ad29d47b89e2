// Debian and Ubuntu packages, installed only where something is missing.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const FOLDERS = `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);

/** Where a program is, also in the folders that are not on everybody's PATH. */
export function program(name) {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Whether this process may install packages here. */
export function canInstall() {
  return process.getuid?.() === 0 && program("apt-get") !== undefined;
}

/** The packages of scripts/packages.txt that a purpose needs and that are not here. */
export function missing(purposes, list) {
  return readFileSync(list, "utf8")
    .split("\n")
    .filter((line) => line.trim() && !line.startsWith("#"))
    .map((line) => line.split(/\s+/))
    .filter(([, , purpose]) => purposes.includes(purpose))
    .filter(([name, command]) => !installed(name, command))
    .map(([name]) => name);
}

function installed(name, command) {
  const path = program(command);
  return path !== undefined && (name !== "busybox-static" || isStatic(path));
}

/** The package `busybox` has a program of the same name that needs a C library, of no use as an image. */
export function isStatic(path) {
  return !readFileSync(path).subarray(0, 4096).includes("/ld-");
}

let updated;

/** Installs packages by apt-get. Throws with its output when it cannot. */
export function install(names) {
  process.stderr.write(`Installing ${names.join(", ")} (apt-get)\n`);
  const locks = ["-o", "DPkg::Lock::Timeout=300"];
  // Old lists name versions that the mirror has dropped; fresh machines have no lists at all.
  updated ??= aptGet(["update", ...locks]);
  const add = aptGet(["install", "-y", "--no-install-recommends", ...locks, ...names]);
  if (add.status === 0) return;
  const output = `${updated.status === 0 ? "" : updated.stderr}${add.stdout}${add.stderr}`.trim();
  throw new Error(`apt-get install ${names.join(" ")} failed:\n${output}`);
}

function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", ["-q", ...args], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8", env });
}
