import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { engineHas, engineJson, engineObjects, engineRemove, uniqueName } from "../../support/engine.js";
import {
  archiveOf,
  EBUILDS,
  importBuilder,
  isRunning,
  keepContainer,
  printRecorded,
  recorded,
  rights,
  SYSROOT,
} from "../../support/gentoo.js";
import { filesOf } from "../../support/image-files.js";
import { loadImage } from "../../support/images.js";

interface ImageConfig {
  readonly [field: string]: unknown;
  readonly Labels: Record<string, string>;
}

const configOf = async (image: string): Promise<ImageConfig> =>
  (await engineJson<{ Config: ImageConfig }>({ path: `/images/${image}/json` })).Config;

describe("docker.gentoo-build", () => {
  const builder = `${uniqueName("tsbg/builder")}:1`;
  let buildout: TestBuildout;
  let name: string;

  before(async () => await importBuilder(builder, { ebuilds: EBUILDS }));
  after(async () => await engineRemove("images", builder));

  beforeEach(async () => {
    name = uniqueName("tsbg/img");
    buildout = await testBuildout({ config: "" });
  });

  afterEach(async () => {
    await buildout.uninstall().catch(() => undefined);
    for (const tag of ["latest", "2"]) await engineRemove("images", `${name}:${tag}`);
    await buildout.dispose();
  });

  /** A part that builds, with these options besides. */
  const config = (options: string): string => `[buildout]
parts = img
[img]
recipe = docker.gentoo-build
name = ${name}
build-image = ${builder}
variant = docker
build-container = ${name.replaceAll("/", "_")}_b
assemble-container = ${name.replaceAll("/", "_")}_a
${rights}${options}`;

  async function install(options: string): Promise<void> {
    await buildout.write(config(options));
    buildout.events.length = 0;
    const summary = await buildout.install();
    expect(
      summary.parts.map(({ end }) => end),
      JSON.stringify(summary.parts),
    ).to.deep.equal(["done"]);
  }

  /** The problem with which the part fails. */
  async function problem(options: string) {
    await buildout.write(config(options));
    const summary = await buildout.install();
    expect(summary.parts[0]?.end).to.equal("failed");
    const told = buildout.events.findLast((event) => event.type === "diagnostic");
    return told?.type === "diagnostic" ? told.diagnostic : expect.fail("no failure was told");
  }

  const leftovers = async (): Promise<string[]> => {
    const records = await buildout.records();
    return (await engineObjects("org.tsbuildout.part=img")).filter(
      (object) => object.includes(name) || object.includes(name.replaceAll("/", "_")) || records.size > 1,
    );
  };

  it("builds packages by emerge's own command lines and puts just them into the image", async () => {
    await install(`packages =
    sys-libs/ncurses:5/5
    sys-libs/readline
    sys-apps/busybox
    app-admin/monit
accept-keywords = app-admin/monit **
use = sys-apps/busybox static
build-dependencies = sys-libs/ncurses:0
build-env = MAKEOPTS=-j2
jobs = 3
emerge-options = --quiet
post-build-script = ${printRecorded}
`);
    expect(recorded(buildout.log())).to.deep.equal([
      "eclean [packages]",
      "emaint [binhost] [--fix]",
      "emerge [-kb] [--binpkg-respect-use=y] [--jobs=3] [--quiet] [sys-libs/ncurses:0]",
      "emerge [-kb] [--binpkg-respect-use=y] [--jobs=3] [--quiet] [sys-libs/ncurses:5/5] [sys-libs/readline] [sys-apps/busybox] [app-admin/monit]",
      "equery [list] [--format=$cpv] [sys-libs/ncurses:5/5]",
      "equery [list] [--format=$cpv] [sys-libs/readline]",
      "equery [list] [--format=$cpv] [sys-apps/busybox]",
      "equery [list] [--format=$cpv] [app-admin/monit]",
      "ROOT=/dockeroo-root emerge [-OK] [=sys-libs/ncurses-5.9-r101] [=sys-libs/readline-8.2] [=sys-apps/busybox-1.36.1] [=app-admin/monit-5.33]",
    ]);
    const files = await filesOf(`${name}:latest`);
    expect(files.text("bin/flags")).to.equal("static: yes\n");
    expect(files.text("usr/lib/libncurses.so.5")).to.equal("5.9-r101\n");
    expect(files.has("usr/lib/libncurses.so.6"), "a build dependency").to.equal(false);
    expect(files.has("bin/freeze")).to.equal(true);
    const { Labels, ...settings } = await configOf(`${name}:latest`);
    expect(Labels["org.tsbuildout.packages"]).to.equal(
      "app-admin/monit-5.33 sys-apps/busybox-1.36.1 sys-libs/ncurses-5.9-r101 sys-libs/readline-8.2",
    );
    expect(settings["Cmd"]).to.deep.equal(["/bin/freeze"]);
    expect(settings["Entrypoint"] ?? []).to.deep.equal([]);
    expect(await leftovers()).to.deep.equal([`image ${name}:latest`]);
  });

  it("does nothing where nothing changed, and builds anew when the builder did", async () => {
    await install("packages = sys-apps/busybox\n");
    expect((await buildout.install()).parts[0]?.end).to.equal("unchanged");
    await importBuilder(builder, { ebuilds: EBUILDS, files: [[{ name: "etc/new" }, "x"]] });
    const before = (await buildout.records()).get("img")?.outputs["image-id"];
    const plan = await buildout.plan();
    expect(plan.steps[0]?.reasons.map(String).join() || JSON.stringify(plan.steps[0])).to.include(
      "build-image",
    );
    await install("packages = sys-apps/busybox\n");
    expect((await buildout.records()).get("img")?.outputs["image-id"]).to.not.equal(before);
    expect(await leftovers()).to.deep.equal([`image ${name}:latest`]);
    expect(await engineHas(`/images/${before}/json`), "the replaced image").to.equal(false);
  });

  it("keeps every atom and line one word, whatever is in it", async () => {
    await install(`packages = >=sys-apps/busybox-1.0
use =
    sys-apps/busybox static -pam # it's "$HOME" \`id\` $(id)
    */* '; touch /pwned; '
mask = >app-misc/broken-0.5
unmask = ~app-misc/broken-1.0
pre-build-script = cat /${SYSROOT}/etc/portage/package.*/* | sed 's/^/line: /'
post-build-script = test ! -e /${SYSROOT}/pwned
`);
    expect(buildout.log().filter((line) => line.startsWith("line: "))).to.deep.equal([
      "line: ",
      "line: >app-misc/broken-0.5",
      "line: ",
      "line: ~app-misc/broken-1.0",
      "line: ",
      'line: sys-apps/busybox static -pam # it\'s "$HOME" `id` $(id)',
      "line: */* '; touch /pwned; '",
    ]);
  });

  it("adds to a package.use that is a file, also to one without a last line's end", async () => {
    const image = `${uniqueName("tsbg/filed")}:1`;
    await importBuilder(image, {
      ebuilds: EBUILDS,
      files: [[{ name: `${SYSROOT}/etc/portage/package.use` }, "app-misc/other x"]],
    });
    try {
      await install(
        `build-image = ${image}
packages = sys-apps/busybox
use = sys-apps/busybox static
post-build-script = cat /${SYSROOT}/etc/portage/package.use
`.replace(/^/, ""),
      );
      expect(buildout.log().slice(-2)).to.deep.equal(["app-misc/other x", "sys-apps/busybox static"]);
    } finally {
      await engineRemove("images", image);
    }
  });

  const packagesFolder = `/${SYSROOT}/var/cache/binpkgs`;
  /** What a package says of itself takes some space: those of a builder that has built for years are megabytes. */
  const others = `mkdir ${packagesFolder}/zz
    touch ${packagesFolder}/zz/other.xpak
    head -c 3000000 /dev/zero | tr '\\0' d | fold | sed 's/^/DESC: /' >${packagesFolder}/zz/other.xpak.info
`;

  for (const [format, what, more] of [
    ["gpkg", "gpkg build", ""],
    ["xpak", "xpak build", ""],
    ["gpkg", "build of a builder with many", others],
  ] as const)
    it(`takes the ${what} that package.use asks for, not the newest one`, async () => {
      const image = `${uniqueName("tsbg/taken-back")}:1`;
      const conf: [{ name: string }, string] = [
        { name: `${SYSROOT}/etc/portage/make.conf` },
        `BINPKG_FORMAT="${format}"\n`,
      ];
      await importBuilder(image, { ebuilds: EBUILDS, files: [conf] });
      try {
        // First without, then with the flag, then without again: two builds of one version, the older one asked for.
        const chroot = `chroot-x86_64-docker -c`;
        const use = `/${SYSROOT}/etc/portage/package.use`;
        await install(`build-image = ${image}
packages = sys-apps/busybox
pre-build-script =
    ${chroot} 'emerge -kb sys-apps/busybox'
    echo 'sys-apps/busybox static' >${use}
    ${more}
    ${chroot} 'emerge -kb sys-apps/busybox'
    rm ${use}
post-build-script =
    find ${packagesFolder} -type f | grep -v info | sort
    ${printRecorded}
`);
        expect((await filesOf(`${name}:latest`)).text("bin/flags")).to.equal("static: no\n");
        const extension = format === "xpak" ? "xpak" : "gpkg.tar";
        expect(buildout.log()).to.include(`${packagesFolder}/sys-apps/busybox/busybox-1.36.1-2.${extension}`);
      } finally {
        await engineRemove("images", image);
      }
    });

  it("says that it takes the last name of an image that somebody made by hand", async () => {
    await loadImage(`${name}:latest`, { Labels: { other: name } });
    const { Id } = await engineJson<{ Id: string }>({ path: `/images/${name}:latest/json` });
    await install("");
    const said = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.diagnostic] : []));
    expect(said.map(({ code, lineText }) => `${code}: ${lineText}`)).to.deep.equal([
      `build/name-taken: name = ${name}`,
    ]);
    await install("labels = a=1\n");
    expect(buildout.events.some(({ type }) => type === "diagnostic")).to.equal(false);
    await engineRemove("images", Id);
  });

  it("takes the highest slot for an atom that names none", async () => {
    await install(`packages =
    sys-libs/ncurses
build-dependencies = sys-libs/ncurses:5
post-build-script = ${printRecorded}
`);
    expect(recorded(buildout.log()).at(-1)).to.equal(
      "ROOT=/dockeroo-root emerge [-OK] [=sys-libs/ncurses-6.4]",
    );
  });

  it("runs directly in the builder where there is no chroot", async () => {
    await install(`packages = sys-apps/busybox
chroot =
root = /target
post-build-script = ls /target/bin
`);
    expect(buildout.log()).to.include("flags");
    expect((await filesOf(`${name}:latest`)).has("bin/flags")).to.equal(true);
  });

  it("lays files of the builder, a layout and a script's work over the packages", async () => {
    await buildout.write(config(""));
    const { mkdir, writeFile, symlink } = await import("node:fs/promises");
    await mkdir(`${buildout.directory}/base/etc`, { recursive: true });
    await writeFile(`${buildout.directory}/base/etc/motd`, "hello\n", { mode: 0o640 });
    await symlink("motd", `${buildout.directory}/base/etc/issue`);
    await install(`packages = sys-apps/busybox
copy =
    /bin/busybox /usr/lib/bb
    /etc/
build-script = echo built >/etc/by-script
layout = base
layout-uid = 12
layout-gid = 13
shell = /bin/busybox sh
script =
    /bin/busybox cat >/made <<X
      as written, $$((1 + 1))
    X
    exit 0
`);
    const files = await filesOf(`${name}:latest`);
    expect(files.text("made")).to.equal("  as written, 2\n");
    expect(files.text("etc/by-script")).to.equal("built\n");
    expect(files.get("etc/motd")).to.include({ uid: 12, gid: 13, mode: 0o640 });
    expect(files.get("etc/issue")).to.include({ type: "symlink", linkname: "motd" });
    expect(files.get("usr/lib/bb")?.size).to.be.greaterThan(500_000);
  });

  it("sets just what is asked for in the image", async () => {
    await install(`packages = sys-apps/busybox
tag = 2
command = /bin/sh -c "echo  two"
entrypoint = /bin/busybox env
user = 1000:100
workdir = /srv
env =
    A=1=2
    B=x y
labels =
    org.example.a=b=c "d" $HOME
expose =
    80
    53/udp
    9000-9002
volumes =
    /data
    /var/lib/x
stopsignal = SIGQUIT
healthcheck = --interval=30s --retries=2 CMD test -e /ok
`);
    const { Labels, ...rest } = await configOf(`${name}:2`);
    const settings = Object.fromEntries(
      Object.entries(rest).filter(([key]) =>
        [
          "Cmd",
          "Entrypoint",
          "User",
          "WorkingDir",
          "Env",
          "ExposedPorts",
          "Volumes",
          "StopSignal",
          "Healthcheck",
        ].includes(key),
      ),
    );
    expect(settings).to.deep.equal({
      Cmd: ["/bin/sh", "-c", "echo  two"],
      Entrypoint: ["/bin/busybox", "env"],
      User: "1000:100",
      WorkingDir: "/srv",
      Env: ["A=1=2", "B=x y"],
      ExposedPorts: { "80/tcp": {}, "53/udp": {}, "9000/tcp": {}, "9001/tcp": {}, "9002/tcp": {} },
      Volumes: { "/data": {}, "/var/lib/x": {} },
      StopSignal: "SIGQUIT",
      Healthcheck: { Test: ["CMD-SHELL", "test -e /ok"], Interval: 30e9, Retries: 2 },
    });
    expect(Object.keys(Labels).sort()).to.deep.equal([
      "org.example.a",
      "org.tsbuildout.buildout",
      "org.tsbuildout.packages",
      "org.tsbuildout.part",
    ]);
    expect(Labels["org.example.a"]).to.equal('b=c "d" $HOME');
  });

  it("inherits from the base image what is not asked for, and needs no builder", async () => {
    const base = `${uniqueName("tsbg/base")}:1`;
    await loadImage(base, {
      Env: ["PATH=/bin", "X=1"],
      Cmd: ["sh"],
      Entrypoint: ["env"],
      User: "0",
      WorkingDir: "/tmp",
    });
    try {
      await install(`build-image =
base-image = ${base}
command =
env = X=2
script = echo done >/tmp/done
`);
      const settings = await configOf(`${name}:latest`);
      expect(settings).to.deep.include({
        Env: ["PATH=/bin", "X=2"],
        Cmd: ["sh"],
        Entrypoint: ["env"],
        User: "0",
        WorkingDir: "/tmp",
        StopSignal: "SIGKILL",
      });
      expect((await filesOf(`${name}:latest`)).text("tmp/done")).to.equal("done\n");
    } finally {
      await buildout.uninstall();
      await engineRemove("images", base);
    }
  });

  it("never touches a container that is not its own, whatever it has made before", async () => {
    const base = `${uniqueName("tsbg/base")}:1`;
    const taken = `${name.replaceAll("/", "_")}_b`;
    await loadImage(base);
    try {
      await install(`base-image = ${base}\n`);
      await loadImage(base, { Env: ["PATH=/bin", "X=1"] });
      await keepContainer(taken, builder);
      const { code, message } = await problem(`base-image = ${base}\n`);
      expect({ code, message }).to.deep.equal({
        code: "container/name-taken",
        message: `there is a container ${taken} already, which this part did not make`,
      });
      expect(await isRunning(taken)).to.equal(true);
    } finally {
      await engineRemove("containers", taken);
      await buildout.uninstall();
      await engineRemove("images", base);
    }
  });

  it("never puts a folder in the place of a merged-usr symlink", async () => {
    const root = await archiveOf([
      [{ name: "usr/bin/", type: "directory" }],
      [{ name: "bin", type: "symlink", linkname: "usr/bin" }],
    ]);
    const { writeFile } = await import("node:fs/promises");
    await writeFile(`${buildout.directory}/root.tar`, root);
    await install("packages = sys-apps/busybox\narchives = root.tar\n");
    const files = await filesOf(`${name}:latest`);
    expect(files.get("bin")).to.include({ type: "symlink", linkname: "usr/bin" });
    expect(files.text("usr/bin/flags")).to.equal("static: no\n");
    expect(files.has("usr/bin/freeze")).to.equal(true);
  });

  describe("says what went wrong, and leaves nothing:", () => {
    afterEach(async () => expect(await leftovers()).to.deep.equal([]));

    it("a package that does not exist", async () => {
      const { code, message, notes } = await problem("packages = app-misc/nowhere sys-apps/busybox\n");
      expect(code).to.equal("gentoo/emerge-failed");
      expect(message).to.equal("emerge refused with exit code 1");
      expect(notes).to.deep.equal(['emerge: there are no ebuilds to satisfy "app-misc/nowhere".']);
    });

    it("a masked package and a lost dependency", async () => {
      const masked = await problem("packages = app-admin/monit\n");
      expect(masked.notes).to.deep.equal([
        '!!! All ebuilds that could satisfy "app-admin/monit" have been masked.',
        "!!! One of the following masked packages is required to complete your request:",
        "- app-admin/monit-5.33::test (masked by: ~amd64 keyword)",
      ]);
      const lost = await problem("packages = app-misc/lost\n");
      expect(lost.notes).to.deep.equal([
        'emerge: there are no ebuilds to satisfy "app-misc/nowhere".',
        '(dependency required by "app-misc/lost-1.0::test" [ebuild])',
      ]);
    });

    it("a build that fails, with the package and the end of its log", async () => {
      const { message, notes } = await problem("packages = sys-apps/busybox app-misc/broken\n");
      expect(message).to.equal("emerge failed at app-misc/broken-1.0 with exit code 1");
      expect(notes[0]).to.equal(
        [
          "the end of its build log, /var/tmp/portage/app-misc/broken-1.0/temp/build.log:",
          ">>> Compiling source in /var/tmp/portage/app-misc/broken-1.0/work ...",
          "cc: error 1: no such header",
          "cc: error 2: no such header",
          "cc: error 3: no such header",
          " * ERROR: app-misc/broken-1.0::test failed (compile phase):",
          " *   emake failed",
        ].join("\n"),
      );
    });

    it("an option in the place of a package", async () => {
      await buildout.write(config("packages = --ask\n"));
      const error = await buildout.install().catch((error: Error) => error.message);
      expect(error).to.equal('option/value: packages: "--ask" is an option, not a package');
    });

    it("a script that fails, and one without its shell", async () => {
      const failed = await problem(
        "script-shell = /bin/freeze\nscript = x\nbuild-script = echo no; exit 7\n",
      );
      expect(failed.message).to.equal("build-script ended with exit code 7");
      expect(failed.notes[0]).to.equal("no");
      const shell = await problem("script = x\n");
      expect(shell.code).to.equal("script/no-shell");
      expect(shell.message).to.match(/^container \S+_a has no \/bin\/sh to run script with$/);
    });

    it("an image, and a path to copy, that are not there", async () => {
      expect((await problem("base-image = tsbg/nowhere\n")).message).to.equal(
        "there is no image tsbg/nowhere on the engine",
      );
      expect((await problem("packages = sys-apps/busybox\ncopy = /nowhere\n")).message).to.match(
        /^there is no \/nowhere in container \S+_b$/,
      );
    });
  });
});
