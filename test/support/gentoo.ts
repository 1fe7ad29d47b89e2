import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type Pack, pack } from "tar-stream";
import { projectFolder } from "./cli.js";
import { engineJson, engineRequest } from "./engine.js";

/** What a container of the recipes needs where it cannot be privileged (an engine without CAP_SYS_RESOURCE). */
export const rights = `privileged = false
cap-add = SYS_ADMIN MKNOD
security-opt = apparmor=unconfined seccomp=unconfined
`;

/** Where packages are built in the builder. */
export const SYSROOT = "usr/x86_64-docker-linux-gnu";

const read = (name: string): string => readFileSync(join(projectFolder, "test/support/gentoo", name), "utf8");

type Entry = readonly [header: Parameters<Pack["entry"]>[0], content?: Buffer | string];

/** A tar archive of entries; folders in between are made by whoever unpacks it. */
export async function archiveOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, content = ""] of entries) archive.entry({ mtime: new Date(1e12), ...header }, content);
  archive.finalize();
  return await buffer(archive);
}

/** Busybox with all its applets, below a folder (`""` or `usr/x/`). */
export function busyboxAt(base: string): Entry[] {
  const applets = execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
  return [
    [{ name: `${base}bin/`, type: "directory", mode: 0o755 }],
    [{ name: `${base}bin/busybox`, mode: 0o755 }, readFileSync("/bin/busybox")],
    ...applets
      .filter((name) => name !== "busybox")
      .map((name): Entry => [{ name: `${base}bin/${name}`, type: "symlink", linkname: "busybox" }]),
    [{ name: `${base}etc/passwd` }, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n"],
    [{ name: `${base}tmp/`, type: "directory", mode: 0o1777 }],
  ];
}

/** Ebuilds by `category/name-version`: shell texts for the stand-ins of Portage. */
export type Ebuilds = Readonly<Record<string, string>>;

function portageAt(base: string, ebuilds: Ebuilds): Entry[] {
  return [
    [{ name: `${base}usr/bin/portage.sh`, mode: 0o755 }, read("portage.sh")],
    ...["emerge", "equery", "eclean", "emaint"].map(
      (name): Entry => [{ name: `${base}usr/bin/${name}`, type: "symlink", linkname: "portage.sh" }],
    ),
    ...Object.entries(ebuilds).map(([cpv, text]): Entry => {
      const [category = "", file = ""] = cpv.split("/");
      const name = file.replace(/-\d[^-]*(-r\d+)?$/, "");
      return [{ name: `${base}var/db/repos/test/${category}/${name}/${file}.ebuild` }, text];
    }),
  ];
}

export interface Builder {
  readonly ebuilds: Ebuilds;
  /** Further files of the builder. */
  readonly files?: readonly Entry[];
}

/** The root of a builder with stand-ins of Portage: in the builder itself, and in a chroot in it. */
export async function builderArchive({ ebuilds, files = [] }: Builder): Promise<Buffer> {
  const wrapper = read("chroot-docker").replace("@TUPLE@", "x86_64-docker-linux-gnu");
  return await archiveOf([
    ...busyboxAt(""),
    ...portageAt("", ebuilds),
    [{ name: "usr/bin/chroot-x86_64-docker", mode: 0o755 }, wrapper],
    ...busyboxAt(`${SYSROOT}/`),
    ...portageAt(`${SYSROOT}/`, ebuilds),
    ...files,
  ]);
}

/** Imports such a builder. */
export async function importBuilder(image: string, builder: Builder): Promise<void> {
  await importArchive(image, await builderArchive(builder));
}

/** Imports an archive as an image, without a line of the code under test. */
export async function importArchive(image: string, archive: Buffer): Promise<void> {
  const [repo, tag] = image.split(":");
  const path = `/images/create?fromSrc=-&repo=${encodeURIComponent(repo ?? "")}&tag=${tag ?? "latest"}`;
  const { status, body } = await engineRequest({ method: "POST", path, body: archive });
  if (status !== 200 || body.includes("errorDetail")) throw new Error(`import: ${status} ${body.toString()}`);
}

/** The recorded command lines out of a part's log, where a script has printed them behind this mark. */
export function recorded(log: readonly string[]): string[] {
  return log.slice(log.indexOf("recorded:") + 1);
}

/** A script that prints what the stand-ins recorded; `$$` as a configuration has it. */
export const printRecorded = `echo recorded:; cat /${SYSROOT}/var/log/commands`;

/** Ebuilds with which most tests get along. */
export const EBUILDS: Ebuilds = {
  "sys-libs/ncurses-5.9-r101": `SLOT=5/5\nsrc_install() { mkdir -p "$D/usr/lib"; echo $PV >"$D/usr/lib/libncurses.so.5"; }\n`,
  "sys-libs/ncurses-6.4": `SLOT=0/6\nsrc_install() { mkdir -p "$D/usr/lib"; echo $PV >"$D/usr/lib/libncurses.so.6"; }\n`,
  "sys-libs/readline-8.2": `RDEPEND=sys-libs/ncurses:0\nsrc_install() { mkdir -p "$D/usr/lib"; echo $PV >"$D/usr/lib/libreadline.so"; }\n`,
  "sys-apps/busybox-1.36.1": `IUSE="static pam"\nsrc_install() { mkdir -p "$D/bin"; cp /bin/busybox "$D/bin/"; ln -s busybox "$D/bin/sh"; echo "static: $(use static && echo yes || echo no)" >"$D/bin/flags"; }\n`,
  "app-admin/monit-5.33": `KEYWORDS="~amd64"\nsrc_install() { mkdir -p "$D/usr/bin"; echo monit >"$D/usr/bin/monit"; }\n`,
  "app-misc/broken-1.0": `FAIL="no such header"\n`,
  "app-misc/lost-1.0": `RDEPEND=app-misc/nowhere\nsrc_install() { :; }\n`,
};

/** A loop device for a part of the disk; its node is made where the container has none. */
export const LOOP = `loop=$$(losetup -f)
    loop=$\${loop%% *}
    [ -b $$loop ] || mknod $$loop b 7 $\${loop#/dev/loop}`;

/** What a container needs to attach loop devices where it cannot be privileged. */
export const diskRights = `privileged = false
cap-add = SYS_ADMIN MKNOD
security-opt = apparmor=unconfined seccomp=unconfined
devices =
    b 7:* rmw
    b 259:* rw
    c 10:237 rmw
    /dev/loop-control
`;

/** The loop devices of the host whose file has a name like no other. */
export function loopsOf(file: string): string[] {
  return readdirSync("/sys/block").filter((name) => {
    try {
      return (
        name.startsWith("loop") && readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").includes(file)
      );
    } catch {
      return false;
    }
  });
}

/** Starts a container of somebody else's that goes on. */
export async function keepContainer(name: string, image: string): Promise<void> {
  const body = { Image: image, Cmd: ["/bin/sleep", "1000"] };
  await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body });
  await engineRequest({ method: "POST", path: `/containers/${name}/start` });
}

export async function isRunning(name: string): Promise<boolean> {
  const path = `/containers/${name}/json`;
  return (await engineJson<{ State: { Running: boolean } }>({ path })).State.Running;
}
