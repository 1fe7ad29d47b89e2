import { expect } from "chai";
import { testBuildout, type TestBuildout } from "tsbuildout/testing";
import { realBuildx } from "../../support/buildx.js";
import { startEcr, type Ecr } from "../../support/ecr.js";
import { engineHas, engineRemove, uniqueName } from "../../support/engine.js";
import { baseImage, ensureBaseImage, loadImage } from "../../support/images.js";

describe("a registry in ECR, without any configuration", () => {
  let aws: Ecr;
  let reference: string;
  let name: string;
  const made: TestBuildout[] = [];

  /** A repository with an image that the engine does not have. */
  beforeEach(async () => {
    aws = await startEcr();
    name = uniqueName("tsb-login");
    reference = `${aws.registry}/${name}:1`;
    await loadImage(`${name}:1`, { Labels: { name } });
    await run(`[part]\nrecipe = docker.ecr-push\nimage = ${name}:1\nlatest = false`);
    await engineRemove("images", `${name}:1`);
    expect(await engineHas(`/images/${reference}/json`)).to.equal(false);
  });
  afterEach(async () => {
    for (const buildout of made.splice(0)) {
      await buildout.uninstall();
      await buildout.dispose();
    }
    await aws.close();
  });

  async function run(part: string, env: Readonly<Record<string, string>> = aws.env): Promise<TestBuildout> {
    const config = `[buildout]\nparts = part\n${part}\n`;
    const buildout = await testBuildout({ config, env: { ...process.env, ...env } });
    made.push(buildout);
    const { parts } = await buildout.install();
    expect(parts.map(({ end, why = "" }) => `${end} ${why}`)).to.deep.equal([`done ${parts[0]?.why ?? ""}`]);
    return buildout;
  }

  it("is pulled from", async () => {
    const buildout = await run(`[part]\nrecipe = docker.pull\nname = ${reference}`);
    expect(await engineHas(`/images/${reference}/json`)).to.equal(true);
    expect(JSON.stringify(buildout.events)).to.not.include("tok:en");
  });

  it("is pushed to", async () => {
    await loadImage(`${aws.registry}/${name}:2`, { Labels: { name, version: "2" } });
    await run(`[part]\nrecipe = docker.push\nname = ${aws.registry}/${name}:2`);
    expect([...aws.repository(name)!.images.values()].flatMap(({ tags }) => [...tags])).to.deep.equal([
      "1",
      "2",
    ]);
    await engineRemove("images", `${aws.registry}/${name}:2`);
  });

  it("is built from", async () => {
    await run(
      `[part]\nrecipe = docker.build\nname = ${name}-built\nbuilder = classic\ndockerfile-inline =\n    FROM ${reference}\n    LABEL built=yes`,
    );
    expect(await engineHas(`/images/${name}-built:latest/json`)).to.equal(true);
    await engineRemove("images", reference);
  });

  it("is built from by buildx", async () => {
    const buildout = await run(
      `[part]\nrecipe = docker.build\nname = ${name}-built\nbuilder = buildx\ndockerfile-inline =\n    FROM ${reference}\n    LABEL built=yes`,
      { ...aws.env, ...(await realBuildx()) },
    );
    expect(buildout.log().join("\n")).to.include(`sharing credentials for ${aws.registry}`);
    expect(await engineHas(`/images/${name}-built:latest/json`)).to.equal(true);
    expect(JSON.stringify(buildout.events)).to.not.include("tok:en");
    await engineRemove("images", reference);
  });

  it("is pushed to by buildx", async () => {
    await ensureBaseImage();
    await run(
      `[part]\nrecipe = docker.build\nname = ${aws.registry}/${name}:3\nbuilder = buildx\noutput = type=registry\ndockerfile-inline = FROM ${baseImage}`,
      { ...aws.env, ...(await realBuildx()) },
    );
    const tags = [...aws.repository(name)!.images.values()].flatMap((image) => [...image.tags]);
    expect(tags).to.deep.equal(["1", "3"]);
  });

  it("is asked for one token, however many parts need it", async () => {
    const parts = Array.from(
      { length: 6 },
      (_, at) => `[p${at}]\nrecipe = docker.pull\nname = ${reference}\n`,
    );
    const config = `[buildout]\nparts = p0 p1 p2 p3 p4 p5\n${parts.join("")}`;
    const buildout = await testBuildout({ config, env: { ...process.env, ...aws.env } });
    made.push(buildout);
    aws.takeActions();
    await buildout.install({ jobs: 6 });
    expect(aws.takeActions().length).to.be.lessThan(2);
  });
});
