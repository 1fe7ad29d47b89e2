import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { engineJson, engineObjects, engineRemove, uniqueName } from "../../support/engine.js";
import { fakeEngine } from "../../support/fake-engine.js";
import { archiveOf, busyboxAt, importArchive, rights } from "../../support/gentoo.js";

const MEGABYTE = 1 << 20;

describe("a disk that is full while Gentoo images are made", () => {
  let buildout: TestBuildout;
  let name: string;
  let small: string;
  let server: Server;
  let url: string;
  /** What the server has, by path. */
  const files = new Map<string, Buffer>();
  let asked: string[];

  before(async () => {
    const root = await archiveOf(busyboxAt(""));
    files.set("/small.tar", root);
    files.set("/large.tar", await archiveOf([...busyboxAt(""), [{ name: "f" }, randomBytes(4 * MEGABYTE)]]));
    server = createServer((request, response) => {
      const file = files.get(request.url ?? "") ?? Buffer.alloc(0);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
      asked.push(`${request.url} from ${from > 0 ? "where it stopped" : "the start"}`);
      const headers = { etag: `"${file.length}"`, "content-length": file.length - from };
      const range = { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` };
      response.writeHead(from > 0 ? 206 : 200, from > 0 ? { ...headers, ...range } : headers);
      response.end(file.subarray(from));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(async () => {
    server.closeAllConnections();
    await new Promise<void>((done) => server.close(() => done()));
  });

  beforeEach(async function () {
    asked = [];
    name = uniqueName("tsbg/full");
    buildout = await testBuildout({ config: "" });
    small = join(buildout.directory, "small");
    await mkdir(small);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=5m", "tmpfs", small], { stdio: "pipe" });
    } catch {
      this.skip();
    }
  });

  afterEach(async () => {
    await buildout.uninstall().catch(() => undefined);
    execFileSync("umount", ["-l", small]);
    await buildout.dispose();
    expect(await ours()).to.deep.equal([]);
  });

  /** Everything of ours on the engine. */
  const ours = async (): Promise<string[]> =>
    (await engineObjects("org.tsbuildout.part")).filter((one) => one.includes(name.split("/")[1]!));

  async function problem(config: string) {
    await buildout.write(config);
    buildout.events.length = 0;
    const summary = await buildout.install();
    expect(summary.ok).to.equal(false);
    const told = buildout.events.findLast((event) => event.type === "diagnostic");
    return told?.type === "diagnostic" ? told.diagnostic : expect.fail("no failure was told");
  }

  async function install(config: string): Promise<void> {
    await buildout.write(config);
    const summary = await buildout.install();
    expect(summary.ok, JSON.stringify(summary.parts)).to.equal(true);
  }

  const part = (title: string, options: string): string =>
    `[${title}]\nrecipe = docker.gentoo-bootstrap\nimage = ${name}-${title}\n${rights}${options}`;

  it("keeps what the download cache has, and goes on with it when there is room", async () => {
    const head = "[buildout]\ndownload-cache = small\nparts =";
    const one = part("one", `archives = ${url}/small.tar\n`);
    const two = part("two", `archives = ${url}/large.tar\n`);
    await install(`${head} one\n${one}`);
    const [kept = ""] = await readdir(small);
    const { code, message, help } = await problem(`${head} one two\n${one}${two}`);
    expect({ code, message, help }).to.deep.equal({
      code: "download/no-space",
      message: `there is no space left in ${small}`,
      help: ["free some, and run again"],
    });
    expect(await ours()).to.deep.equal([
      `container ${name.replaceAll("/", "_")}-one_bootstrap`,
      `image ${name}-one:latest`,
    ]);
    expect((await readFile(join(small, kept))).equals(files.get("/small.tar")!)).to.equal(true);
    execFileSync("mount", ["-o", "remount,size=20m", small]);
    await install(`${head} one two\n${one}${two}`);
    expect(asked).to.deep.equal([
      "/small.tar from the start",
      "/large.tar from the start",
      "/large.tar from where it stopped",
    ]);
    expect(await readdir(small)).to.have.lengthOf(2);
  });

  describe("of a disk image", () => {
    const builder = `${uniqueName("tsbg/fullb")}:1`;
    before(async () => await importArchive(builder, await archiveOf(busyboxAt(""))));
    after(async () => await engineRemove("images", builder));

    const disk = (size: number, options = ""): string => `[buildout]
parts = disk
[disk]
recipe = docker.gentoo-diskimage
build-image = ${builder}
base-image = ${builder}
build-container = ${name.replaceAll("/", "_")}
build-root = /r
image-file = /disk.img
location = small/images
build-script = head -c ${size} /dev/urandom >/disk.img
${rights}${options}`;

    for (const options of ["", "checksum = true\n", "compress = gzip\n"])
      it(`is told, and nothing half made stays${options && `, with ${options.trim()}`}`, async () => {
        const { code, message, help } = await problem(disk(6 * MEGABYTE, options));
        expect({ code, message, help }).to.deep.equal({
          code: "gentoo/no-space",
          message: `there is no space left in ${small}/images for the disk image`,
          help: ["free some, name another location, or set compress"],
        });
        expect(await readdir(small)).to.deep.equal([]);
        expect(await ours()).to.deep.equal([]);
        await install(disk(1 * MEGABYTE, options));
        expect(await readdir(join(small, "images"))).to.have.lengthOf(options.includes("checksum") ? 2 : 1);
      });

    it("is told where only the checksum has no room", async () => {
      const room = 5 * MEGABYTE;
      const { code } = await problem(disk(room, "checksum = true\n"));
      expect(code).to.equal("gentoo/no-space");
      expect(await readdir(small)).to.deep.equal([]);
    });
  });

  it("of the engine is told in its words: when an image is imported", async () => {
    const answer = { message: "write /bin/busybox: no space left on device" };
    const fake = await fakeEngine({
      "POST /images/create": (request, response) => {
        request.resume().once("end", () => {
          response.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify(answer));
        });
      },
    });
    try {
      await writeFile(join(buildout.directory, "root.tar"), files.get("/small.tar")!);
      const head = `[buildout]\nparts = one\n`;
      const { code, message, notes, help } = await problem(
        `${head}${part("one", "archives = root.tar\n")}engine-url = ${fake.url}\n`,
      );
      expect({ code, message, notes, help }).to.deep.equal({
        code: "archive/import-failed",
        message: `the engine could not import ${buildout.directory}/root.tar`,
        notes: ["write /bin/busybox: no space left on device"],
        help: ["see that the archive is whole (a checksum tells) and that the engine's disk has room for it"],
      });
      expect(await ours()).to.deep.equal([]);
    } finally {
      await buildout.uninstall();
      await fake.close();
    }
  });

  it("of the engine is told in its words: when a layout is copied", async () => {
    const volume = uniqueName("tsbg-full");
    await engineJson({
      method: "POST",
      path: "/volumes/create",
      body: { Name: volume, DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=64k" } },
    });
    try {
      await writeFile(join(buildout.directory, "root.tar"), files.get("/small.tar")!);
      await mkdir(join(buildout.directory, "layout/data"), { recursive: true });
      await writeFile(join(buildout.directory, "layout/data/large"), randomBytes(MEGABYTE));
      const options = `archives = root.tar\nvolumes = ${volume}:/data\nlayout = layout\n`;
      const { message, notes } = await problem(`[buildout]\nparts = one\n${part("one", options)}`);
      expect([message, ...notes].join("\n")).to.include("no space left on device");
      expect(await ours()).to.deep.equal([]);
    } finally {
      await engineRemove("volumes", volume);
    }
  });
});
