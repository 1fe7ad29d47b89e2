import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestBuildout } from "../../../src/testing.js";
import { engineRemove, uniqueName } from "../../support/engine.js";
import { fakeEngine, handOn } from "../../support/fake-engine.js";
import { loadImage } from "../../support/images.js";
import {
  diagnostics,
  failing,
  imageBuildout,
  inspectedImage,
  installed,
} from "../../support/image-buildout.js";
import { writeFiles } from "../../support/tmp.js";

const config = (options: string): string =>
  `[buildout]\nparts = saved\n[saved]\nrecipe = docker.save\n${options}\n`;

describe("docker.save", () => {
  let name: string;
  let made: TestBuildout;
  beforeEach(async () => {
    name = uniqueName("tsb-save");
    await loadImage(`${name}:1`, { Labels: { name } });
    made = await imageBuildout({ config: config(`image = ${name}:1\nfile = out/image.tar`) });
  });
  afterEach(async () => {
    await made.uninstall().catch(() => undefined);
    await made.dispose();
    for (const tag of ["1", "2"]) await engineRemove("images", `${name}:${tag}`);
  });

  it("writes an archive, once, and takes it away", async () => {
    const file = join(made.directory, "out/image.tar");
    const outputs = await installed(made, "saved");
    expect(outputs).to.include({
      file,
      size: String((await stat(file)).size),
      "image-id": (await inspectedImage(`${name}:1`))?.Id,
    });
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.uninstall();
    expect(existsSync(file)).to.equal(false);
  });

  it("packs by gzip where the name says so, and another part loads it", async () => {
    await made.write(
      `[buildout]\nparts = loaded saved\n[loaded]\nrecipe = docker.load\nfile = out/image.tgz\n[saved]\nrecipe = docker.save\nname = ${name}\ntag = 1\nfile = out/image.tgz\n`,
    );
    await installed(made, "saved");
    expect(made.begun()).to.deep.equal(["install saved", "install loaded"]);
    expect((await readFile(join(made.directory, "out/image.tgz"))).subarray(0, 2).toString("hex")).to.equal(
      "1f8b",
    );
  });

  it("writes it anew when the image or the file has changed", async () => {
    await installed(made, "saved");
    await loadImage(`${name}:1`, { Labels: { name, second: "1" } });
    made.events.length = 0;
    await installed(made, "saved");
    await rm(join(made.directory, "out/image.tar"));
    await installed(made, "saved");
    await writeFile(join(made.directory, "out/image.tar"), "x");
    await installed(made, "saved");
    expect(made.begun()).to.deep.equal(["update saved", "update saved", "update saved"]);
    expect((await stat(join(made.directory, "out/image.tar"))).size).to.be.greaterThan(1000);
  });

  it("leaves what is made from an archive while it writes that again", async () => {
    const text = config(`image = ${name}:1\nfile = out/image.tar`).replace("saved", "saved loaded");
    await made.write(`${text}[loaded]\nrecipe = docker.load\nfile = $<saved:file>\nname = ${name}-copy\n`);
    await installed(made, "loaded");
    made.events.length = 0;
    await rm(join(made.directory, "out/image.tar"));
    await installed(made, "loaded");
    expect(made.begun().filter((one) => /install/.test(one))).to.deep.equal([]);
    expect((await made.install()).counts).to.include({ unchanged: 2 });
  });

  it("puts several images into one archive", async () => {
    await loadImage(`${name}:2`, { Labels: { name, second: "1" } });
    await made.write(config(`image = ${name}:1\nimages = ${name}:2\nfile = both.tar`));
    await installed(made, "saved");
    await made.write(
      `${config(`image = ${name}:1\nimages = ${name}:2\nfile = both.tar`)}[loaded]\nrecipe = docker.load\nfile = both.tar\n`.replace(
        "parts = saved",
        "parts = saved loaded",
      ),
    );
    const { images = "" } = await installed(made, "loaded");
    expect(images.split("\n")).to.have.members([`${name}:1`, `${name}:2`]);
  });

  it("says when it replaces a file that was there before", async () => {
    const file = join(made.directory, "out/image.tar");
    await writeFiles(made.directory, { "out/image.tar": "mine", "out/other": "" });
    await installed(made, "saved");
    expect(made.log("saved")).to.include(`${file} was there before and is replaced`);
    expect((await stat(file)).size).to.be.greaterThan(1000);
    await made.uninstall();
    expect(await readdir(join(made.directory, "out"))).to.deep.equal(["other"]);
  });

  it("says that there is no such image", async () => {
    await made.write(config(`image = ${name}:none\nfile = x.tar`));
    expect(await failing(made)).to.equal(`image/missing: the engine has no image ${name}:none`);
  });

  it("takes the place of no folder and of no device", async () => {
    await mkdir(join(made.directory, "folder"));
    execFileSync("mkfifo", [join(made.directory, "pipe")]);
    for (const [file, why] of [
      ["folder", "a folder has the name"],
      ["pipe", "what is no file has the name"],
    ] as const) {
      await made.write(config(`image = ${name}:1\nfile = ${file}`));
      expect(await failing(made)).to.equal(
        `image/unwritable: cannot write ${join(made.directory, file)}\nnote: EEXIST: ${why}`,
      );
      expect((await stat(join(made.directory, file))).isFile()).to.equal(false);
    }
  });

  it("keeps the old file while the new one is not whole: interrupted, and on a full disk", async function () {
    const small = join(made.directory, "small");
    await mkdir(small);
    const written = `image = ${name}:1\nfile = small/image.tar`;
    const stop = new AbortController();
    const engine = await fakeEngine({
      "GET /images/get": (_request, response) => {
        response.writeHead(200, { "content-type": "application/x-tar" });
        response.write(Buffer.alloc(4096), () => stop.abort());
      },
    });
    await writeFiles(small, { "image.tar": "mine" });
    await made.write(config(`${written}\nengine-url = ${engine.url}`));
    expect((await made.install({ signal: stop.signal })).ok).to.equal(false);
    await engine.close();
    expect(diagnostics(made).join("\n")).not.to.contain("engine/cut-off");
    expect(await readdir(small)).to.deep.equal(["image.tar"]);
    expect(await readFile(join(small, "image.tar"), "utf8")).to.equal("mine");
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small], { stdio: "pipe" });
    } catch {
      this.skip();
    }
    try {
      await writeFiles(small, { "image.tar": "mine" });
      await made.write(config(written));
      expect(await failing(made)).to.equal(
        `image/unwritable: cannot write ${join(small, "image.tar")}\nnote: ENOSPC: no space left on device, write`,
      );
      expect(await readdir(small)).to.deep.equal(["image.tar"]);
      expect(await readFile(join(small, "image.tar"), "utf8")).to.equal("mine");
    } finally {
      execFileSync("umount", [small]);
    }
  });

  it("leaves no half of a file beside the old one when an update is cut off", async () => {
    let bad = false;
    const engine = await fakeEngine({
      "GET /images/get": (request, response) => {
        if (!bad) return handOn(request, response);
        response.writeHead(200, { "content-type": "application/x-tar" });
        return void response.write(Buffer.alloc(4096), () => response.destroy());
      },
    });
    try {
      await made.write(config(`image = ${name}:1\nfile = out/image.tar\nengine-url = ${engine.url}`));
      const { digest } = await installed(made, "saved");
      await loadImage(`${name}:1`, { Labels: { name, second: "1" } });
      bad = true;
      expect(await failing(made)).to.contain("engine/cut-off: ");
      expect(await readdir(join(made.directory, "out"))).to.deep.equal(["image.tar"]);
      const old = await readFile(join(made.directory, "out/image.tar"));
      expect(`sha256:${createHash("sha256").update(old).digest("hex")}`).to.equal(digest);
    } finally {
      await engine.close();
    }
  });

  it("leaves no half of a file when the engine's answer is cut off", async () => {
    const engine = await fakeEngine({
      "GET /images/get": (_request, response) => {
        response.writeHead(200, { "content-type": "application/x-tar" });
        response.write(Buffer.alloc(4096), () => response.destroy());
      },
    });
    try {
      await made.write(config(`image = ${name}:1\nfile = out/image.tar\nengine-url = ${engine.url}`));
      const said =
        "engine/cut-off: the engine's answer was cut off\nnote: the connection closed in the middle of the answer";
      expect(await failing(made)).to.equal(said);
      expect(existsSync(join(made.directory, "out"))).to.equal(false);
      await writeFiles(made.directory, { "out/image.tar": "mine" });
      expect(await failing(made)).to.equal(said);
      expect(await readdir(join(made.directory, "out"))).to.deep.equal(["image.tar"]);
      expect(await readFile(join(made.directory, "out/image.tar"), "utf8"), "not ours").to.equal("mine");
    } finally {
      await engine.close();
    }
  });
});
