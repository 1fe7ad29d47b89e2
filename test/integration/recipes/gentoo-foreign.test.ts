import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { engineObjects, engineRemove, uniqueName } from "../../support/engine.js";
import { fakeEngine, handOn } from "../../support/fake-engine.js";
import { arm64Program } from "../../support/foreign.js";
import { archiveOf, busyboxAt, importArchive, rights } from "../../support/gentoo.js";

describe("Gentoo images of another architecture", () => {
  const builder = `${uniqueName("tsbg/native")}:1`;
  let buildout: TestBuildout;
  let name: string;
  let env: Record<string, string | undefined>;

  before(async () => await importArchive(builder, await archiveOf(busyboxAt(""))));
  after(async () => await engineRemove("images", builder));

  beforeEach(async () => {
    name = uniqueName("tsbg-arm");
    env = { ...process.env };
    buildout = await testBuildout({ config: "", env });
    const program = arm64Program("hello from arm64\n");
    await writeFile(
      join(buildout.directory, "foreign.tar"),
      await archiveOf([[{ name: "bin/hello", mode: 0o755 }, program]]),
    );
  });

  afterEach(async () => {
    await buildout.uninstall();
    await buildout.dispose();
    const left = await Promise.all(
      ["img", "disk"].map((part) => engineObjects(`org.tsbuildout.part=${name}-${part}`)),
    );
    expect(left.flat()).to.deep.equal([]);
  });

  const image = (platform: string): string => `[${name}-img]
recipe = docker.gentoo-build
name = ${name}
build-image = ${builder}
archives = foreign.tar
platform = ${platform}
script-shell = /bin/hello
script = whatever
${rights}`;

  const disk = (platform: string, base: string): string => `[${name}-disk]
recipe = docker.gentoo-diskimage
build-image = ${builder}
base-image = ${base}
platform = ${platform}
build-root = /r
image-file = /disk.img
build-script = /r/bin/hello; echo disk >/disk.img
${rights}`;

  it("are built and put on disks where this machine has qemu and the engine's kernel lets it be registered", async () => {
    await buildout.write(
      `[buildout]\nparts = ${name}-disk\n${image("linux/arm64")}${disk("aarch64", `$<${name}-img:image>`)}`,
    );
    const summary = await buildout.install();
    if (!summary.ok) {
      const [failed] = summary.parts.filter(({ end }) => end === "failed");
      expect(failed).to.deep.include({
        part: `${name}-img`,
        why: "the engine's host cannot run programs of linux/arm64",
      });
      return;
    }
    expect(buildout.log().filter((line) => line.startsWith("hello"))).to.deep.equal([
      "hello from arm64",
      "hello from arm64",
    ]);
    expect((await buildout.install()).counts.unchanged).to.equal(2);
  });

  it("are tried without a signal, which an emulator loses that is only beginning", async () => {
    const asked: string[] = [];
    const engine = await fakeEngine(
      {
        "GET /info": (request, response) => {
          request.resume();
          response.end(JSON.stringify({ OSType: "linux", Architecture: "aarch64", DriverStatus: [] }));
        },
      },
      (request, response) => {
        asked.push(/\/containers\/tsbuildout-trial-.*\/(\w+)/.exec(request.url ?? "")?.[1] ?? "");
        handOn(request, response);
      },
    );
    try {
      const part = image("linux/amd64").replace(/script.*\n/g, "");
      await buildout.write(`[buildout]\nparts = ${name}-img\nengine-url = ${engine.url}\n${part}`);
      expect((await buildout.install()).parts).to.containSubset([{ part: `${name}-img`, end: "done" }]);
      expect(asked).to.include("start").and.not.to.include("kill");
      await buildout.uninstall();
    } finally {
      await engine.close();
    }
  });

  for (const part of ["img", "disk"])
    it(`need something installed where there is no emulator, says ${part === "img" ? "an image" : "a disk"}`, async () => {
      env["PATH"] = "/nowhere";
      const text = part === "img" ? image("s390x") : disk("s390x", builder);
      await buildout.write(`[buildout]\nparts = ${name}-${part}\n${text}`);
      expect((await buildout.install()).ok).to.equal(false);
      const told = buildout.events.findLast((event) => event.type === "diagnostic");
      const { code, message, notes, help } =
        told?.type === "diagnostic" ? told.diagnostic : expect.fail("no failure was told");
      expect({ code, message, notes, help }).to.deep.equal({
        code: "platform/not-runnable",
        message: "the engine's host cannot run programs of linux/s390x",
        notes: ["this machine has no qemu-s390x-static that could be registered there"],
        help: [
          "on the engine's host install qemu-s390x-static and its binfmt entry: apt-get install qemu-user-static binfmt-support",
        ],
      });
    });
});
