import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { TestBuildout } from "../../../src/testing.js";
import { type Ecr, startEcr } from "../../support/ecr.js";
import { engineHas, engineRemove, uniqueName } from "../../support/engine.js";
import { imageBuildouts, installed } from "../../support/image-buildout.js";
import { baseImage, ensureBaseImage, loadImage } from "../../support/images.js";
import { readmeBlock } from "../../support/originals.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { putImage, tagsIn } from "../../support/registry-content.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

/** Every example of the originals' READMEs that builds, pulls or pushes an image: as it stands there, or, where the original
 *  was no buildout, as the page about moving from it says. What differs is where registries and repositories are. */
describe("the examples of the originals: images", () => {
  let name: string;
  const buildout = imageBuildouts();
  before(async () => void (await ensureBaseImage()));
  beforeEach(() => void (name = uniqueName("tsb-original")));

  const installWith = async (config: string, assignments: string[], env = {}): Promise<TestBuildout> => {
    const part = /^\[(.*)\]/.exec(config)?.[1] ?? "";
    const made = await buildout({ config: `[buildout]\nparts = ${part}\n${config}`, env });
    const summary = await made.open(assignments).install({ report: (event) => made.events.push(event) });
    expect(summary.parts.map(({ end, why = "" }) => `${end} ${why}`)).to.deep.equal([
      "done not installed yet",
    ]);
    return made;
  };

  describe("dockeroo", () => {
    it("docker.build: a repository by git@", async () => {
      const folder = await temporaryFolder({ "work/Dockerfile": `FROM ${baseImage}\nLABEL from=git\n` });
      const git = (...args: string[]): void => {
        const identity = ["-c", "user.name=t", "-c", "user.email=t@t.test"];
        execFileSync("git", ["-C", join(folder, "work"), ...identity, ...args], { stdio: "ignore" });
      };
      git("init", "-q");
      git("add", "-A");
      git("commit", "-qm", "one");
      git("clone", "-q", "--bare", ".", join(folder, "ubuntu.git"));
      // The user's own git settings may send an address elsewhere.
      const instead = {
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: `url.file://${folder}/.insteadOf`,
        GIT_CONFIG_VALUE_0: "git@github.com:dockerfile/",
      };
      await installWith(readmeBlock(/^recipe = dockeroo:docker\.build/m), [`ubuntu:name=${name}`], instead);
      expect(await engineHas(`/images/${name}:latest/json`)).to.equal(true);
    });

    it("docker.pull", async () => {
      const registry = await startRegistry();
      try {
        await putImage(`${registry.host}/ubuntu:latest`);
        const example = readmeBlock(/^recipe = dockeroo:docker\.pull/m);
        await installWith(example, [`ubuntu:registry=${registry.host}`]);
        expect(await engineHas(`/images/${registry.host}/ubuntu:latest/json`)).to.equal(true);
      } finally {
        await registry.stop();
      }
    });

    it("docker.push: with name and password", async () => {
      const login = { username: "my_dockerhub_username", password: "my_dockerhub_password" };
      const registry = await startRegistry({ login });
      await loadImage(`${name}:latest`);
      try {
        const example = readmeBlock(/^recipe = dockeroo:docker\.push/m);
        const where = [`my_image_pull:image=${name}`, `my_image_pull:registry=${registry.host}`];
        const made = await installWith(example, where);
        expect(JSON.stringify(made.events)).not.to.contain(login.password);
        expect((await made.records()).get("my_image_pull")?.outputs["digest"]).to.match(/^sha256:/);
      } finally {
        await registry.stop();
        await engineRemove("images", `${name}:latest`);
      }
    });
  });

  describe("in ECR", () => {
    let aws: Ecr;
    beforeEach(async () => void (aws = await startEcr()));
    afterEach(async () => await aws.close());

    it("ecr-docker-ci: build, push and push_to_ecr", async () => {
      const registry: Registry = await startRegistry();
      const config = `[buildout]
parts = push publish
[image]
recipe = docker.build
tag = ${registry.host}/${name}:v0.1
[push]
recipe = docker.push
image = $<image:image>
[publish]
recipe = docker.ecr-push
image = image
aws_access_key_id = AKIATEST
aws_secret_access_key = SECRET
region_name = us-east-1
ecr_repo_name = company/image
tags = v0.1
`;
      try {
        const files = { Dockerfile: `FROM ${baseImage}\nLABEL name=${name}\n` };
        const made = await buildout({ config, env: aws.env, files });
        await installed(made, "publish");
        expect(await tagsIn(registry.host, name)).to.deep.equal(["v0.1"]);
        const there = [...(aws.repository("company/image")?.images.values() ?? [])];
        expect(there.flatMap(({ tags }) => [...tags]).sort()).to.deep.equal(["latest", "v0.1"]);
        expect((await made.install()).counts).to.include({ unchanged: 3 });
      } finally {
        await registry.stop();
      }
    });

    const dockerfile = `FROM ${baseImage} AS build-deps\nRUN echo "my expensive build step" > /step\nFROM build-deps\n`;
    const examples: Readonly<Record<string, readonly string[]>> = {
      "basic usage": [],
      "caching npm packages": ["cache-on = package-lock.json"],
      "another Dockerfile": ["dockerfile = my-dockerfile"],
      "a target step": ["target = build-deps"],
    };
    for (const [what, options] of Object.entries(examples))
      it(`docker-ecr-cache: ${what}`, async () => {
        const lines = [`name = ${name}`, "cache-repository = ecr:build-cache/app", ...options];
        const config = `[buildout]\nparts = deps\n[deps]\nrecipe = docker.build\n${lines.join("\n")}\n`;
        const hits: string[] = [];
        for (const machine of ["first", "second"]) {
          const made = await buildout({ config, env: aws.env });
          await writeFiles(made.directory, { "package-lock.json": "{}", "other.txt": "" });
          await writeFiles(made.directory, { Dockerfile: dockerfile, "my-dockerfile": dockerfile });
          hits.push(`${machine}: ${(await installed(made, "deps"))["cache-hit"]}`);
          await made.uninstall();
        }
        expect(hits).to.deep.equal(["first: false", "second: true"]);
      });
  });
});
