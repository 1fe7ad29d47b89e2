import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { expect } from "chai";
import { binaries, compiler, trials } from "../../../src/recipes/freeze-binaries.js";
import { freezeFor, trialFor } from "../../../src/recipes/freeze.js";
import { projectFolder } from "../../support/cli.js";
import { untilFrozen } from "../../support/freeze.js";
import { temporaryFolder } from "../../support/tmp.js";

/** The machine of an ELF file, and whether its numbers are big-endian. */
const ELF: Readonly<Record<string, readonly [machine: number, big: boolean]>> = {
  amd64: [62, false],
  "386": [3, false],
  arm64: [183, false],
  arm: [40, false],
  riscv64: [243, false],
  ppc64le: [21, false],
  s390x: [22, true],
};

const COMPILERS: Readonly<Record<string, string>> = {
  amd64: "x86_64-linux-gnu-gcc",
  "386": "i686-linux-gnu-gcc",
  arm64: "aarch64-linux-gnu-gcc",
  arm: "arm-linux-gnueabihf-gcc",
  riscv64: "riscv64-linux-gnu-gcc",
  ppc64le: "powerpc64le-linux-gnu-gcc",
  s390x: "s390x-linux-gnu-gcc",
};

const QEMU: Readonly<Record<string, string>> = { "386": "i386", arm64: "aarch64" };

async function prints(stream: Readable, text: string): Promise<void> {
  await new Promise<void>((resolve) => stream.on("data", (data) => String(data).includes(text) && resolve()));
}

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** The program that runs one of an architecture; undefined where it is this machine's own. */
function emulatorOf(arch: string): string | undefined {
  if (arch === "amd64" && process.arch === "x64") return undefined;
  const emulator = `qemu-${QEMU[arch] ?? arch}-static`;
  expect(has(emulator), `install qemu-user-static`).to.equal(true);
  return emulator;
}

async function fileOf(program: Buffer): Promise<string> {
  const path = join(await temporaryFolder(), "freeze");
  await writeFile(path, program);
  await chmod(path, 0o755);
  return path;
}

describe("freeze", () => {
  it("is there for every architecture that a container may have, in less than a kilobyte", () => {
    for (const programs of [binaries, trials])
      expect(Object.keys(programs).sort()).to.deep.equal(Object.keys(ELF).sort());
    for (const [arch, [machine, big]] of Object.entries(ELF))
      for (const program of [freezeFor(arch), trialFor(arch)]) {
        expect(program.length, arch).to.be.lessThan(1024);
        expect(program.toString("latin1", 0, 4)).to.equal("\x7fELF");
        expect(big ? program.readUInt16BE(18) : program.readUInt16LE(18), arch).to.equal(machine);
      }
    expect(() => freezeFor("mips")).to.throw("there is no /bin/freeze for mips");
  });

  it("is what this machine's compilers make of its source", async () => {
    const folder = await temporaryFolder();
    const built = Object.keys(COMPILERS).filter((arch) => has(COMPILERS[arch]!));
    expect(built, "install gcc").to.include(process.arch === "arm64" ? "arm64" : "amd64");
    execFileSync(join(projectFolder, "scripts/build-freeze"), [folder, ...built]);
    for (const arch of built) {
      const version = execFileSync(COMPILERS[arch]!, ["-dumpfullversion"], { encoding: "utf8" }).trim();
      for (const [name, kept] of [["freeze", freezeFor(arch)] as const, ["trial", trialFor(arch)] as const]) {
        const made = await readFile(join(folder, `${name}-${arch}`));
        // Another compiler makes other bytes of the same source.
        if (version === compiler) expect(made.equals(kept), `${name} ${arch}`).to.equal(true);
        else expect(made.length, arch).to.be.lessThan(4096);
      }
    }
  });

  for (const arch of Object.keys(ELF))
    it(`of ${arch} waits, and ends at once with 0 when it is asked to`, async () => {
      const emulator = emulatorOf(arch);
      const path = await fileOf(freezeFor(arch));
      for (const signal of ["SIGTERM", "SIGINT"] as const) {
        const child = emulator ? spawn(emulator, ["-strace", path]) : spawn(path);
        const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
        // Signals that come before it waits for them would end it in another way.
        if (emulator) await prints(child.stderr, "rt_sigtimedwait(");
        else await untilFrozen(child.pid);
        child.kill(signal);
        expect(await ended).to.equal(0);
      }
    });

  for (const arch of Object.keys(ELF))
    it(`has a trial for ${arch} that ends with 0 by itself`, async () => {
      const emulator = emulatorOf(arch);
      const path = await fileOf(trialFor(arch));
      const { status, stderr } = emulator ? spawnSync(emulator, [path]) : spawnSync(path);
      expect({ status, said: stderr.toString() }).to.deep.equal({ status: 0, said: "" });
    });
});
