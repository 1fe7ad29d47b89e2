import { expect } from "chai";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { testBuildout, type TestBuildout } from "tsbuildout/testing";
import { tsbuildout } from "../../support/cli.js";
import { startEcr, type Ecr } from "../../support/ecr.js";
import { engineHas, uniqueName } from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { writeFiles } from "../../support/tmp.js";

const two = ["exclude = *-old"];

describe("docker.images", () => {
  const sha = "54b820607719a2ba8434cfb7b297cebfe5646ab5";
  const gitlab = {
    GITLAB_CI: "true",
    CI_COMMIT_SHA: sha,
    CI_COMMIT_BRANCH: "feature/x",
    CI_DEFAULT_BRANCH: "main",
  };
  let base: string;
  let id: string;
  let aws: Ecr;
  let registry: Registry;
  const made: TestBuildout[] = [];

  before(async () => {
    base = await ensureBaseImage();
    aws = await startEcr();
    registry = await startRegistry();
  });
  beforeEach(() => void (id = uniqueName("x")));
  afterEach(async () => {
    for (const buildout of made.splice(0)) {
      await buildout.uninstall();
      await buildout.dispose();
    }
  });
  after(async () => {
    await aws.close();
    await registry.stop();
  });

  /** `app` starts from `base`, which comes after it in the alphabet. */
  const open = async (lines: readonly string[], env: Readonly<Record<string, string>> = gitlab) => {
    const config = [
      "[buildout]",
      "parts = images",
      "[images]",
      "recipe = docker.images",
      "directory = images",
      "builder = classic",
      ...lines,
      "",
    ];
    const buildout = await testBuildout({
      config: config.join("\n"),
      env: { ...process.env, ...aws.env, ...env },
    });
    made.push(buildout);
    await writeFiles(join(buildout.directory, "images"), {
      [`${id}-app/Dockerfile`]: `FROM ${id}-base\nRUN true\n`,
      [`${id}-base/Dockerfile`]: `FROM ${base}\nARG COLOUR=none\nLABEL colour=$COLOUR\n`,
      [`${id}-old/Dockerfile`]: `FROM ${base}\n`,
      "docs/readme.md": "no image",
      ".git/Dockerfile": "FROM nothing",
    });
    return buildout;
  };
  const tags = (name: string) =>
    [...(aws.repository(name)?.images.values() ?? [])].flatMap((one) => [...one.tags]).sort();

  it("builds nothing anew where the checkout has been moved", async () => {
    const buildout = await open(two);
    expect((await buildout.install()).ok).to.equal(true);
    const moved = `${buildout.directory}-moved`;
    await rename(buildout.directory, moved);
    const { stdout, stderr } = await tsbuildout(["plan", `images.${id}-app`], { cwd: moved });
    await rename(moved, buildout.directory);
    expect(stdout, stderr).to.equal("2 unchanged\n");
  });

  it("makes a part of every subfolder with a Dockerfile, in the order in which they start from one another", async () => {
    const buildout = await open(two);
    const { steps } = await buildout.plan();
    expect(steps.map(({ part, recipe, action }) => `${action} ${part} ${recipe}`)).to.deep.equal([
      `install images.${id}-base docker.build`,
      `install images.${id}-app docker.build`,
      "install images docker.images",
    ]);
    expect((await buildout.install()).parts.filter(({ end }) => end === "failed")).to.deep.equal([]);
    expect(await engineHas(`/images/${id}-app:latest/json`)).to.equal(true);
    expect((await buildout.records()).get("images")?.outputs).to.include({
      parts: `images.${id}-app images.${id}-base`,
    });
    expect((await buildout.plan()).steps.map(({ action }) => action)).to.deep.equal(["none", "none", "none"]);
  });

  it("takes a section of a part's name for changes of that part", async () => {
    const buildout = await open([
      ...two,
      "labels = all=1",
      `[images.${id}-base]`,
      "build-args = COLOUR=green",
    ]);
    await buildout.install();
    const records = await buildout.records();
    expect(records.get(`images.${id}-base`)?.options).to.include({
      "build-args": "COLOUR=green",
      labels: "all=1",
    });
    expect(records.get(`images.${id}-app`)?.options).to.not.have.property("build-args");
  });

  it("removes what is gone from the folder, and builds what is new", async () => {
    const buildout = await open([]);
    await buildout.install();
    expect(await engineHas(`/images/${id}-old:latest/json`)).to.equal(true);
    await buildout.write(
      `[buildout]\nparts = images\n[images]\nrecipe = docker.images\ndirectory = images\nbuilder = classic\nexclude = *-old\n`,
    );
    await buildout.install();
    expect(await engineHas(`/images/${id}-old:latest/json`)).to.equal(false);
    expect(await engineHas(`/images/${id}-app:latest/json`)).to.equal(true);
  });

  it("publishes in ECR, under the tags of the commit", async () => {
    const buildout = await open([
      ...two,
      "push = ecr",
      "repository-prefix = team",
      "image-tag-mutability = MUTABLE",
    ]);
    expect((await buildout.install()).parts.filter(({ end }) => end === "failed")).to.deep.equal([]);
    expect(tags(`team/${id}-app`)).to.deep.equal([sha, "feature-x"]);
    expect(tags(`team/${id}-base`)).to.deep.equal([sha, "feature-x"]);
    expect((await buildout.records()).get("images")?.outputs).to.include({ tags: `feature-x ${sha}` });
    aws.takeActions();
    expect((await buildout.install()).parts.filter(({ end }) => end === "failed")).to.deep.equal([]);
    expect(aws.takeActions()).to.deep.equal(["BatchGetImage", "BatchGetImage"]);
  });

  it("gives latest on the default branch, and moves it to the next commit's image", async () => {
    const env = { ...gitlab, CI_COMMIT_BRANCH: "main" };
    const buildout = await open([...two, "push = ecr", "tags = latest short-sha stable"], env);
    await buildout.install();
    expect(tags(`${id}-app`)).to.deep.equal(["54b82060", "latest", "stable"]);
  });

  for (const push of ["registry", "ecr"])
    for (const word of ["latest", "semver"])
      it(`pushes nothing (${push}) where no tag comes of ${word}, and latest stays`, async () => {
        const where = push === "ecr" ? "team" : `${registry.host}/team`;
        const buildout = await open([
          ...two,
          `push = ${push}`,
          `repository-prefix = ${where}`,
          `tags = ${word}`,
        ]);
        expect((await buildout.install()).counts).to.include({ done: 3, failed: 0 });
        expect(tags(`team/${id}-app`)).to.deep.equal([]);
        const list = await fetch(`http://${registry.host}/v2/team/${id}-app/tags/list`);
        expect(list.status).to.equal(404);
      });

  it("publishes in a plain registry", async () => {
    const buildout = await open([...two, "push = registry", `repository-prefix = ${registry.host}/team`]);
    expect((await buildout.install()).parts.filter(({ end }) => end === "failed")).to.deep.equal([]);
    const list = await fetch(`http://${registry.host}/v2/team/${id}-app/tags/list`);
    expect(((await list.json()) as { tags: string[] }).tags.sort()).to.deep.equal([sha, "feature-x"]);
  });

  it("builds from another subfolder's image by its name in the registry", async () => {
    const buildout = await open([...two, "push = registry", `repository-prefix = ${registry.host}/team`]);
    await writeFiles(join(buildout.directory, "images"), {
      [`${id}-app/Dockerfile`]: `FROM ${registry.host}/team/${id}-base\n`,
    });
    const { steps } = await buildout.plan();
    expect(steps[0]?.part).to.equal(`images.${id}-base`);
    expect((await buildout.install()).parts.filter(({ end }) => end === "failed")).to.deep.equal([]);
  });

  const failure = async (lines: readonly string[], env = {}) => {
    const buildout = await open(lines, env);
    const error = await buildout.plan().catch((error: unknown) => error);
    return (error as { diagnostics: { code: string; message: string }[] }).diagnostics[0];
  };

  describe("says what is wrong", () => {
    it("with the folder", async () => {
      expect(await failure(["exclude = *"])).to.include({ code: "images/none" });
      const missing = await failure(["directory = none"].slice(1).concat("dockerfile = Containerfile"));
      expect(missing?.message).to.match(/^no subfolder of .*\/images has a Containerfile$/);
    });

    it("with tags that nobody knows", async () => {
      const env = { GIT_CEILING_DIRECTORIES: "/tmp" };
      expect(await failure([...two, "push = ecr", "tags = sha"], env)).to.include({
        code: "images/no-commit",
        message: "the tag sha cannot be made: neither a CI nor git says what is being built",
      });
      expect(await failure([...two, "push = ecr", "tags = a+b"], env)).to.include({
        code: "images/tag",
        message: '"a+b" is not a tag',
      });
    });
  });
});
