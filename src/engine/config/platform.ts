import os from "node:os";

/** What a condition may ask about the machine, under the names that environment markers give them. */
export interface Platform {
  readonly os_name: string;
  readonly sys_platform: string;
  readonly platform_system: string;
  readonly platform_machine: string;
  readonly platform_release: string;
  readonly platform_version: string;
  /** Node's name of the architecture. */
  readonly arch: string;
  readonly littleEndian: boolean;
}

const systems: Readonly<Record<string, string>> = { Windows_NT: "Windows" };

/** This machine. */
export function thisPlatform(): Platform {
  const type = os.type();
  return {
    os_name: process.platform === "win32" ? "nt" : "posix",
    sys_platform: process.platform,
    platform_system: systems[type] ?? type,
    platform_machine: os.machine(),
    platform_release: os.release(),
    platform_version: os.version(),
    arch: process.arch,
    littleEndian: os.endianness() === "LE",
  };
}

const bits32 = new Set(["arm", "ia32", "mips", "mipsel", "s390", "ppc"]);

/** Names that mean something in Python only; they are recognised to say so. */
export const pythonOnly =
  /^(c?python\d*|pypy|jython|ironpython|python_version|python_full_version|(platform[._])?python_implementation|implementation_(name|version)|extras?|dependency_groups|re|sys\.(version|version_info|maxsize|executable|prefix)|platform\.python_\w+)$/;

/** The truths that an expression may name: the operating system, the word size, the architecture. */
export function truths(platform: Platform): ReadonlyMap<string, boolean> {
  const system = platform.sys_platform;
  const is = (arch: string) => platform.arch === arch;
  return new Map([
    ["True", true],
    ["False", false],
    ["linux", system === "linux"],
    ["windows", system === "win32"],
    ["cygwin", system === "cygwin"],
    ["solaris", system === "sunos"],
    ["macosx", system === "darwin"],
    ["posix", platform.os_name === "posix"],
    ["bits32", bits32.has(platform.arch)],
    ["bits64", !bits32.has(platform.arch)],
    ["little_endian", platform.littleEndian],
    ["big_endian", !platform.littleEndian],
    ["x86_64", is("x64")],
    ["amd64", is("x64")],
    ["arm64", is("arm64")],
    ["aarch64", is("arm64")],
    ["arm", is("arm")],
    ["i386", is("ia32")],
    ["riscv64", is("riscv64")],
    ["ppc64le", is("ppc64") && platform.littleEndian],
    ["s390x", is("s390x")],
  ]);
}

/** The texts that an expression may name; markers have them under names with underscores. */
export function texts(platform: Platform): ReadonlyMap<string, string> {
  return new Map([
    ["sys.platform", platform.sys_platform],
    ["os.name", platform.os_name],
    ["sys.byteorder", platform.littleEndian ? "little" : "big"],
    ["platform.system()", platform.platform_system],
    ["platform.machine()", platform.platform_machine],
    ["platform.release()", platform.platform_release],
    ["platform.version()", platform.platform_version],
  ]);
}
