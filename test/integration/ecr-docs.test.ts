import { expect } from "chai";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { testBuildout } from "tsbuildout/testing";
import { projectFolder, tsbuildout } from "../support/cli.js";
import { startEcr, type Ecr } from "../support/ecr.js";
import { engineHas, engineJson, engineRemove } from "../support/engine.js";
import { baseImage, ensureBaseImage } from "../support/images.js";
import { startRegistry } from "../support/registry.js";
import { tagsIn } from "../support/registry-content.js";
import { imageWithPrograms } from "../support/stand-ins.js";
import { temporaryFolder, writeFiles } from "../support/tmp.js";
import { ecrDockerCiExample } from "../support/originals.js";

describe("the pages and examples about ECR", () => {
  let aws: Ecr;
  before(async () => void (aws = await startEcr()));
  after(async () => await aws.close());

  const gitlab = {
    GITLAB_CI: "true",
    CI_COMMIT_SHA: "54b8206",
    CI_COMMIT_BRANCH: "main",
    CI_DEFAULT_BRANCH: "main",
  };

  describe("migration pages", () => {
    const files = {
      Dockerfile: "FROM scratch\n",
      "ci.dockerfile": "FROM scratch AS build-deps\n",
      "example-image/Dockerfile": "FROM scratch\n",
      "package.json": '{"dependencies": {}}',
      "package-lock.json": "{}",
      "lifecycle.json": "{}",
    };
    for (const page of ["ecr-docker-ci", "buildkite-cache", "gitlab-kaniko"])
      it(`${page}: every job can be planned as it stands there`, async () => {
        const text = await readFile(join(projectFolder, `docs/migration-${page}.md`), "utf8");
        const jobs = [...text.matchAll(/^```ini\n([^]*?)^```$/gm)].map(([, job = ""]) => job);
        expect(jobs.length).to.be.greaterThan(0);
        for (const config of jobs) {
          const buildout = await testBuildout({ config, env: { ...process.env, ...aws.env, ...gitlab } });
          await writeFiles(buildout.directory, files);
          const { steps, warnings } = await buildout.plan();
          expect(warnings.map(({ message }) => message)).to.deep.equal([]);
          expect(steps.every(({ action }) => action === "install")).to.equal(true);
          await buildout.dispose();
        }
      });
  });

  it("ecr-docker-ci: what init writes builds, pushes and publishes", async () => {
    const registry = await startRegistry();
    const tag = `${registry.host}/test_docker_image:v0.1`;
    await ensureBaseImage();
    const cwd = await temporaryFolder({
      Dockerfile: `FROM ${baseImage}\n`,
      ".ecr-docker-ci.yml": ecrDockerCiExample(tag),
    });
    const run = async (...args: string[]) => await tsbuildout(args, { cwd, env: aws.env });
    try {
      expect((await run("init", "--from", "ecr-docker-ci")).code).to.equal(0);
      const { code, stdout, stderr } = await run("install");
      expect(code, stderr).to.equal(0);
      expect(stdout).to.contain("3 installed");
      expect(await tagsIn(registry.host, "test_docker_image")).to.deep.equal(["v0.1"]);
      const images = aws.repository("company/image", "us-west-2")!.images.values();
      expect([...images].flatMap(({ tags }) => [...tags])).to.deep.equal(["v0.1"]);
    } finally {
      await run("uninstall", "--all");
      await registry.stop();
    }
  });

  it("gitlab-kaniko: the job publishes under the tags that the original's README promises", async () => {
    const text = await readFile(join(projectFolder, "docs/migration-gitlab-kaniko.md"), "utf8");
    const [, config = ""] = /^```ini\n([^]*?)^```$/m.exec(text) ?? [];
    await ensureBaseImage();
    const sha = "54b820607719a2ba8434cfb7b297cebfe5646ab5";
    const pipeline = async (branch: string, slug: string, commit: string): Promise<string[]> => {
      const ci = {
        GITLAB_CI: "true",
        CI_COMMIT_SHA: commit,
        CI_COMMIT_BRANCH: branch,
        CI_COMMIT_REF_NAME: branch,
        CI_COMMIT_REF_SLUG: slug,
        CI_DEFAULT_BRANCH: "master",
      };
      // Runners are new each time.
      await using made = await testBuildout({
        config,
        env: { ...process.env, ...aws.env, ...ci },
        files: {
          "example-image/Dockerfile": `FROM ${baseImage}\nLABEL of=${commit}\n`,
          "cloudformation/repositories.yml": "",
          "lifecycle.json": '{"rules": []}',
        },
      });
      expect((await made.install()).ok, made.log().join("\n")).to.equal(true);
      await made.uninstall();
      const images = [...aws.repository("example-image")!.images.values()];
      return images.map(({ tags }) => [...tags].sort().join(" ")).sort();
    };
    expect(await pipeline("master", "master", sha)).to.deep.equal([`${sha} latest master`]);
    expect(await pipeline("My-Feature/Branch", "my-feature-branch", sha.replace("5", "6"))).to.deep.equal([
      `${sha} latest master`,
      `${sha.replace("5", "6")} my-feature-branch`,
    ]);
    expect(aws.repository("cloudformation")).to.equal(undefined);
  });

  it("init -c - shows its file and writes none", async () => {
    const cwd = await temporaryFolder({ "ci.yml": "Global: { actions: [push] }\nDocker: { tag: app }\n" });
    const shown = await tsbuildout(["init", "--from", "ecr-docker-ci", "ci.yml", "-c", "-"], { cwd });
    expect(shown).to.include({
      code: 0,
      stdout: "[buildout]\nparts = push\n\n[push]\nrecipe = docker.push\nimage = app\n",
    });
    expect(await readdir(cwd)).to.deep.equal(["ci.yml"]);
  });

  it("init knows no other files, and says where there is nothing to be done", async () => {
    const cwd = await temporaryFolder({ ".ecr-docker-ci.yml": "Docker: { tag: a }\n" });
    expect((await tsbuildout(["init", "--from", "buildkite"], { cwd })).stderr).to.equal(
      'error[usage/arguments]: --from takes compose, dockercise or ecr-docker-ci, not "buildkite"\n' +
        "   = help: docs/migration-bake.md, docs/migration-terraform.md and their like say how others are written by hand\n",
    );
    expect((await tsbuildout(["init", "--from", "ecr-docker-ci"], { cwd })).stderr).to.equal(
      "error[usage/arguments]: there is no action in .ecr-docker-ci.yml\n" +
        "   = help: the section Global names them: actions: [build, push, push_to_ecr]\n",
    );
  });

  it("buildkite-cache: the job runs as it stands there, on npm as in the plugin's README", async () => {
    const text = await readFile(join(projectFolder, "docs/migration-buildkite-cache.md"), "utf8");
    const [, config = ""] = /^```ini\n([^]*?)^```$/m.exec(text) ?? [];
    const npm = `case $1 in
install) mkdir -p node_modules/dep && echo "the internet" > node_modules/dep/index ;;
test) cat index.js node_modules/dep/index ;;
esac
`;
    await ensureBaseImage();
    await imageWithPrograms("tsb-node:8", { npm });
    const buildout = await testBuildout({
      config,
      env: { ...process.env, ...aws.env, NODE_ENV: "ci" },
      files: {
        "ci.dockerfile":
          "FROM tsb-node:8 AS build-deps\nWORKDIR /workdir\nCOPY package.json package-lock.json /workdir/\nRUN npm install\n",
        "package.json": '{"dependencies": {}}',
        "package-lock.json": "{}",
        "index.js": "the code\n",
      },
    });
    try {
      const unpulled = config.replace("[deps]\n", "[deps]\nskip-pull = true\n");
      for (const how of [config, unpulled.replace("$<deps:image-id>", "$<deps:image>")]) {
        await buildout.write(how);
        expect((await buildout.install()).ok, buildout.log().join("\n")).to.equal(true);
        expect(buildout.log().slice(-2)).to.deep.equal(["the code", "the internet"]);
        const cached = (await buildout.records()).get("deps")?.outputs["cache-image"];
        await buildout.uninstall();
        await engineRemove("images", cached!);
      }
      expect(buildout.log().join("\n")).to.contain("is there, not pulled");
    } finally {
      await buildout.uninstall();
      await buildout.dispose();
      await engineRemove("images", "tsb-node:8");
    }
  });

  /** A copy of an example, as on a machine of its own. */
  const example = async (name: string) => {
    const folder = await temporaryFolder();
    await cp(join(projectFolder, "examples", name), folder, { recursive: true });
    return async (...args: string[]) => {
      const { code, stdout, stderr } = await tsbuildout(["--plain", ...args], { cwd: folder, env: aws.env });
      return { code, output: stdout + stderr };
    };
  };

  it("examples/ecr builds, caches and publishes, and has nothing to do the second time", async () => {
    const run = await example("ecr");
    const plan = await run("plan");
    expect(plan.output).to.match(/cache miss: .*\/cache\/example-ecr-page:[0-9a-f]{32}/);
    const first = await run("install");
    expect(first.code, first.output).to.equal(0);
    expect(
      [...(aws.repository("examples/page")?.images.values() ?? [])].map(({ tags }) => [...tags].sort()),
    ).to.deep.equal([["1.0", "latest"]]);
    expect((await run("install")).output).to.include("2 unchanged");
    await run("uninstall", "--all");
    expect(await engineHas("/images/example-ecr-page:latest/json")).to.equal(false);

    // Another machine: the image is in the cache, and published.
    const again = await example("ecr");
    expect((await again("plan")).output).to.include("cache hit: ");
    const second = await again("install");
    expect(second.output).to.include("instead of building").and.to.include("up to date");
    await again("uninstall", "--all");
    expect(first.output + second.output)
      .to.not.include("tok:en")
      .and.not.include(aws.env["AWS_SECRET_ACCESS_KEY"]!);
  });

  it("examples/images-folder builds in the order of FROM, and publishes when it is asked to", async () => {
    const run = await example("images-folder");
    const first = await run("images:tags=1.0", "install");
    expect(first.code, first.output).to.equal(0);
    const { Config } = await engineJson<{ Config: { Labels: Record<string, string> } }>({
      path: "/images/example-tools:latest/json",
    });
    expect(Config.Labels).to.include({ flavour: "small", "org.opencontainers.image.vendor": "examples" });
    const published = await run("images:tags=1.0", "images:push=ecr", "install");
    expect(published.code, published.output).to.equal(0);
    expect(
      [...(aws.repository("examples/example-hello")?.images.values() ?? [])].flatMap(({ tags }) => [...tags]),
    ).to.deep.equal(["1.0"]);
    expect((await run("uninstall", "--all")).code).to.equal(0);
    for (const name of ["example-base", "example-hello", "example-tools"]) {
      expect(await engineHas(`/images/${name}:latest/json`), name).to.equal(false);
    }
  });
});
