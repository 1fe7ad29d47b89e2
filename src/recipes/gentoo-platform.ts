/** The names of architectures: Docker's (`arm64`), the kernel's (`aarch64`), qemu's. */

export interface Platform {
  /** Docker's architecture: amd64, arm64, arm, 386, … */
  readonly arch: string;
  readonly variant?: string;
  /** What `uname -m` says there, which Gentoo's tuples start with. */
  readonly machine: string;
  /** The emulator is called `qemu-<this>-static`. */
  readonly qemu: string;
}

const KNOWN: readonly (readonly [pattern: RegExp, platform: Platform])[] = [
  [/^(amd64|x86_64|x86-64)$/, { arch: "amd64", machine: "x86_64", qemu: "x86_64" }],
  [/^(386|x86|i[3-6]86)$/, { arch: "386", machine: "i686", qemu: "i386" }],
  [/^(arm64|aarch64)(\/?v8)?$/, { arch: "arm64", machine: "aarch64", qemu: "aarch64" }],
  [/^arm(\/v7|v7.*)?$/, { arch: "arm", variant: "v7", machine: "armv7l", qemu: "arm" }],
  [/^arm(\/v6|v6.*)$/, { arch: "arm", variant: "v6", machine: "armv6l", qemu: "arm" }],
  [/^arm(\/v5|v[45].*)$/, { arch: "arm", variant: "v5", machine: "armv5tel", qemu: "arm" }],
  [/^riscv64$/, { arch: "riscv64", machine: "riscv64", qemu: "riscv64" }],
  [/^(ppc64le|powerpc64le)$/, { arch: "ppc64le", machine: "ppc64le", qemu: "ppc64le" }],
  [/^s390x?$/, { arch: "s390x", machine: "s390x", qemu: "s390x" }],
];

/** Reads `arm64`, `aarch64`, `linux/arm64`, `linux/arm/v7`, `armv7a`, …; undefined for what nobody here knows. */
export function parsePlatform(text: string): Platform | undefined {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/^linux\//, "");
  return KNOWN.find(([pattern]) => pattern.test(name))?.[1];
}

/** How a tuple begins for a platform that is written so: Docker's names are the kernel's there, any other one stays (`armv7a`). */
export function processorOf(text: string, { arch, machine }: Platform): string {
  return text === arch || text.includes("/") ? machine : text;
}

/** As the Engine API spells it: `linux/arm/v7`. */
export function platformText({ arch, variant }: Platform): string {
  return `linux/${arch}${variant ? `/${variant}` : ""}`;
}

/** Whether a machine of the one kind runs programs of the other without help. */
export function runsNatively(host: Platform, program: Platform): boolean {
  if (host.arch === program.arch)
    return host.arch !== "arm" || (host.variant ?? "v7") >= (program.variant ?? "v7");
  return host.arch === "amd64" && program.arch === "386";
}
