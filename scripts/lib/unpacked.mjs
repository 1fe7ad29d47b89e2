// Other engines out of Debian's packages, unpacked and not installed: a private apt list and status file say
// what a release has; the machine's own packages stay as they are.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The engines beside Debian 12's own that the suite is run against. */
export const ENGINES = {
  "docker-26": { release: "trixie", packages: ["docker.io", "containerd"], closure: false },
  "docker-28": { release: "forky", packages: ["docker.io", "containerd"], closure: false },
  // The same, with its images in containerd's store, as new installations of 29 have it.
  "docker-28-containerd": { like: "docker-28", features: { "containerd-snapshotter": true } },
  "podman-5": {
    release: "trixie",
    packages: [
      "podman",
      "runc",
      "netavark",
      "aardvark-dns",
      "catatonit",
      "mount",
      "nftables",
      "iptables",
      "ca-certificates",
    ],
    // Built for a newer C library: it runs in a root of its own, with all that it depends on.
    closure: true,
  },
};

/** Downloads and unpacks an engine (or other packages) below `folder`, once; the root that its programs are under. */
export function unpack(name, folder, what = ENGINES[name]) {
  const { release, packages, closure } = what;
  const base = join(folder, name);
  const root = join(base, "root");
  const complete = join(base, "complete");
  const wanted = JSON.stringify(what);
  // What was unpacked for an earlier list of packages lacks what the list has got since.
  if (fs.existsSync(complete) && fs.readFileSync(complete, "utf8") === wanted) return root;
  fs.rmSync(base, { recursive: true, force: true });
  const debs = join(base, "debs");
  for (const path of ["lists/partial", "cache/archives/partial", "debs/partial", "root"])
    fs.mkdirSync(join(base, path), { recursive: true });
  fs.writeFileSync(join(base, "status"), "");
  const list = `deb [signed-by=${KEYS}] http://deb.debian.org/debian ${release} main\n`;
  fs.writeFileSync(join(base, "sources.list"), list);
  apt(base, ["update"]);
  if (closure)
    apt(base, [
      "install",
      "-y",
      "--download-only",
      "--no-install-recommends",
      `-oDir::Cache::archives=${debs}`,
      ...packages,
    ]);
  else apt(base, ["download", ...packages], debs);
  // Merged /usr comes with a package that only an installation would configure.
  for (const dir of ["bin", "sbin", "lib", "lib64"]) {
    fs.mkdirSync(join(root, "usr", dir), { recursive: true });
    fs.symlinkSync(`usr/${dir}`, join(root, dir));
  }
  for (const deb of fs.readdirSync(debs).filter((file) => file.endsWith(".deb")))
    must("dpkg-deb", ["-x", join(debs, deb), root]);
  fs.writeFileSync(complete, wanted);
  return root;
}

/** The docker program and its buildx, of which Debian 12 has none. */
export function unpackDocker(folder) {
  return unpack("docker-cli", folder, {
    release: "forky",
    packages: ["docker-cli", "docker-buildx"],
    closure: false,
  });
}

function apt(base, args, cwd = base) {
  const where = [
    `Dir::Etc::SourceList=${base}/sources.list`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State::Lists=${base}/lists`,
    `Dir::Cache=${base}/cache`,
    `Dir::State::Status=${base}/status`,
    // The user _apt cannot read a folder of root's.
    "APT::Sandbox::User=root",
  ];
  must("apt-get", ["-qq", ...where.flatMap((option) => ["-o", option]), ...args], cwd);
}

function must(command, args, cwd) {
  const done = spawnSync(command, args, { encoding: "utf8", cwd });
  if (done.status !== 0)
    throw new Error(`${command} ${args.at(-1)}: ${(done.stderr || done.error?.message || "").trim()}`);
}
