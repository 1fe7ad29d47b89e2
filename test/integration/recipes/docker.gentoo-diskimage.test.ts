import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, link, mkdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { pack } from "tar-stream";
import { connect, execInContainer, type Engine } from "../../../src/docker.js";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { throwaway } from "../../../src/recipes/gentoo-host-files.js";
import { debianRoot } from "../../support/debian-root.js";
import {
  engineHas,
  engineHost,
  engineJson,
  engineObjects,
  engineRemove,
  engineRequest,
  uniqueName,
} from "../../support/engine.js";
import { diskRights, importArchive, isRunning, keepContainer, LOOP, loopsOf } from "../../support/gentoo.js";
import { filesOfTar, type Files } from "../../support/image-files.js";
import { temporaryFolder } from "../../support/tmp.js";

describe("docker.gentoo-diskimage", () => {
  const builder = `${uniqueName("tsbg/disks")}:1`;
  const base = `${uniqueName("tsbg/content")}:1`;
  let buildout: TestBuildout;
  let file: string;
  let engine: Engine;
  /** The archive that the base image is made of. */
  let content: Buffer;
  const busy: string[] = [];

  before(async () => {
    engine = await connect({}, { env: { DOCKER_HOST: engineHost() }, home: "/nowhere" });
    await importArchive(builder, await readFile(debianRoot()));
    content = await baseArchive();
    await importArchive(base, content);
  });

  after(async () => {
    await engineRemove("images", builder);
    await engineRemove("images", base);
    await engine.close();
  });

  beforeEach(async () => {
    file = `/tmp/${uniqueName("disk")}.img`;
    buildout = await testBuildout({ config: "" });
  });

  afterEach(async () => {
    await buildout.uninstall().catch(() => undefined);
    expect(await engineObjects("org.tsbuildout.part=disk").then(mine), "containers").to.deep.equal([]);
    expect(loopsOf(file), "loop devices").to.deep.equal([]);
    await buildout.dispose();
  });

  const mine = (objects: readonly string[]): string[] =>
    objects.filter((name) => busy.some((one) => name.includes(one)));

  function config(options: string): string {
    const container = uniqueName("tsbg-disk");
    busy.push(container);
    return `[buildout]
parts = disk
[disk]
recipe = docker.gentoo-diskimage
build-image = ${builder}
base-image = ${base}
build-root = /mnt/root disk
build-container = ${container}
image-file = ${file}
${diskRights}${options}`;
  }

  async function install(options: string): Promise<void> {
    await buildout.write(config(options));
    const summary = await buildout.install();
    const told = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(summary.ok, told.join("\n")).to.equal(true);
    expect(told).to.deep.equal([]);
  }

  async function problem(options: string) {
    await buildout.write(config(options));
    const summary = await buildout.install();
    expect(summary.parts[0]?.end).to.equal("failed");
    const told = buildout.events.findLast((event) => event.type === "diagnostic");
    return told?.type === "diagnostic" ? told.diagnostic : expect.fail("no failure was told");
  }

  /** A partition table, vfat by mtools (the kernel may have none), ext4 through a loop device. */
  const real = `prepare-script =
    set -e
    truncate -s 160M $<:image-file>
    printf 'label: dos\\nstart=2048,size=32M,type=c,bootable\\n,,L\\n' | sfdisk -q $<:image-file>
    mkfs.vfat --offset=2048 -F 16 -n BOOT $<:image-file> 32768 >/dev/null
    ${LOOP}
    losetup -o 34603008 $$loop $<:image-file>
    mkfs.ext4 -q $$loop
    mkdir -p '/mnt/root disk'
    mount $$loop '/mnt/root disk'
    echo $$loop >/loop
build-script =
    set -e
    mcopy -s -i $<:image-file>@@1048576 '/mnt/root disk/boot/'* ::
    umount '/mnt/root disk'
    losetup -d $$(cat /loop)
`;

  it("makes a disk with a partition table, vfat and ext4 that holds the base image, file by file", async () => {
    await install(`${real}checksum = true\n`);
    const path = join(buildout.directory, "parts/disk", file.slice(5));
    const { size, blocks } = await stat(path);
    expect(size).to.equal(160 << 20);
    expect(blocks * 512, "holes stay holes").to.be.lessThan(40 << 20);
    execFileSync("sha256sum", ["-c", `${path}.sha256`], {
      cwd: join(buildout.directory, "parts/disk"),
      stdio: "ignore",
    });
    const { ext4, boot } = await contentOf(path);
    const wanted = await filesOfTar(content);
    expect(boot).to.equal("kernel\n");
    expect(listing(ext4)).to.deep.equal(listing(wanted));
    expect(ext4.get("usr/bin/ping")?.pax).to.have.property("SCHILY.xattr.security.capability");
    expect((await buildout.install()).counts.unchanged).to.equal(1);
    expect((await buildout.records()).get("disk")?.outputs["sha256"]).to.equal(
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
    await buildout.uninstall();
    expect(existsSync(join(buildout.directory, "parts/disk"))).to.equal(false);
  });

  /** The partitions of a disk image, read by the kernel and by mtools in a container. */
  async function contentOf(path: string): Promise<{ ext4: Files; boot: string }> {
    const name = uniqueName("tsbg-read");
    const HostConfig = {
      CapAdd: ["SYS_ADMIN", "MKNOD"],
      SecurityOpt: ["apparmor=unconfined", "seccomp=unconfined"],
      DeviceCgroupRules: ["b 7:* rmw", "c 10:237 rmw"],
      Devices: [
        { PathOnHost: "/dev/loop-control", PathInContainer: "/dev/loop-control", CgroupPermissions: "rwm" },
      ],
      Binds: [`${join(path, "..")}:/out`],
    };
    const body = { Image: builder, Cmd: ["sleep", "300"], StopSignal: "SIGKILL", HostConfig };
    await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body });
    await engineJson({ method: "POST", path: `/containers/${name}/start` });
    try {
      const read = async (script: string): Promise<Buffer> => {
        const chunks: Buffer[] = [];
        const code = await execInContainer(engine, name, {
          cmd: ["sh", "-ec", script],
          onOutput: ({ stream, data }) =>
            void (stream === "stdout" ? chunks.push(data) : expect.fail(data.toString())),
        });
        expect(code).to.equal(0);
        return Buffer.concat(chunks);
      };
      const image = `/out/${file.slice(5)}`;
      const loop = LOOP.replaceAll("$$", "$");
      const tar = await read(`${loop}
losetup -r -o 34603008 $loop ${image}
mount -o ro,noload $loop /mnt
tar --xattrs --xattrs-include='*' --numeric-owner -C /mnt -cf - .
umount /mnt
losetup -d $loop`);
      return {
        ext4: await filesOfTar(tar),
        boot: (await read(`mtype -i ${image}@@1048576 ::/vmlinuz`)).toString(),
      };
    } finally {
      await engineRemove("containers", name);
    }
  }

  for (const [compress, program] of [
    ["gzip", "gzip"],
    ["xz", "xz"],
    ["zstd", "zstd"],
  ] as const)
    it(`compresses by ${compress}, and takes a file that a mount hides from the engine`, async () => {
      const warnings: Error[] = [];
      const warned = (warning: Error): void => void warnings.push(warning);
      process.on("warning", warned);
      await install(`compress = ${compress}
checksum = true
build-root = /root-of-it
prepare-script =
    mount -t tmpfs none /tmp
    head -c 40000000 /dev/zero >${file}
    echo end >>${file}
`);
      process.off("warning", warned);
      expect(warnings, "listeners that pile up while the compressor is waited for").to.deep.equal([]);
      const folder = join(buildout.directory, "parts/disk");
      const extension = { gzip: "gz", xz: "xz", zstd: "zst" }[compress];
      const name = `${file.slice(5)}.${extension}`;
      expect(readdirSync(folder)).to.have.members([name, `${name}.sha256`]);
      const plain = execFileSync(program, ["-dc", join(folder, name)], { maxBuffer: 1 << 26 });
      expect(plain.length).to.equal(40_000_004);
      expect(plain.subarray(-4).toString()).to.equal("end\n");
    });

  it("replaces the disk when the base image changes, and only when the new one is whole", async () => {
    const script = "prepare-script = mkdir -p /r\nbuild-script = cat /r/etc/version";
    await install(`build-root = /r\n${script} >${file}\n`);
    const path = join(buildout.directory, "parts/disk", file.slice(5));
    expect(readFileSync(path, "utf8")).to.equal("1\n");
    await importArchive(base, await baseArchive("2\n"));
    const text = await readFile(join(buildout.directory, "buildout.cfg"), "utf8");
    await buildout.write(text.replace("build-script =", "build-script = false &&"));
    expect((await buildout.install()).ok).to.equal(false);
    await buildout.write(text);
    expect((await buildout.install()).ok).to.equal(true);
    expect(readFileSync(path, "utf8")).to.equal("2\n");
    await importArchive(base, content);
  });

  it("takes away what it made of its location, and nothing of others", async () => {
    const script = `build-root = /r\nbuild-script = echo x >${file}\nlocation = out/disks/mine\n`;
    await install(script);
    await writeFile(join(buildout.directory, "out/disks/other.img"), "another part's");
    await buildout.uninstall();
    expect(readdirSync(join(buildout.directory, "out"), { recursive: true })).to.have.members([
      "disks",
      "disks/other.img",
    ]);
    await rm(join(buildout.directory, "out/disks/other.img"));
    await install(script);
    await buildout.uninstall();
    expect(readdirSync(join(buildout.directory, "out")), "was there before the part").to.deep.equal([
      "disks",
    ]);
    await rm(join(buildout.directory, "out"), { recursive: true });
    await install(script);
    await buildout.uninstall();
    expect(existsSync(join(buildout.directory, "out"))).to.equal(false);
  });

  it("takes away what a killed run's build has left without a name", async () => {
    await install(`build-root = /r\nbuild-script = echo x >${file}\n`);
    const state = await readFile(join(buildout.directory, ".installed.cfg"), "utf8");
    const id = /^id=(\w+)$/m.exec(state)![1]!;
    const archive = pack();
    archive.entry({ name: "Dockerfile" }, throwaway({ part: "disk", buildout: { id } }));
    archive.finalize();
    const { body } = await engineRequest({
      method: "POST",
      path: "/build?q=1",
      body: await buffer(archive),
    });
    // Said to be an id: podman looks only for names by a bare one.
    const image = `sha256:${/[0-9a-f]{64}/.exec(body.toString())![0]}`;
    expect(await engineHas(`/images/${image}/json`)).to.equal(true);
    await buildout.uninstall();
    expect(await engineHas(`/images/${image}/json`)).to.equal(false);
  });

  it("cleans up after a script that fails with everything attached and mounted", async () => {
    const { code, message, notes } = await problem(`prepare-script =
    set -e
    truncate -s 40M ${file}
    ${LOOP}
    losetup $$loop ${file}
    mkfs.ext4 -q $$loop
    mkdir -p /a /b
    mount $$loop /a
    mount $$loop /b
    sleep 1000 >/dev/null 2>&1 &
    cd /a
    echo about to fail
    exit 3
`);
    expect({ code, message, notes }).to.deep.equal({
      code: "script/failed",
      message: "prepare-script ended with exit code 3",
      notes: ["about to fail"],
    });
  });

  it("cleans up after a run that was interrupted", async () => {
    await buildout.write(
      config(`prepare-script =
    set -e
    truncate -s 40M ${file}
    ${LOOP}
    losetup $$loop ${file}
    echo attached
    sleep 1000
`),
    );
    const stop = new AbortController();
    const summary = await buildout.install({
      signal: stop.signal,
      report: (event) => {
        if (event.type === "part-log" && event.line === "attached") {
          expect(loopsOf(file)).to.have.length(1);
          stop.abort(new Error("interrupted"));
        }
      },
    });
    expect(summary.interrupted).to.equal(true);
    expect((await buildout.records()).size).to.equal(0);
  });

  it("never touches a container that is not its own", async () => {
    const name = uniqueName("tsbg-other");
    await keepContainer(name, builder);
    try {
      const { code, message } = await problem(`build-container = ${name}\n`);
      expect({ code, message }).to.deep.equal({
        code: "container/name-taken",
        message: `there is a container ${name} already, which this part did not make`,
      });
      expect(await isRunning(name)).to.equal(true);
    } finally {
      await engineRemove("containers", name);
    }
  });

  it("says what is missing: the file, the images, room, and that a path is not absolute", async () => {
    const gone = await problem("build-root = /r\nprepare-script = true\n");
    expect(`${gone.code}: ${gone.message}`).to.match(
      new RegExp(`^gentoo/no-image-file: there is no ${file} in container \\S+$`),
    );
    const folder = await problem(`build-root = /r\nprepare-script = mkdir ${file}\n`);
    expect(folder.message).to.match(/is not a file$/);
    expect((await problem("base-image = tsbg/none\n")).message).to.equal(
      "there is no image tsbg/none on the engine",
    );
    expect((await problem("build-image = tsbg/none\n")).message).to.equal(
      "there is no image tsbg/none on the engine",
    );
    const full = await problem(
      "build-root = /r\nprepare-script = mkdir /r; mount -t tmpfs -o size=4k none /r\n",
    );
    expect(`${full.code}: ${full.message}`).to.match(
      /^gentoo\/unpack-failed: the base image could not be unpacked into \/r of container \S+$/,
    );
    expect(full.notes.join("\n")).to.include("No space left on device");
    await buildout.write(config("build-root = r\n"));
    expect(await buildout.install().catch((error: Error) => error.message)).to.equal(
      'option/value: "r" is not an absolute path of the container',
    );
  });
});

/** What compares: all but what a file system or an engine adds. */
function listing(files: Files): Record<string, unknown> {
  // A container has these, whatever its image has; a file system has one, and the time of /etc is that of the last change.
  const added = /^(lost\+found|etc|)$|^(dev|proc|sys)(\/|$)/;
  const entries = [...files.all].filter(([path]) => !added.test(path));
  const shown = entries.map(([path, { type, mode, uid, gid, linkname, mtime, content, pax }]) => {
    const sum = createHash("sha256").update(content).digest("hex");
    const caps = Object.entries(pax).filter(([key]) => key.startsWith("SCHILY.xattr."));
    // Which of two names is the file and which the link is the archive's choice.
    const same = type === "link" || linkname !== null ? "" : sum;
    const kind = type === "link" ? "file" : type;
    return [
      path,
      {
        kind,
        mode,
        uid,
        gid,
        ...(type === "symlink" ? { linkname } : {}),
        mtime,
        caps,
        ...(LINKED.has(path) ? {} : { same }),
      },
    ];
  });
  return Object.fromEntries(shown);
}

const LINKED = new Set(["usr/bin/a", "usr/bin/b"]);

/** A root with what is easily lost. */
async function baseArchive(version = "1\n"): Promise<Buffer> {
  const folder = await temporaryFolder({
    "tree/etc/version": version,
    "tree/etc/hosts": "127.0.0.1 localhost disk\n",
    "tree/etc/hostname": "disk\n",
    "tree/boot/vmlinuz": "kernel\n",
    "tree/usr/bin/ping": "ping",
    "tree/usr/bin/a": "linked",
    "tree/usr/bin/su": "su",
    "tree/home/ü ser/file with spaces": "x",
  });
  const tree = `${folder}/tree`;
  await chmod(`${tree}/usr/bin/su`, 0o4755);
  await link(`${tree}/usr/bin/a`, `${tree}/usr/bin/b`);
  await symlink("usr/bin", `${tree}/bin`);
  await symlink("/proc/self/mounts", `${tree}/etc/mtab`);
  await chmod(`${tree}/etc/hosts`, 0o600);
  await utimes(`${tree}/etc/hosts`, 1e9, 1e9);
  await symlink("/nowhere", `${tree}/dangling`);
  await mkdir(`${tree}/tmp`);
  await chmod(`${tree}/tmp`, 0o1777);
  await writeFile(`${tree}/usr/zeros`, Buffer.alloc(3_000_000));
  execFileSync("mkfifo", [`${tree}/usr/fifo`]);
  execFileSync("chown", ["-h", "70000:300000", `${tree}/home/ü ser`]);
  execFileSync("chown", ["5:6", `${tree}/etc/hostname`]);
  execFileSync("setcap", ["cap_net_raw=ep", `${tree}/usr/bin/ping`]);
  return execFileSync(
    "tar",
    ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", tree, "-cf", "-", "."],
    { maxBuffer: 1 << 26 },
  );
}
