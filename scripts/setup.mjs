// Installs what is missing: node_modules as the lockfile says, and system packages. Does nothing where all is there.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { canInstall, install, missing } from "./lib/apt.mjs";

const LOCK = "package-lock.json";

function nodeModulesAreCurrent() {
  const installed = "node_modules/.package-lock.json";
  if (!existsSync(installed)) return false;
  const have = new Map(versions(installed).map(([path, entry]) => [path, entry.version]));
  // Packages for other platforms are in the lockfile only.
  return versions(LOCK).every(([path, e]) => path === "" || have.get(path) === e.version || e.optional);
}

function versions(lockfile) {
  return Object.entries(JSON.parse(readFileSync(lockfile, "utf8")).packages);
}

function installNodeModules() {
  if (nodeModulesAreCurrent()) return;
  process.stderr.write("Installing node_modules (npm ci)\n");
  const npm = spawnSync("npm", ["ci", "--ignore-scripts"], { stdio: ["ignore", 2, 2] });
  if (npm.status !== 0) throw new Error("npm ci failed (see above)");
}

/** Purposes of scripts/packages.txt; one that ends in `?` may fail, where a distribution lacks its packages. */
function installPackages(purpose) {
  const optional = purpose.endsWith("?");
  const names = missing([purpose.replace("?", "")], "scripts/packages.txt");
  if (names.length === 0) return;
  try {
    if (!canInstall()) throw new Error(needed(names));
    install(names);
  } catch (error) {
    if (!optional) throw error;
    process.stderr.write(`going on without ${names.join(", ")}: ${error.message}\n`);
  }
}

function needed(names) {
  return `missing: ${names.join(", ")} (Debian's names). Please install them; only root on Debian or
Ubuntu has it done by this script.`;
}

try {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Error(`Node ${process.version} is too old: 20.19 is needed`);
  installNodeModules();
  for (const purpose of process.argv.slice(2)) installPackages(purpose);
} catch (error) {
  process.stderr.write(`scripts/setup: ${error.message}\n`);
  process.exitCode = 1;
}
