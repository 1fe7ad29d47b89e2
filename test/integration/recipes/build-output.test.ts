import { expect } from "chai";
import { existsSync } from "node:fs";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { realBuildx } from "../../support/buildx.js";
import { engineRemove, uniqueName } from "../../support/engine.js";
import { baseImage, ensureBaseImage } from "../../support/images.js";
import { failing, imageBuildouts, inspectedImage, installed } from "../../support/image-buildout.js";
import { startRegistry } from "../../support/registry.js";

const broken = (config: string): string => config.replace("FROM ", "FROM tsb-nothing-");

describe("docker.build: output, with the real buildx", () => {
  const buildout = imageBuildouts();
  let env: Readonly<Record<string, string>>;
  let name: string;
  before(async () => {
    await ensureBaseImage();
    env = await realBuildx();
  });
  beforeEach(() => (name = uniqueName("tsb-output")));
  const config = (output: string, label: string): string =>
    `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\noutput = ${output}\nlabels = v=${label}\ndockerfile-inline = FROM ${baseImage}\n`;

  it("type=docker: the image is the part's own on the engine, is replaced and goes again", async () => {
    const made = await buildout({ config: config("type=docker", "1"), env });
    const first = (await installed(made, "app"))["image-id"] ?? "";
    expect((await inspectedImage(name))?.Id).to.equal(first);
    await made.write(config("type=docker", "2"));
    const second = (await installed(made, "app"))["image-id"];
    expect((await inspectedImage(name))?.Id)
      .to.equal(second)
      .and.not.to.equal(first);
    expect(await inspectedImage(first), "replaced").to.equal(undefined);
    await made.write(config("type=local,dest=out", "2"));
    expect((await installed(made, "app"))["image-id"]).to.equal("");
    expect(await inspectedImage(name), "put elsewhere").to.equal(undefined);
  });

  it("type=tar: the file is there whole or not at all, in a folder that is made for it", async () => {
    const made = await buildout({ config: broken(config("type=tar,dest=out/app.tar", "1")), env });
    const file = join(made.directory, "out/app.tar");
    await failing(made);
    expect(existsSync(join(made.directory, "out"))).to.equal(false);
    await made.write(config("type=tar,dest=out/app.tar", "1"));
    await installed(made, "app");
    const size = (await stat(file)).size;
    expect(size).to.be.above(500_000);
    await made.write(broken(config("type=tar,dest=out/app.tar", "2")));
    await failing(made);
    expect((await stat(file)).size, "that of the last build").to.equal(size);
    expect(await readdir(join(made.directory, "out"))).to.deep.equal(["app.tar"]);
  });

  for (const [output, file, there] of [
    ["type=local,dest=out", "out/Dockerfile", false],
    ["type=local,dest=out", "out/Dockerfile", true],
    ["type=tar,dest=app.tar", "app.tar", false],
  ] as const)
    it(`${output}: in the source ${there ? "with a folder that was there: is sent" : "is no change for the next build"}`, async () => {
      const files = { Dockerfile: "FROM scratch\nCOPY . /\n", ...(there && { "out/own": "1" }) };
      const config = `[buildout]\nparts = app\n[app]\nrecipe = docker.build\noutput = ${output}\nsource = .\n`;
      const made = await buildout({ config, env, files });
      await installed(made, "app");
      expect(existsSync(join(made.directory, file))).to.equal(true);
      expect((await made.install()).counts).to.include(there ? { done: 1 } : { unchanged: 1 });
      await writeFile(join(made.directory, "new"), "1");
      await installed(made, "app");
      expect(existsSync(join(made.directory, "out/new"))).to.equal(output.includes("out"));
      expect(existsSync(join(made.directory, "out/out/own"))).to.equal(there);
      expect((await made.install()).counts).to.include(there ? { done: 1 } : { unchanged: 1 });
      await made.uninstall();
      expect(existsSync(join(made.directory, file)), "stays").to.equal(true);
    });

  it("type=registry: the image goes to the name that is given there", async () => {
    const registry = await startRegistry();
    const reference = `${registry.host}/${name}-put:7`;
    try {
      const made = await buildout({ config: config(`type=registry,name=${reference}`, "1"), env });
      const { digest, image } = await installed(made, "app");
      expect(image).to.equal(reference);
      const answer = await fetch(`http://${registry.host}/v2/${name}-put/manifests/7`, {
        headers: { Accept: "application/vnd.docker.distribution.manifest.v2+json" },
      });
      expect(answer.headers.get("Docker-Content-Digest")).to.equal(digest);
      await made.uninstall();
      expect(await inspectedImage(reference), "on the engine").to.equal(undefined);
    } finally {
      await registry.stop();
      await engineRemove("images", reference);
    }
  });
});
