import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadOptions } from "../../../src/recipes/docker.load.js";
import { saveOptions } from "../../../src/recipes/docker.save.js";
import { pullOptions } from "../../../src/recipes/pull-policy.js";
import { pushOptions } from "../../../src/recipes/push-options.js";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHas, engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { everyOption } from "../../support/every-option.js";
import { failing, imageBuildouts, installed } from "../../support/image-buildout.js";
import { imageArchive, loadImage, severalArchive } from "../../support/images.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { manifestIn, putImage, tagsIn } from "../../support/registry-content.js";

const login = { username: "ann", password: "correct-horse" };

type Checks = Readonly<Record<string, () => Promise<unknown>>>;

const here = async (image: string): Promise<boolean> => await engineHas(`/images/${image}/json`);

const NOT_THERE = /^image\/other-platform: .*\(linux\/s390x\)$/;

/** An image of a list with what is under its name. */
interface Listed {
  readonly RepoTags?: readonly string[];
  readonly Manifests?: readonly {
    readonly Available: boolean;
    readonly ImageData?: { readonly Platform: { readonly os: string; readonly architecture: string } };
  }[];
}

/** Whether the engine keeps images for several platforms under one name: in containerd's store. */
const keepsSeveral = async (): Promise<boolean> =>
  JSON.stringify(await engineJson({ path: "/info" })).includes("io.containerd.snapshotter");

const each = (options: object, checks: Checks): void => {
  for (const [option, check] of Object.entries(checks)) it(option, async () => void (await check()));
  everyOption(options, Object.keys(checks));
};

/** For every option of the recipes that bring images from and to somewhere, what is different with it. */
describe("docker.pull, docker.push, docker.load and docker.save: every option", () => {
  let registry: Registry;
  let closed: Registry;
  let name: string;
  const buildout = imageBuildouts();
  const held = new Set<string>();
  before(async () => {
    registry = await startRegistry();
    closed = await startRegistry({ login });
  });
  after(async () => {
    await registry.stop();
    await closed.stop();
  });
  beforeEach(() => void (name = uniqueName("tsb-transfer")));
  afterEach(async () => {
    for (const image of held) await engineRemove("images", image);
    held.clear();
  });

  /** A part `it` of a recipe; `NAME` and `HOST` stand for those of the test. */
  const config = (recipe: string, options: readonly string[]): string => {
    const lines = options.map((line) => line.replaceAll("NAME", name).replaceAll("HOST", registry.host));
    return `[buildout]\nparts = it\n[it]\nrecipe = docker.${recipe}\n${lines.join("\n")}\n`;
  };
  const part = async (recipe: string, ...options: string[]): Promise<TestBuildout> => {
    return await buildout({ config: config(recipe, options) });
  };
  const outputs = async (recipe: string, ...options: string[]): Promise<Readonly<Record<string, string>>> =>
    await installed(await part(recipe, ...options), "it");
  /** An image on the engine. */
  const have = async (tag: string, env = tag): Promise<void> => {
    held.add(`${name}:${tag}`);
    await loadImage(`${name}:${tag}`, { Env: [`IS=${env}`] });
  };
  const tagsThere = async (repository = name): Promise<string[]> => await tagsIn(registry.host, repository);
  /** Both halves of a login: without it, with it, and with a wrong one. */
  const asksWho = async (recipe: string): Promise<void> => {
    await have("1");
    const where = [`name = ${name}:1`, `registry = ${closed.host}`];
    const who = `username = ${login.username}`;
    if (recipe === "pull") {
      const pushed = await part("push", ...where, who, `password = ${login.password}`);
      await installed(pushed, "it");
      await pushed.uninstall();
    }
    expect(await failing(await part(recipe, ...where))).to.contain("note: asked without a login");
    const wrong = await part(recipe, ...where, who, "password = wrong-horse");
    expect(await failing(wrong)).to.contain("note: asked as ann (options)");
    expect((await outputs(recipe, ...where, who, `password = ${login.password}`))["reference"]).to.equal(
      `${closed.host}/${name}:1`,
    );
  };

  const there = async (...tags: string[]): Promise<void> => {
    for (const tag of tags) await putImage(`${registry.host}/${name}:${tag}`);
  };
  const load = async (...options: string[]): Promise<Readonly<Record<string, string>>> => {
    const made = await part("load", "file = image.tar", ...options);
    await writeFile(join(made.directory, "image.tar"), await imageArchive(`${name}:1`));
    return await installed(made, "it");
  };
  /** The names in the archive that a part writes. */
  const saved = async (...options: string[]): Promise<string[]> => {
    const made = await part("save", "file = image.tar", ...options);
    const { file = "" } = await installed(made, "it");
    const manifest = execFileSync("tar", ["-xOf", file, "manifest.json"], { encoding: "utf8" });
    return (JSON.parse(manifest) as { RepoTags: string[] }[]).flatMap(({ RepoTags }) => RepoTags).sort();
  };
  const PLATFORMS = ["linux/amd64", "linux/arm64"];
  /** A part that loads an archive of one image for several platforms. */
  const severalPart = async (...options: string[]): Promise<TestBuildout> => {
    const made = await part("load", "file = several.tar", ...options);
    await writeFile(join(made.directory, "several.tar"), await severalArchive(`${name}:1`, PLATFORMS));
    return made;
  };
  /** Those for which the engine has all of an image. */
  const platformsHere = async (image = `${name}:1`): Promise<string[]> => {
    const images = await engineJson<Listed[]>({ path: "/images/json?manifests=1" });
    const manifests = images.find(({ RepoTags }) => RepoTags?.includes(image))?.Manifests ?? [];
    return manifests.flatMap(({ Available, ImageData }) => {
      const { os = "", architecture = "" } = ImageData?.Platform ?? {};
      return Available ? [`${os}/${architecture}`] : [];
    });
  };
  const familiar = (tag: string): RegExp => new RegExp(`(^|/)${name}:${tag}$`);

  describe("docker.pull", () => {
    each(pullOptions, {
      name: async () => {
        await there("latest");
        expect(await outputs("pull", "name = HOST/NAME")).to.include({
          reference: `${registry.host}/${name}:latest`,
        });
        expect(await here(`${registry.host}/${name}:latest`)).to.equal(true);
      },
      tag: async () => {
        await there("1", "2");
        await outputs("pull", "name = HOST/NAME:1", "tag = 2");
        expect(await here(`${registry.host}/${name}:2`)).to.equal(true);
        expect(await here(`${registry.host}/${name}:1`)).to.equal(false);
      },
      registry: async () => {
        await there("1");
        await outputs("pull", "name = NAME:1", "registry = HOST");
        expect(await here(`${registry.host}/${name}:1`)).to.equal(true);
      },
      username: async () => await asksWho("pull"),
      password: async () => await asksWho("pull"),
      platform: async () => {
        const reference = `${registry.host}/${name}:1`;
        await putImage(reference, ["linux/amd64", "linux/arm64"]);
        await outputs("pull", `name = ${reference}`, "platform = linux/arm64");
        const { Architecture } = await engineJson<{ Architecture: string }>({
          path: `/images/${reference}/json`,
        });
        expect(Architecture).to.equal("arm64");
        const only = `${registry.host}/${name}:only`;
        await putImage(only);
        const none = await part("pull", `name = ${only}`, "platform = linux/arm64");
        expect(await failing(none)).to.equal(
          `image/other-platform: ${only} is an image for linux/amd64, and the registry has no other`,
        );
        expect(await here(only), "taken back").to.equal(false);
        // What is there under the name is for another platform: not what is asked for, even if nothing newer is.
        await outputs("pull", `name = ${reference}`, "platform = linux/amd64");
        const now = await engineJson<object>({ path: `/images/${reference}/json` });
        if (await keepsSeveral())
          expect(await platformsHere(reference)).to.deep.equal(["linux/amd64", "linux/arm64"]);
        else expect(now).to.include({ Architecture: "amd64" });
      },
      "all-tags": async () => {
        await there("1", "2");
        await outputs("pull", "name = HOST/NAME", "all-tags = true");
        for (const tag of ["1", "2"])
          expect(await here(`${registry.host}/${name}:${tag}`), tag).to.equal(true);
        const digest = `sha256:${"0".repeat(64)}`;
        const one = await part("pull", `name = HOST/NAME@${digest}`, "all-tags = true");
        expect(await one.install().catch(String)).to.contain("option/conflict: ");
      },
      "pull-policy": async () => {
        await there("1");
        const made = await part("pull");
        const counts = async (policy: string): Promise<unknown> => {
          await made.write(config("pull", ["name = HOST/NAME:1", `pull-policy = ${policy}`]));
          const { done, unchanged } = (await made.install()).counts;
          return { done, unchanged };
        };
        await counts("missing");
        expect(await counts("missing")).to.deep.equal({ done: 0, unchanged: 1 });
        await counts("newer");
        expect(await counts("newer")).to.deep.equal({ done: 0, unchanged: 1 });
        await putImage(`${registry.host}/${name}:1`, ["linux/amd64", "linux/arm64"]);
        expect(await counts("newer")).to.deep.equal({ done: 1, unchanged: 0 });
        await counts("daily");
        await counts("always");
        expect(await counts("always")).to.deep.equal({ done: 1, unchanged: 0 });
      },
    });
  });

  describe("docker.push", () => {
    beforeEach(async () => await have("1"));
    each(pushOptions, {
      name: async () => {
        await outputs("push", "name = NAME:1", "registry = HOST");
        expect(await tagsThere()).to.deep.equal(["1"]);
      },
      platform: async () => {
        const several = await keepsSeveral();
        if (several) await installed(await severalPart(), "it");
        const made = await part("push", "name = NAME:1", "registry = HOST", "platform = linux/amd64");
        const { digest } = await installed(made, "it");
        const manifest = await manifestIn(`${registry.host}/${name}:1`);
        expect(manifest).to.include({ digest });
        expect(manifest.content).to.have.property("config");
        expect((await made.install()).counts).to.include({ unchanged: 1 });
        if (!several) return;
        const none = await part("push", "name = NAME:1", "registry = HOST", "platform = linux/s390x");
        expect(await failing(none)).to.match(NOT_THERE);
      },
      tag: async () => {
        await have("2");
        await outputs("push", "name = NAME:1", "tag = 2", "registry = HOST");
        expect(await tagsThere()).to.deep.equal(["2"]);
      },
      tags: async () => {
        await outputs("push", "name = NAME:1", "tags = 1.0 stable", "registry = HOST");
        expect(await tagsThere()).to.deep.equal(["1", "1.0", "stable"]);
      },
      registry: async () => {
        const { image } = await outputs("push", "name = NAME:1", "registry = http://HOST/v2/");
        expect(image).to.match(new RegExp(`^${registry.host}/${name}@sha256:`));
      },
      repository: async () => {
        await outputs("push", "name = NAME:1", "registry = HOST", "repository = team/NAME");
        expect(await tagsThere(`team/${name}`)).to.deep.equal(["1"]);
        expect(await tagsThere()).to.deep.equal([]);
      },
      username: async () => {
        await asksWho("push");
        const who = [`username = ${login.username}`, `password = ${login.password}`];
        // The password is for the first name's registry alone.
        const two = await part(
          "push",
          "name = NAME:1",
          "registry = HOST",
          `tags = ${closed.host}/NAME:2`,
          ...who,
        );
        expect(await failing(two)).to.contain("note: asked without a login");
        expect(await tagsThere()).to.deep.equal(["1"]);
        const auths = { [closed.host]: { ...login } };
        const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
        const options = ["name = NAME:1", "registry = HOST", `tags = ${closed.host}/NAME:2`];
        await installed(await buildout({ config: config("push", options), env }), "it");
      },
      password: async () => await asksWho("push"),
      "all-tags": async () => {
        await have("2");
        await outputs("push", "name = NAME:1", "registry = HOST", "all-tags = true");
        expect(await tagsThere()).to.deep.equal(["1", "2"]);
      },
    });
  });

  describe("docker.load", () => {
    each(loadOptions, {
      file: async () => {
        await load();
        expect(await here(`${name}:1`)).to.equal(true);
      },
      name: async () => {
        expect((await load("name = NAME-own"))["image"]).to.equal(`${name}-own:latest`);
        expect(await here(`${name}-own:latest`)).to.equal(true);
      },
      tag: async () => {
        await load("name = NAME-own", "tag = 2");
        expect(await here(`${name}-own:2`)).to.equal(true);
      },
      platform: async () => {
        if (!(await keepsSeveral())) {
          await load("platform = linux/amd64");
          return;
        }
        // The engine takes its time to drop what was not asked for: what it has not is told at once.
        await installed(await severalPart("platform = linux/arm64"), "it");
        expect(await platformsHere()).to.include("linux/arm64");
        expect(await failing(await severalPart("platform = linux/s390x"))).to.match(NOT_THERE);
      },
    });
  });

  describe("docker.save", () => {
    beforeEach(async () => {
      await have("1");
      await have("2");
    });
    each(saveOptions, {
      name: async () => {
        const [only = "", ...others] = await saved("name = NAME:1");
        expect(only).to.match(familiar("1"));
        expect(others).to.deep.equal([]);
      },
      platform: async () => {
        if (!(await keepsSeveral())) {
          await saved("name = NAME:1", "platform = linux/amd64");
          return;
        }
        await installed(await severalPart(), "it");
        const made = await part("save", "file = image.tar", "name = NAME:1", "platform = linux/arm64");
        const { file = "" } = await installed(made, "it");
        await engineRemove("images", `${name}:1`);
        const again = await part("load", `file = ${file}`);
        await installed(again, "it");
        expect(await platformsHere()).to.deep.equal(["linux/arm64"]);
        const none = await part("save", "file = image.tar", "name = NAME:1", "platform = linux/s390x");
        expect(await failing(none)).to.match(NOT_THERE);
      },
      tag: async () => {
        const [only = ""] = await saved("name = NAME:1", "tag = 2");
        expect(only).to.match(familiar("2"));
      },
      images: async () => {
        const [one = "", two = ""] = await saved("name = NAME:1", "images = NAME:2");
        expect(one).to.match(familiar("1"));
        expect(two).to.match(familiar("2"));
      },
      file: async () => {
        const made = await part("save", "name = NAME:1", "file = here/image.tgz");
        await installed(made, "it");
        const packed = await readFile(join(made.directory, "here/image.tgz"));
        expect(packed.subarray(0, 2).toString("hex")).to.equal("1f8b");
      },
    });
  });
});
