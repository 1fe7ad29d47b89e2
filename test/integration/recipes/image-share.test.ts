import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { engineHas, engineRemove, uniqueName } from "../../support/engine.js";
import { imageBuildouts, inspectedImage, installed } from "../../support/image-buildout.js";
import { imageArchive, loadImage } from "../../support/images.js";

const SECTIONS = ["pulled", "loaded", "built"] as const;
type Section = (typeof SECTIONS)[number];

/** Parts that all have an image of one name; which of them are installed is up to the test. */
describe("two parts with one image", () => {
  const buildouts = imageBuildouts();
  let name: string;
  beforeEach(() => void (name = `${uniqueName("tsb-share")}:1`));
  afterEach(async () => await engineRemove("images", name));

  const config = (...parts: readonly Section[]): string => {
    const sections: Readonly<Record<Section, string>> = {
      pulled: `recipe = docker.pull\nname = ${name}`,
      loaded: "recipe = docker.load\nfile = image.tar",
      built: `recipe = docker.build\nname = ${name}\ndockerfile-inline =\n  FROM scratch\n  LABEL a=b`,
    };
    const all = parts.map((part) => `[${part}]\n${sections[part]}\n`).join("");
    return `[buildout]\nparts = ${parts.join(" ")}\n${all}`;
  };
  const begin = async (...parts: readonly Section[]) => {
    const made = await buildouts({ config: config(...parts) });
    await writeFile(join(made.directory, "image.tar"), await imageArchive(name));
    await installed(made, parts[0] ?? "");
    return made;
  };
  const isThere = async () => await engineHas(`/images/${name}/json`);

  for (const [first, second] of [
    ["loaded", "pulled"],
    ["built", "pulled"],
  ] as const)
    for (const stays of [first, second])
      it(`${first} and ${second}: the name stays for what was ${stays}, and goes with it`, async () => {
        const made = await begin(first);
        await made.write(config(first, second));
        await installed(made, second);
        const image = await inspectedImage(name);
        await made.write(config(stays));
        expect((await made.install()).ok).to.equal(true);
        expect((await inspectedImage(name))?.Id).to.equal(image?.Id);
        const gone = stays === first ? second : first;
        expect(made.log(gone)).to.include(`image ${name} stays: the part ${stays} has it, too`);
        expect((await made.install()).counts).to.include({ unchanged: 1 });
        await made.uninstall();
        expect(await isThere()).to.equal(false);
      });

  it("goes with both at once", async () => {
    const made = await begin("loaded");
    await made.write(config("loaded", "pulled"));
    await installed(made, "pulled");
    expect((await made.uninstall()).ok).to.equal(true);
    expect(await isThere()).to.equal(false);
  });

  it("is nobody's where it was there before", async () => {
    await loadImage(name);
    const made = await begin("pulled");
    await made.write(config("pulled", "loaded"));
    await installed(made, "loaded");
    await made.uninstall();
    expect(await isThere()).to.equal(true);
  });
});
