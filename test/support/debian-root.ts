import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Made once a machine: a root from Debian's packages takes half a minute. */
const folder = join(tmpdir(), "tsbuildout-test-debian");

/** What disk images are made with. */
const PACKAGES = "e2fsprogs,fdisk,dosfstools,mtools,libcap2-bin,attr";

/** What nobody here reads, and what differs from run to run. */
const LEFT_OUT = [
  "./usr/share/doc",
  "./usr/share/locale",
  "./usr/share/man",
  "./usr/share/info",
  "./var/cache/apt",
  "./var/lib/apt/lists",
  "./dev",
  "./proc",
  "./sys",
];

/** A root file system of Debian as a tar archive, merged-usr as Debian has it. Needs root and debootstrap. */
export function debianRoot(): string {
  const path = join(folder, "root.tar");
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const root = join(folder, `root-${process.pid}`);
  try {
    const script = [
      "--variant=minbase",
      `--include=${PACKAGES}`,
      "stable",
      root,
      "http://deb.debian.org/debian",
    ];
    execFileSync("debootstrap", script, { stdio: ["ignore", "ignore", "inherit"] });
    const excluded = LEFT_OUT.map((name) => `--exclude=${name}/*`);
    execFileSync("tar", [
      "--xattrs",
      "--numeric-owner",
      ...excluded,
      "-C",
      root,
      "-cf",
      `${path}.${process.pid}`,
      ".",
    ]);
    renameSync(`${path}.${process.pid}`, path);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return path;
}

const COMPRESSORS = {
  gz: ["gzip", "-1", "-c"],
  bz2: ["bzip2", "-1", "-c"],
  xz: ["xz", "-0", "-T0", "-c"],
  zst: ["zstd", "-1", "-q", "-c"],
} as const;

/** The same archive, compressed as fast as it goes. */
export function debianArchive(extension: keyof typeof COMPRESSORS): string {
  const plain = debianRoot();
  const path = `${plain}.${extension}`;
  if (existsSync(path)) return path;
  const [program, ...args] = COMPRESSORS[extension];
  execFileSync("sh", ["-c", '"$@" >"$0"', `${path}.${process.pid}`, program, ...args, plain]);
  renameSync(`${path}.${process.pid}`, path);
  return path;
}
