import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { testBuildout, type TestBuildout } from "tsbuildout/testing";
import { startTsbuildout, tsbuildout } from "../../support/cli.js";
import { engineHas, engineJson, engineRemove, familiarTags, uniqueName } from "../../support/engine.js";
import { startEcr, type Ecr } from "../../support/ecr.js";
import { startRegistry } from "../../support/registry.js";
import { writeFiles } from "../../support/tmp.js";
import { loadImage } from "../../support/images.js";

/** The diagnostic of a run that fails. */
async function failure(made: TestBuildout) {
  made.events.length = 0;
  const { ok } = await made.install();
  expect(ok).to.equal(false);
  const event = made.events.find((event) => event.type === "diagnostic");
  return event?.type === "diagnostic" ? event.diagnostic : undefined;
}

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: (() => void) | undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open?.() };
}

async function outputs(made: TestBuildout) {
  return (await made.records()).get("push")?.outputs ?? {};
}

describe("docker.ecr-push", () => {
  let aws: Ecr;
  let image: string;
  let buildout: TestBuildout | undefined;

  before(() => void (image = `${uniqueName("tsb-ecr")}:1`));
  beforeEach(async () => {
    aws = await startEcr();
    await loadImage(image, { Labels: { image } });
  });
  afterEach(async () => {
    await buildout?.dispose();
    buildout = undefined;
    await aws.close();
    await engineRemove("images", image);
  });

  const open = async (lines: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const config = ["[buildout]", "parts = push", "[push]", "recipe = docker.ecr-push", ...lines].join("\n");
    buildout = await testBuildout({ config: `${config}\n`, env: { ...process.env, ...aws.env, ...env } });
    return buildout;
  };
  const options = (...lines: readonly string[]) => [`image = ${image}`, "repository = team/app", ...lines];
  const tags = (name = "team/app", region?: string) =>
    [...(aws.repository(name, region)?.images.values() ?? [])].flatMap((one) => [...one.tags]).sort();
  const pushes = () =>
    aws.registryRequests.filter(({ method, path }) => method === "PUT" && path.includes("/manifests/"));

  it("says that two parts take a tag from each other, unless one leaves it out", async () => {
    await loadImage(`${image}-also`, { Labels: { image, also: "1" } });
    const made = await open([
      ...options("tag = a"),
      `[also]\nrecipe = docker.ecr-push\n=> push\nimage = ${image}-also`,
      "repository = team/app\ntag = b\n[buildout]\nparts += also",
    ]);
    expect((await made.install()).ok).to.equal(true);
    const said = () =>
      made.events.flatMap((event) =>
        event.type === "diagnostic" ? [`${event.diagnostic.code}: ${event.diagnostic.message}`] : [],
      );
    expect(said()).to.deep.equal([
      `ecr/tag-twice: ${aws.registry}/team/app:latest is pushed by the part push, too: each takes it from the other`,
    ]);
    await made.write(
      (await readFile(join(made.directory, "buildout.cfg"), "utf8")).replace(
        "tag = b",
        "tag = b\nlatest = false",
      ),
    );
    made.events.length = 0;
    expect((await made.install()).ok).to.equal(true);
    expect((await made.install()).counts).to.include({ unchanged: 2 });
    expect(said()).to.deep.equal([]);
    await engineRemove("images", `${image}-also`);
  });

  it("makes the repository and pushes the image under its tags", async () => {
    const made = await open(
      options(
        "tags = 1.2 stable",
        "image-tag-mutability = mutable",
        "scan-on-push = true",
        "max-age-days = 30",
        "repository-tags = team=web",
      ),
    );
    const summary = await made.install();
    expect(summary.parts, JSON.stringify(summary.parts)).to.have.length(1);
    expect(tags()).to.deep.equal(["1.2", "latest", "stable"]);
    expect(aws.repository("team/app")).to.include({ scanOnPush: true, mutability: "MUTABLE" });
    expect(aws.repository("team/app")?.tags.get("team")).to.equal("web");
    expect(aws.repository("team/app")?.lifecycle).to.include('"countNumber":30');
    const told = await outputs(made);
    expect(told).to.include({
      "repository-uri": `${aws.registry}/team/app`,
      image: `${aws.registry}/team/app:1.2`,
      tags: "1.2 stable latest",
      regions: "us-east-1",
    });
    expect(aws.repository("team/app")?.images.has(told["digest"] ?? "")).to.equal(true);
    // The name that a push takes is gone from the engine again.
    const { RepoTags } = await engineJson<{ RepoTags: string[] }>({ path: `/images/${image}/json` });
    expect(familiarTags(RepoTags)).to.deep.equal([image]);
  });

  it("asks one question a repository where nothing has changed", async () => {
    const made = await open(options());
    await made.install();
    aws.takeActions();
    const before = pushes().length;
    expect((await made.plan()).steps.map(({ action }) => action)).to.deep.equal(["none"]);
    expect(aws.takeActions()).to.deep.equal(["BatchGetImage"]);
    await made.install();
    expect(aws.takeActions()).to.deep.equal(["BatchGetImage"]);
    expect(pushes()).to.have.length(before);
  });

  it("skips what the repository holds already, whoever pushed it", async () => {
    await (await open(options())).install();
    const before = pushes().length;
    await buildout!.dispose();
    const made = await open(options());
    await made.install();
    expect(pushes()).to.have.length(before);
    expect(made.log("push").join("\n")).to.include(
      `${aws.registry}/team/app: 1, latest are up to date in us-east-1`,
    );
    expect((await outputs(made))["digest"]).to.match(/^sha256:/);
  });

  it("pushes again when the image has changed, and when a tag is gone", async () => {
    const made = await open(options());
    await made.install();
    const first = (await outputs(made))["digest"];
    await loadImage(image, { Labels: { image, version: "2" } });
    await made.install();
    expect((await outputs(made))["digest"]).to.not.equal(first);
    aws.repository("team/app")?.images.clear();
    const plan = await made.plan();
    expect(JSON.stringify(plan.steps)).to.include("tag 1 is gone from team/app in us-east-1");
    await made.install();
    expect(tags()).to.deep.equal(["1", "latest"]);
  });

  it("publishes in several regions", async () => {
    const made = await open(options("region = us-east-1 eu-west-1", "latest = false"));
    await made.install();
    const there = await aws.registryOf("eu-west-1");
    expect(tags("team/app", "eu-west-1")).to.deep.equal(["1"]);
    expect(tags()).to.deep.equal(["1"]);
    expect((await outputs(made))["repository-uris"]).to.equal(`${aws.registry}/team/app\n${there}/team/app`);
  });

  it("publishes in the region of the environment, also where that is another one by now", async () => {
    const made = await open(options());
    const run = async (region: string) => {
      const env = { ...aws.env, AWS_REGION: region };
      const { stdout } = await tsbuildout(["--plain", "install"], { cwd: made.directory, env });
      return stdout;
    };
    await run("us-east-1");
    expect(await run("eu-west-1")).to.include("push: update (input region changed)");
    expect(tags("team/app", "eu-west-1")).to.deep.equal(["1", "latest"]);
    expect(await run("eu-west-1")).to.include("1 unchanged");
    expect(await run(""), "nobody says which").to.include("1 unchanged");
  });

  it("leaves latest alone in an immutable repository, and refuses to move a tag there", async () => {
    const made = await open(options("image-tag-mutability = IMMUTABLE"));
    await made.install();
    expect(tags()).to.deep.equal(["1"]);
    await loadImage(image, { Labels: { image, version: "2" } });
    const digest = (await outputs(made))["digest"];
    expect(await failure(made)).to.deep.include({
      code: "ecr/immutable-tag",
      message: 'repository "team/app" in us-east-1 is immutable, and its tag "1" is another image',
    });
    expect([...(aws.repository("team/app")?.images.keys() ?? [])]).to.deep.equal([digest]);
    await loadImage(image, { Labels: { image } });
    await made.install();
    expect(tags()).to.deep.equal(["1"]);
  });

  it("pushes to another registry than ECR's, of which ECR knows nothing, once", async () => {
    const registry = await startRegistry();
    try {
      const made = await open(options(`registry = ${registry.host}`, "tags = a b"));
      await made.install();
      expect(await outputs(made)).to.include({
        "repository-uri": `${registry.host}/team/app`,
        tags: "a b latest",
      });
      expect(tags()).to.deep.equal([]);
      expect((await made.plan()).steps.map(({ action }) => action)).to.deep.equal(["none"]);
      expect((await made.install()).counts.unchanged).to.equal(1);
    } finally {
      await registry.stop();
    }
  });

  it("keeps what was published when the part goes, unless keep = false is said", async () => {
    const made = await open(options("tags = a b"));
    await made.install();
    await made.uninstall();
    expect(tags()).to.deep.equal(["a", "b", "latest"]);
    await made.write(
      (await readFile(join(made.directory, "buildout.cfg"), "utf8")).replace(
        "tags = a b",
        "tags = a c\nkeep = false",
      ),
    );
    await made.install();
    await made.uninstall();
    // a, latest: the part did not push them, they were there.
    expect(tags()).to.deep.equal(["a", "b", "latest"]);
    expect(aws.repository("team/app")).to.not.equal(undefined);
  });

  it("takes back tags that are not asked for any more, under keep = false", async () => {
    const made = await open(options("tags = a b", "keep = false", "latest = false"));
    await made.install();
    await made.write(
      (await readFile(join(made.directory, "buildout.cfg"), "utf8")).replace("tags = a b", "tags = b c"),
    );
    await made.install();
    expect(tags()).to.deep.equal(["b", "c"]);
  });

  it("takes back no tag of somebody's that its own push did not reach, under keep = false", async () => {
    await (await open(options("tags = stable", "latest = false"))).install();
    await buildout!.dispose();
    const before = await open(options("tags = stable", "latest = false", "keep = false"));
    await before.install();
    await loadImage(image, { Labels: { image, another: "1" } });
    aws.onRegistryRequest = ({ method }) => {
      if (method !== "POST") return;
      aws.expireTokens();
      aws.fail("GetAuthorizationToken", { code: "ExpiredTokenException" });
    };
    expect((await failure(before))?.code, "an update").to.equal("ecr/credentials-expired");
    await before.uninstall();
    expect(tags()).to.deep.equal(["stable"]);
    await before.dispose();
    const made = await open(options("tags = stable", "latest = false", "keep = false"));
    expect((await failure(made))?.code, "an install").to.equal("ecr/credentials-expired");
    expect((await made.records()).size).to.equal(0);
    expect(tags()).to.deep.equal(["stable"]);
  });

  for (const made of ["app", "$<app:image>"])
    it(`pushes what its part has built (image = ${made}), also where another checkout builds under its name meanwhile`, async () => {
      const name = uniqueName("tsb-ecr-app");
      const buildout = await open([
        ...options(),
        `[app]\nrecipe = docker.build\nname = ${name}\ndockerfile-inline = FROM ${image}`,
        `[publish]\nrecipe = docker.ecr-push\nimage = ${made}\nrepository = team/built\n=> push app`,
        "[push]\n=> app\n[buildout]\nparts = publish",
      ]);
      let moved: Promise<void> | undefined;
      aws.onRegistryRequest = async () =>
        await (moved ??= loadImage(`${name}:latest`, { Labels: { other: "1" } }));
      try {
        expect((await buildout.install()).ok).to.equal(true);
        const built = (await buildout.records()).get("app")?.outputs["image-id"];
        const [[digest, pushed] = []] = aws.repository("team/built")?.images ?? [];
        const { config } = JSON.parse(pushed?.manifest ?? "{}") as { config: { digest: string } };
        // With containerd's store an image's id is its digest.
        expect([config.digest, digest]).to.include(built);
      } finally {
        await buildout.uninstall();
        await engineRemove("images", `${name}:latest`);
        // What has lost its own name keeps the one that it was pushed under.
        await engineRemove("images", `${aws.registry}/team/built:latest`);
      }
    });

  it("pushes nothing where the image that its part has built is gone, and another one has the name", async () => {
    const name = uniqueName("tsb-ecr-gone");
    const buildout = await open([
      ...options(),
      `[app]\nrecipe = docker.build\nname = ${name}\ndockerfile-inline = FROM ${image}\n  LABEL gone=1`,
      "[publish]\nrecipe = docker.ecr-push\nimage = app\nrepository = team/gone\n=> push app",
      "[push]\n=> app\n[buildout]\nparts = publish",
    ]);
    let moved: Promise<void> | undefined;
    const move = async (): Promise<void> => {
      await engineRemove("images", `${name}:latest`);
      await loadImage(`${name}:latest`, { Labels: { other: "1" } });
    };
    aws.onRegistryRequest = async () => await (moved ??= move());
    try {
      const { parts } = await buildout.install();
      expect(parts.find(({ part }) => part === "publish")?.why).to.equal(
        `image ${name}:latest is not the one that this buildout has made any more: somebody else has built under that name`,
      );
      expect([...(aws.repository("team/gone")?.images.keys() ?? [])]).to.deep.equal([]);
    } finally {
      await buildout.uninstall();
      await engineRemove("images", `${name}:latest`);
    }
  });

  it("gets a new token when one ends in the middle of a push", async () => {
    let uploads = 0;
    aws.onRegistryRequest = ({ method }) => {
      if (method === "POST" && uploads++ === 0) aws.expireTokens();
    };
    const made = await open(options());
    await made.install();
    expect(tags()).to.deep.equal(["1", "latest"]);
    expect(aws.calls.filter(({ action }) => action === "GetAuthorizationToken")).to.have.length(2);
  });

  it("says what to do where credentials have ended in the middle of a push", async () => {
    aws.onRegistryRequest = ({ method }) => {
      if (method !== "POST") return;
      aws.expireTokens();
      aws.fail("GetAuthorizationToken", { code: "ExpiredTokenException" });
    };
    expect(await failure(await open(options()))).to.include({ code: "ecr/credentials-expired" });
    expect(await engineHas(`/images/${aws.registry}/team/app:1/json`)).to.equal(false);
  });

  it("leaves nothing behind on the engine when it is interrupted, and goes on the next time", async () => {
    const uploading = gate();
    const held = gate();
    aws.onRegistryRequest = async ({ method }) => {
      if (method !== "POST") return;
      uploading.open();
      await held.opened;
    };
    const made = await open(options());
    const run = startTsbuildout(["--plain", "install"], { cwd: made.directory, env: aws.env });
    await uploading.opened;
    run.signal("SIGINT");
    const { code, stdout } = await run.done;
    expect(code, stdout).to.equal(130);
    const { RepoTags } = await engineJson<{ RepoTags: string[] }>({ path: `/images/${image}/json` });
    expect(familiarTags(RepoTags)).to.deep.equal([image]);
    aws.onRegistryRequest = () => {};
    // An engine keeps an upload that hangs, and later pushes of the layer wait for it.
    held.open();
    expect((await made.install()).ok).to.equal(true);
    expect(tags()).to.deep.equal(["1", "latest"]);
  });

  it("says which permission is missing", async () => {
    aws.fail("CreateRepository", { code: "AccessDeniedException" });
    expect(await failure(await open(options()))).to.include({
      code: "ecr/denied",
      message: 'AWS denies ecr:CreateRepository on repository "team/app" in us-east-1',
    });
  });

  it("warns, and goes on, where the lifecycle policy is denied", async () => {
    aws.fail("PutLifecyclePolicy", { code: "AccessDeniedException" });
    const made = await open(options("max-age-days = 3"));
    await made.install();
    expect(tags()).to.deep.equal(["1", "latest"]);
    expect(JSON.stringify(made.events)).to.include(
      'AWS denies ecr:PutLifecyclePolicy on repository \\"team/app\\" in us-east-1',
    );
  });

  it("needs neither permission to describe nor to look", async () => {
    await (await open(options())).install();
    await buildout!.dispose();
    await loadImage(image, { Labels: { image, version: "2" } });
    aws.fail("DescribeRepositories", { code: "AccessDeniedException" });
    aws.fail("BatchGetImage", { code: "AccessDeniedException", times: 1 });
    const made = await open(options());
    await made.install();
    expect((await outputs(made))["repository-uri"]).to.equal(`${aws.registry}/team/app`);
  });

  it("does not make a repository that it was told not to", async () => {
    expect(await failure(await open(options("create-repository = false")))).to.include({
      code: "ecr/no-repository",
      message: 'ECR in us-east-1 has no repository "team/app"',
    });
  });

  it("takes keys and a role from options, and keeps them to itself", async () => {
    const roleArn = "arn:aws:iam::210987654321:role/push";
    const lines = options(
      "aws_access_key_id = AKIATEST",
      "aws_secret_access_key = very-secret",
      "session-token = more-secret",
      `role-arn = ${roleArn}`,
      "region_name = us-east-1",
      "keep = false",
    );
    const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, AWS_REGION: ___, ...rest } = aws.env;
    buildout = await testBuildout({
      config: `[buildout]\nparts = push\n[push]\nrecipe = docker.ecr-push\n${lines.join("\n")}\n`,
      env: { ...rest, DOCKER_HOST: process.env["DOCKER_HOST"], PATH: process.env["PATH"] },
    });
    await buildout.install();
    expect(aws.calls[0]).to.include({
      action: "AssumeRole",
      accessKeyId: "AKIATEST",
      sessionToken: "more-secret",
    });
    expect(new Set(aws.calls.slice(1).map(({ accessKeyId }) => accessKeyId))).to.deep.equal(
      new Set(["ASIAROLE"]),
    );
    expect((await buildout.plan()).steps.map(({ action }) => action)).to.deep.equal(["none"]);
    // An uninstall goes by the record, which has only hashes of the keys.
    expect((await buildout.uninstall()).parts[0]).to.include({
      end: "failed",
      why: "the AWS keys with which push was published stood in the buildout file: secrets are not recorded, and without keys its tags are out of reach",
    });
    const told = buildout.events.findLast((event) => event.type === "diagnostic");
    if (told?.type !== "diagnostic") expect.fail("no failure was told");
    const { code, notes, help } = told.diagnostic;
    expect({ code, notes, help }).to.deep.equal({
      code: "ecr/no-credentials",
      notes: [`${aws.registry}/team/app: 1 latest`],
      help: [
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for temporary keys AWS_SESSION_TOKEN, too) or AWS_PROFILE, and run this again",
        "or leave the tags where they are: say keep = true, run install, then uninstall",
      ],
    });
    const state = await readFile(join(buildout.directory, ".installed.cfg"), "utf8");
    const everything = JSON.stringify(buildout.events) + state;
    for (const secret of ["very-secret", "more-secret", "tok:en", "AKIATEST"])
      expect(everything).to.not.include(secret);
  });

  it("takes the credentials and the region of a profile", async () => {
    const made = await open(options("profile = work"));
    await writeFiles(made.directory, {
      credentials: "[work]\naws_access_key_id = AKIATEST\naws_secret_access_key = profile-secret\n",
      config: "[profile work]\nregion = eu-west-1\n",
    });
    const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, AWS_REGION: ___, ...rest } = aws.env;
    const files = {
      AWS_SHARED_CREDENTIALS_FILE: join(made.directory, "credentials"),
      AWS_CONFIG_FILE: join(made.directory, "config"),
    };
    const run = startTsbuildout(["--plain", "install"], { cwd: made.directory, env: { ...rest, ...files } });
    const { code, stdout, stderr } = await run.done;
    expect(code, stderr).to.equal(0);
    expect(tags("team/app", "eu-west-1")).to.deep.equal(["1", "latest"]);
    expect(stdout + stderr).to.not.include("profile-secret");
  });

  it("works without a network where nothing has changed", async () => {
    const made = await open(options());
    await made.install();
    aws.takeActions();
    const offline = await made.open(["buildout:offline=true"]).install({ jobs: 1 });
    expect(offline.parts.filter((part) => "error" in part)).to.deep.equal([]);
    expect(aws.takeActions()).to.deep.equal([]);
  });
});
