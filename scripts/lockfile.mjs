// Completes package-lock.json: `npm install` leaves out the optional packages of other platforms where the
// registry at hand has not got them or node_modules was not made by it, and `npm ci` then refuses the lockfile.
// Run it after `npm install`; a unit test fails where it is needed.
import { readFileSync, writeFileSync } from "node:fs";

const LOCK = "package-lock.json";
const OS = /^(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)$/;
const CPU = /^(arm|arm64|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)$/;
const LIBC = { musl: "musl", gnu: "glibc", gnueabihf: "glibc", musleabihf: "musl" };

/** What a package's name says of where it runs: `@oxlint/binding-linux-x64-musl`. */
function platform(name) {
  const words = name.split(/[/-]/);
  const os = words.filter((word) => OS.test(word));
  const libc = os.includes("linux") ? words.flatMap((word) => LIBC[word] ?? []) : [];
  return { cpu: words.filter((word) => CPU.test(word)), os, ...(libc.length > 0 ? { libc } : {}) };
}

const lock = JSON.parse(readFileSync(LOCK, "utf8"));
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const at = `node_modules/${name}`;
    const { cpu, os, libc } = platform(name);
    if (path === "" || lock.packages[at] || lock.packages[`${path}/${at}`] || os.length === 0) continue;
    const where = { cpu, ...(dev ? { dev } : {}), ...(libc ? { libc } : {}), optional: true, os };
    lock.packages[at] = { version, ...where };
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries(sorted);
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
