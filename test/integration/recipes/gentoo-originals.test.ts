import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { debianRoot } from "../../support/debian-root.js";
import { engineJson, engineRemove, engineRequest, uniqueName } from "../../support/engine.js";
import {
  archiveOf,
  busyboxAt,
  EBUILDS,
  importArchive,
  importBuilder,
  recorded,
  SYSROOT,
} from "../../support/gentoo.js";
import { filesOf } from "../../support/image-files.js";
import { ensureBaseImage } from "../../support/images.js";
import { copyIsTrue, readmeBlock } from "../../support/originals.js";
import { writeFiles } from "../../support/tmp.js";

/** What this engine needs beyond the README: it gives nobody all capabilities. */
const rightsOf = (part: string): string[] => [
  `${part}:privileged=false`,
  `${part}:cap-add=SYS_ADMIN MKNOD`,
  `${part}:security-opt=apparmor=unconfined seccomp=unconfined`,
];

/** An image of Debian with files laid over it. */
async function debianWith(repo: string, entries: Parameters<typeof archiveOf>[0]): Promise<void> {
  await importArchive(`${repo}:latest`, readFileSync(debianRoot()));
  const name = uniqueName("tsbg-over");
  await engineJson({
    method: "POST",
    path: `/containers/create?name=${name}`,
    body: { Image: `${repo}:latest`, Cmd: ["-"] },
  });
  try {
    const body = await archiveOf(entries);
    await engineRequest({ method: "PUT", path: `/containers/${name}/archive?path=/`, body });
    await engineJson({ method: "POST", path: `/commit?container=${name}&repo=${repo}&tag=latest` });
  } finally {
    await engineRemove("containers", name);
  }
}

/** Debian's busybox lists itself among its applets, and the README's script would link it to itself. */
function busyboxWithoutItself(): Buffer {
  const program = readFileSync("/bin/busybox");
  const at = program.indexOf("\0busybox\0bzcat\0");
  if (at > 0) program.write("busyboy", at + 1);
  return program;
}

const recorder = `#!/bin/sh\n{ printf '%s' "\${ROOT:+ROOT=$ROOT }\${0##*/}"; for w; do printf ' [%s]' "$w"; done; echo; } >>/var/log/commands\n`;

const stub = (name: string, text = ":"): [{ name: string; mode: number }, string] => [
  { name: `usr/local/bin/${name}`, mode: 0o755 },
  `${recorder}${text}\n`,
];

const empty = (text: string): string =>
  `src_install() { mkdir -p "$D/bin" "$D/sbin" "$D/usr/sbin"; ${text}; }\n`;
const program = (path: string): string =>
  empty(`printf '#!/bin/busybox sh\\necho ${path} "$@" >>/ran\\n' >"$D${path}"; chmod 755 "$D${path}"`);

describe("the README of the original", () => {
  let buildout: TestBuildout;
  let env: Record<string, string | undefined>;

  beforeEach(async () => {
    env = { ...process.env };
    buildout = await testBuildout({ config: "", env });
  });

  afterEach(async () => {
    await buildout.uninstall().catch(() => undefined);
    await buildout.dispose();
  });

  it("is what the copy says", copyIsTrue);

  async function install(config: string, assignments: readonly string[]): Promise<void> {
    await buildout.write(config);
    const opened = buildout.open(assignments);
    const plan = await opened.plan({});
    expect(plan.steps.map(({ action }) => action)).to.include("install");
    const summary = await opened.install({ jobs: 1, report: (event) => void buildout.events.push(event) });
    const told = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(summary.ok, told.join("\n")).to.equal(true);
    expect(told, "warnings").to.deep.equal([]);
  }

  describe("builds a builder with crossdev", () => {
    let server: Server;
    const container = uniqueName("tsbg-distfiles");

    before(async () => {
      const stage = await archiveOf([
        ...busyboxAt(""),
        ...["emerge-webrsync", "emerge", "x86_64-docker-linux-gnu-emerge"].map(
          (name) => [{ name: `usr/bin/${name}`, mode: 0o755 }, recorder] as const,
        ),
        [
          { name: "usr/bin/crossdev", mode: 0o755 },
          `${recorder}mkdir -p /usr/portage/distfiles /usr/portage/profiles/default/linux /var/lib/layman\necho 'sys-apps/baselayout' >/usr/portage/profiles/default/linux/packages.build\n`,
        ],
        [{ name: "var/log/commands" }, ""],
      ]);
      const packed = execFileSync("bzip2", ["-c"], { input: stage, maxBuffer: 1 << 26 });
      const path =
        "http://distfiles.gentoo.org/releases/amd64/autobuilds/20160414/stage3-amd64-nomultilib-20160414.tar.bz2";
      server = createServer((request, response) => {
        response.writeHead(request.url === path ? 200 : 404).end(request.url === path ? packed : "");
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    });

    after(async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    });

    it("as it is written", async () => {
      env["HTTP_PROXY"] = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      env["http_proxy"] = undefined;
      const layout = "containers/builder_x86_64";
      const wrapper = readmeBlock(/^#!\/bin\/sh/);
      await writeFiles(buildout.directory, {
        [`${layout}/usr/local/bin/chroot-x86_64-docker`]: wrapper,
        [`${layout}/etc/portage/repos.conf/local.conf`]: "",
        [`${layout}/etc/resolv.conf.keep`]: "",
        [`${layout}/usr/local/portage-crossdev-x86_64/packages/.keep`]: "",
        [`${layout}/${SYSROOT}/etc/portage/make.conf`]: "",
        [`${layout}/${SYSROOT}/bin/bash`]: '#!/bin/busybox sh\nexec /bin/busybox sh "$@"\n',
        [`${layout}/${SYSROOT}/usr/sbin/locale-gen`]: recorder,
        [`${layout}/${SYSROOT}/usr/sbin/env-update`]: recorder,
        [`${layout}/${SYSROOT}/var/log/commands`]: "",
      });
      for (const name of [
        "usr/local/bin/chroot-x86_64-docker",
        `${SYSROOT}/bin/bash`,
        `${SYSROOT}/usr/sbin/locale-gen`,
        `${SYSROOT}/usr/sbin/env-update`,
      ])
        await chmod(join(buildout.directory, layout, name), 0o755);
      execFileSync("cp", ["/bin/busybox", join(buildout.directory, layout, SYSROOT, "bin/busybox")]);
      execFileSync("cp", ["/bin/busybox", join(buildout.directory, layout, SYSROOT, "bin/sh")]);
      await install(
        `[buildout]
parts = crossdev_builder.img
containers-directory = \${:directory}/containers
[distfiles]
recipe = docker.run
image = ${await ensureBaseImage()}
container = ${container}
command = sleep 600
${readmeBlock(/^\[crossdev_builder\.img\]/)}`,
        rightsOf("crossdev_builder.img"),
      );
      const files = await filesOf("dockeroo/builder_x86_64:latest");
      expect(files.text("var/log/commands")?.trim().split("\n")).to.deep.equal([
        "emerge-webrsync",
        "emerge [--sync]",
        "emerge [-uDNvkb] [world]",
        "emerge [-nNuvkb] [sys-devel/crossdev]",
        "crossdev [-S] [-v] [-t] [x86_64-docker-linux-gnu] [--ov-output] [/usr/local/portage-crossdev-x86_64] [-P] [-kb]",
        ...[
          "sys-apps/baselayout",
          "sys-apps/baselayout",
          "sys-apps/portage] [sys-apps/openrc] [net-misc/netifrc] [app-portage/gentoolkit",
        ].map(
          (packages) =>
            `ROOT=/usr/x86_64-docker-linux-gnu x86_64-docker-linux-gnu-emerge [-nuvkb1] [--keep-going] [${packages}]`,
        ),
      ]);
      expect(files.text(`${SYSROOT}/var/log/commands`)).to.equal("locale-gen\nenv-update\n");
      expect(files.get(`${SYSROOT}/etc/portage/make.profile`)?.linkname).to.equal(
        "/usr/portage/profiles/default/linux/amd64/13.0/no-multilib",
      );
      expect((await buildout.records()).get("crossdev_builder.img")?.keep).to.equal(true);
      await buildout.uninstall();
      await engineJson({ path: "/images/dockeroo/builder_x86_64:latest/json" });
      await engineRemove("images", "dockeroo/builder_x86_64:latest");
    });
  });

  it("assembles a base image, as it is written", async () => {
    const builder = `${uniqueName("tsbg/readme")}:1`;
    await importBuilder(builder, {
      files: [[{ name: `${SYSROOT}/opt/busybox`, mode: 0o755 }, busyboxWithoutItself()]],
      ebuilds: {
        ...EBUILDS,
        "sys-apps/busybox-1.36.1": `IUSE=static\n${empty('cp /opt/busybox "$D/bin/busybox"')}`,
        "app-shells/bash-5.2": empty(
          `printf '#!/bin/busybox sh\\nexec /bin/busybox sh "$@"\\n' >"$D/bin/bash"; chmod 755 "$D/bin/bash"`,
        ),
        "sys-libs/glibc-2.38": program("/sbin/ldconfig"),
        "sys-apps/gentoo-functions-1.5": program("/usr/sbin/locale-gen"),
        "dev-lang/execline-2.9": `KEYWORDS="~amd64"\n${empty(":")}`,
        "dev-libs/skalibs-2.14": `KEYWORDS="~amd64"\n${empty(":")}`,
        "sys-apps/s6-2.12": `KEYWORDS="~amd64"\n${empty(":")}`,
        "sys-apps/s6-rc-0.5": `KEYWORDS="~amd64"\n${program("/bin/s6-rc-compile")}`,
      },
    });
    await writeFiles(buildout.directory, { "base/var/log/s6-svscan/.keep": "", "base/usr/share/man/x": "" });
    try {
      await install(
        `[buildout]
parts = base
[base]
build-image = ${builder}
variant = docker
post-build-script-shell = /bin/sh
post-build-script = echo recorded:; cat /${SYSROOT}/var/log/commands
${readmeBlock(/^recipe = dockeroo:docker\.gentoo-build/)}`,
        rightsOf("base"),
      );
      expect(recorded(buildout.log()).filter((line) => line.startsWith("ROOT="))).to.deep.equal([
        "ROOT=/dockeroo-root emerge [-OK] [=sys-libs/ncurses-6.4] [=sys-libs/ncurses-5.9-r101] [=sys-libs/readline-8.2] [=sys-apps/busybox-1.36.1] [=app-shells/bash-5.2] [=sys-libs/glibc-2.38] [=sys-apps/gentoo-functions-1.5] [=dev-lang/execline-2.9] [=dev-libs/skalibs-2.14] [=sys-apps/s6-2.12] [=sys-apps/s6-rc-0.5] [=app-admin/monit-5.33]",
      ]);
      const files = await filesOf("base:latest");
      expect(files.get("bin/ls")?.linkname).to.equal("busybox");
      expect(files.get("var/log/s6-svscan")).to.include({ uid: 65534, gid: 65534 });
      expect(files.has("usr/share/man")).to.equal(false);
      expect(files.text("ran")).to.equal(
        "/sbin/ldconfig -v\n/usr/sbin/locale-gen\n/bin/s6-rc-compile /etc/s6-rc/compiled /etc/s6-rc/services\n",
      );
    } finally {
      await buildout.uninstall();
      await engineRemove("images", builder);
      await engineRemove("images", "base:latest");
    }
  });

  it("makes a disk image, as it is written", async () => {
    await debianWith("builder", [
      ...["parted", "losetup", "mknod", "mkfs.vfat", "mkswap", "mkfs.ext4", "mount"].map((name) =>
        stub(name),
      ),
      stub("dd", "truncate -s 64M /tmp/disk.img"),
      stub("umount", "head -n 1 /mnt/etc/passwd >>/tmp/disk.img"),
      [{ name: "var/log/commands" }, ""],
    ]);
    await importArchive("base:latest", await archiveOf(busyboxAt("")));
    try {
      await install(
        `[buildout]\nparts = disk-image\n${readmeBlock(/^\[disk-image\]/)}`,
        rightsOf("disk-image"),
      );
      const path = join(buildout.directory, "parts/disk-image/disk.img");
      const size = 2 ** 26 + 2 * "root:x:0:0:root:/root:/bin/sh\n".length;
      expect(Number(execFileSync("stat", ["-c", "%s", path], { encoding: "utf8" }))).to.equal(size);
      expect(execFileSync("tail", ["-n", "1", path], { encoding: "utf8" })).to.equal(
        "root:x:0:0:root:/root:/bin/sh\n",
      );
    } finally {
      await buildout.uninstall();
      await engineRemove("images", "builder:latest");
      await engineRemove("images", "base:latest");
    }
  });
});
