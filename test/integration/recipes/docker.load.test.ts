import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { TestBuildout } from "../../../src/testing.js";
import { packFiles } from "../../../src/docker.js";
import { engineHas, engineRemove, engineRequest, familiarTags, uniqueName } from "../../support/engine.js";
import { type Answer, fakeEngine, handOn, lines, spoilt } from "../../support/fake-engine.js";
import { imageArchive, loadImage } from "../../support/images.js";
import { failing, imageBuildout, inspectedImage, installed } from "../../support/image-buildout.js";

const config = (options: string): string =>
  `[buildout]\nparts = loaded\n[loaded]\nrecipe = docker.load\n${options}\n`;

describe("docker.load", () => {
  let name: string;
  let made: TestBuildout;
  beforeEach(async () => {
    name = uniqueName("tsb-load");
    made = await imageBuildout({ config: config("file = image.tar.gz") });
    await archive("1");
  });
  afterEach(async () => {
    await made.uninstall().catch(() => undefined);
    await made.dispose();
    for (const image of [`${name}:1`, `${name}-own:2`]) await engineRemove("images", image);
  });
  const archive = async (label: string, image = `${name}:1`): Promise<void> =>
    await writeFile(
      join(made.directory, "image.tar.gz"),
      gzipSync(await imageArchive(image, { Labels: { label, name } })),
    );

  it("loads an archive, once, and takes away what it brought", async () => {
    const outputs = await installed(made, "loaded");
    const image = await inspectedImage(`${name}:1`);
    expect(outputs).to.include({ "image-id": image?.Id, image: `${name}:1`, images: `${name}:1` });
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.uninstall();
    expect(await engineHas(`/images/${image?.Id}/json`)).to.equal(false);
  });

  it("loads again when the file changes or the image is gone", async () => {
    const first = await installed(made, "loaded");
    await archive("2");
    const second = await installed(made, "loaded");
    expect(second["image-id"]).not.to.equal(first["image-id"]);
    expect(await engineHas(`/images/${first["image-id"]}/json`), "the replaced one").to.equal(false);
    await engineRemove("images", `${name}:1`);
    expect((await made.plan()).steps[0]?.reasons).to.deep.equal([`image ${name}:1 is gone`]);
    await installed(made, "loaded");
    expect(await engineHas(`/images/${name}:1/json`)).to.equal(true);
  });

  it("gives the image a name of the part's choice", async () => {
    await made.write(config(`file = image.tar.gz\nname = ${name}-own\ntag = 2`));
    expect(await installed(made, "loaded")).to.include({ image: `${name}-own:2` });
    expect(familiarTags((await inspectedImage(`${name}-own:2`))?.RepoTags)).to.have.members([
      `${name}:1`,
      `${name}-own:2`,
    ]);
    await made.uninstall();
    for (const image of [`${name}:1`, `${name}-own:2`])
      expect(await engineHas(`/images/${image}/json`)).to.equal(false);
  });

  it("leaves a tag that was there before, and one that is another image's by now", async () => {
    await loadImage(`${name}:1`, { Labels: { mine: name } });
    await installed(made, "loaded");
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`)).to.equal(true);
    await engineRemove("images", `${name}:1`);
    await installed(made, "loaded");
    await loadImage(`${name}:1`, { Labels: { other: name } });
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`)).to.equal(true);
    expect(made.log("loaded")).to.include(`image ${name}:1 is another one now: left as it is`);
  });

  it("leaves what somebody else has put under one of its names, with the name", async () => {
    await made.write(config(`file = image.tar.gz\nname = ${name}-own\ntag = 2`));
    await installed(made, "loaded");
    await loadImage(`${name}:1`, { Labels: { other: name } });
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`)).to.equal(true);
    expect(await engineHas(`/images/${name}-own:2/json`)).to.equal(false);
  });

  it("does not remove somebody else's image whose name a new load takes", async () => {
    await installed(made, "loaded");
    await loadImage(`${name}:1`, { Labels: { other: name } });
    const theirs = (await inspectedImage(`${name}:1`))?.Id;
    await archive("2");
    await installed(made, "loaded");
    expect((await inspectedImage(`${name}:1`))?.Id).not.to.equal(theirs);
    expect(await engineHas(`/images/${theirs}/json`)).to.equal(true);
    await engineRemove("images", theirs ?? "");
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`), "theirs from then on").to.equal(true);
  });

  it("says what is wrong with the file", async () => {
    await made.write(config("file = none.tar"));
    expect((await made.plan()).steps[0]?.notes).to.deep.equal([
      `would fail as things are: ${made.directory}/none.tar does not exist`,
    ]);
    expect(await failing(made)).to.equal(`image/no-file: ${made.directory}/none.tar does not exist`);
    await writeFile(join(made.directory, "none.tar"), "not a tar");
    expect(await failing(made)).to.equal(
      `image/not-archive: ${made.directory}/none.tar is not an archive of images, as docker save writes them\nnote: it has neither manifest.json nor index.json`,
    );
    const whole = await readFile(join(made.directory, "image.tar.gz"));
    await writeFile(join(made.directory, "none.tar"), whole.subarray(0, whole.length / 2));
    expect(await failing(made)).to.equal(
      `archive/broken: ${made.directory}/none.tar cannot be read: unexpected end of file`,
    );
    const tar = gunzipSync(whole);
    await writeFile(join(made.directory, "none.tar"), tar.subarray(0, tar.length / 2));
    expect(await failing(made)).to.equal(
      `archive/broken: ${made.directory}/none.tar cannot be read: Unexpected end of data`,
    );
    execFileSync("mkfifo", [join(made.directory, "pipe")]);
    await made.write(config("file = pipe"));
    expect(await failing(made)).to.equal(`image/no-file: ${made.directory}/pipe is not a file`);
    expect((await made.records()).size).to.equal(0);
  });

  for (const program of ["bzip2", "xz", "zstd"])
    it(`loads an archive that is packed by ${program}, whether or not the engine can unpack it`, async () => {
      const input = gunzipSync(await readFile(join(made.directory, "image.tar.gz")));
      await writeFile(
        join(made.directory, "image.tar"),
        execFileSync(program, ["-c"], { input, maxBuffer: 2 ** 26 }),
      );
      await made.write(config("file = image.tar"));
      expect(await installed(made, "loaded")).to.include({ images: `${name}:1` });
      expect(await engineHas(`/images/${name}:1/json`)).to.equal(true);
    });

  it("says that the archive's list of images is damaged", async () => {
    await made.write(config("file = none.tar"));
    for (const [file, content] of [
      ["manifest.json", "{bad"],
      ["manifest.json", "null"],
      ["manifest.json", '{"a":1}'],
      ["manifest.json", "[null]"],
      ["index.json", '{"manifests":5}'],
    ] as const) {
      const tar = packFiles([{ name: file, content: Buffer.from(content) }]);
      await writeFile(join(made.directory, "none.tar"), tar);
      expect(await failing(made), content).to.equal(
        `archive/broken: ${made.directory}/none.tar cannot be read: its list of images is damaged`,
      );
    }
  });

  it("names the image of an archive that has no name for it, and takes it away with that", async () => {
    await loadImage(`${name}:1`, { Labels: { nameless: name } });
    const id = (await inspectedImage(`${name}:1`))?.Id.replace(/^(sha256:)?/, "sha256:");
    const archive = await engineRequest({ path: `/images/${id}/get` });
    await engineRemove("images", `${name}:1`);
    await writeFile(join(made.directory, "nameless.tar"), archive.body);
    await made.write(config("file = nameless.tar"));
    expect(await failing(made)).to.contain("image/no-name: ");
    await made.write(config(`file = nameless.tar\nname = ${name}:1`));
    const outputs = await installed(made, "loaded");
    expect(outputs["images"]).to.equal(`${name}:1`);
    expect((await inspectedImage(`${name}:1`))?.Config.Labels).to.include({ nameless: name });
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.uninstall();
    expect(await engineHas(`/images/${outputs["image-id"]}/json`)).to.equal(false);
  });

  it("takes away what a load that failed has brought beside it, and what an archive has no more", async () => {
    let bad = false;
    const loading: Answer = (...call) => (bad ? spoilt("no space left on device") : handOn)(...call);
    const engine = await fakeEngine({ "POST /images/load": loading });
    const other = `${name}-other:1`;
    try {
      await made.write(config(`file = image.tar.gz\nengine-url = ${engine.url}`));
      await installed(made, "loaded");
      await archive("2", other);
      bad = true;
      expect(await failing(made)).to.equal("engine/stream-error: no space left on device");
      expect(await engineHas(`/images/${other}/json`)).to.equal(true);
      bad = false;
      await installed(made, "loaded");
      expect(await engineHas(`/images/${name}:1/json`), "no more in the archive").to.equal(false);
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      await made.uninstall();
      expect(await engineHas(`/images/${other}/json`)).to.equal(false);
    } finally {
      await engine.close();
      await engineRemove("images", other);
    }
  });

  it("takes back what a load that fails has begun", async () => {
    const said = "Error processing tar file(exit status 1): write /x: no space left on device";
    const engine = await fakeEngine({
      "POST /images/load": lines([{ errorDetail: { message: said }, error: said }]),
    });
    try {
      await made.write(config(`file = image.tar.gz\nengine-url = ${engine.url}`));
      expect(await failing(made)).to.equal(`engine/stream-error: ${said}`);
    } finally {
      await engine.close();
    }
    await made.write(config("file = image.tar.gz"));
    await installed(made, "loaded");
  });
});
