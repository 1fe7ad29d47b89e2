import { expect } from "chai";
import { openEcr, type Ecr as Client } from "../../../../src/docker/ecr/client.js";
import { imagesByTag, removeTags } from "../../../../src/docker/ecr/images.js";
import { createRepository, findRepository } from "../../../../src/docker/ecr/repository.js";
import { applySettings, expireAfter } from "../../../../src/docker/ecr/settings.js";
import type { Problem } from "../../../../src/docker/errors.js";
import { startEcr, type Ecr } from "../../../support/ecr.js";
import { problemOf } from "../../../support/problem.js";

describe("repositories of ECR", () => {
  let aws: Ecr;
  let ecr: Client;
  let warnings: string[];
  const warn = ({ code, message }: Problem) => void warnings.push(`${code}: ${message}`);
  beforeEach(async () => {
    aws = await startEcr({ registry: false });
    ecr = await openEcr({}, aws.env);
    warnings = [];
  });
  afterEach(async () => await aws.close());

  it("are made with their settings", async () => {
    const settings = { mutability: "IMMUTABLE", scanOnPush: true, encryption: "KMS", tags: { team: "web" } };
    const info = await createRepository(ecr, { repository: "team/app", settings, warn });
    expect(info).to.deep.equal({
      name: "team/app",
      arn: "arn:aws:ecr:us-east-1:123456789012:repository/team/app",
      accountId: "123456789012",
      uri: `${aws.registry}/team/app`,
      immutable: true,
      mutability: "IMMUTABLE",
      scanOnPush: true,
      encryption: "KMS",
    });
    expect(aws.repository("team/app")?.tags).to.deep.equal(new Map([["team", "web"]]));
    expect(await findRepository(ecr, { repository: "team/app" })).to.deep.equal(info);
    expect(await findRepository(ecr, { repository: "team/other" })).to.equal(undefined);
  });

  it("may have been made by somebody else in the meantime", async () => {
    const wish = { repository: "app", settings: {}, warn };
    const both = await Promise.all([createRepository(ecr, wish), createRepository(ecr, wish)]);
    expect(both[0]).to.deep.equal(both[1]);
  });

  it("are brought in line only where they differ", async () => {
    const info = await createRepository(ecr, { repository: "app", settings: {}, warn });
    aws.takeActions();
    const same = { mutability: "MUTABLE", scanOnPush: false, encryption: "AES256" };
    await applySettings(ecr, info, { repository: "app", settings: same, warn });
    expect(aws.takeActions()).to.deep.equal([]);

    const lifecycle = expireAfter(7);
    const settings = { mutability: "IMMUTABLE", scanOnPush: true, tags: { a: "1" }, policy: "{}", lifecycle };
    await applySettings(ecr, info, { repository: "app", settings, warn });
    const actions = [
      "PutImageTagMutability",
      "SetRepositoryPolicy",
      "PutImageScanningConfiguration",
      "TagResource",
      "PutLifecyclePolicy",
    ];
    expect(aws.takeActions()).to.deep.equal(actions);
    expect(aws.repository("app")).to.deep.include({
      mutability: "IMMUTABLE",
      scanOnPush: true,
      policy: "{}",
      lifecycle,
    });
    expect(JSON.parse(lifecycle).rules[0].selection.countNumber).to.equal(7);
    expect(warnings).to.deep.equal([]);
  });

  it("warn where a setting that they can do without is denied, and of an encryption that cannot change", async () => {
    const info = await createRepository(ecr, { repository: "app", settings: {}, warn });
    aws.fail("PutLifecyclePolicy", { code: "AccessDeniedException" });
    const settings = { lifecycle: expireAfter(7), encryption: "KMS" };
    await applySettings(ecr, info, { repository: "app", settings, warn });
    expect(warnings).to.deep.equal([
      'ecr/denied: AWS denies ecr:PutLifecyclePolicy on repository "app" in us-east-1',
      'ecr/encryption: repository "app" is encrypted with AES256, and ECR cannot change that',
    ]);
  });

  it("fail where immutability is denied", async () => {
    const info = await createRepository(ecr, { repository: "app", settings: {}, warn });
    aws.fail("PutImageTagMutability", { code: "AccessDeniedException" });
    const settings = { mutability: "IMMUTABLE" };
    const problem = await problemOf(
      async () => await applySettings(ecr, info, { repository: "app", settings, warn }),
    );
    expect(problem).to.include({ code: "ecr/denied" });
  });

  it("say what it takes to make one", async () => {
    aws.fail("CreateRepository", { code: "AccessDeniedException" });
    expect(
      await problemOf(async () => await createRepository(ecr, { repository: "app", settings: {}, warn })),
    ).to.deep.equal({
      code: "ecr/denied",
      message: 'AWS denies ecr:CreateRepository on repository "app" in us-east-1',
      notes: ["User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:CreateRepository"],
      help: [
        'allow ecr:CreateRepository, or create the repository "app" and say "create-repository = false"',
      ],
    });
  });

  it("name a repository that ECR forbids", async () => {
    const problem = await problemOf(
      async () => await createRepository(ecr, { repository: "App", settings: {}, warn }),
    );
    expect(problem).to.include({
      code: "ecr/invalid",
      message: 'ECR in us-east-1 refuses CreateRepository on repository "App"',
    });
  });

  it("tell that throttling did not end", async () => {
    aws.fail("DescribeRepositories", { code: "ThrottlingException" });
    const impatient = await openEcr({ attempts: 2 }, aws.env);
    expect(await problemOf(async () => await findRepository(impatient, { repository: "app" }))).to.include({
      code: "ecr/throttled",
      message: "ECR in us-east-1 still throttles DescribeRepositories after 2 attempts",
    });
    expect(aws.calls).to.have.length(2);
  });

  it("are asked in another way where an emulator knows one way only", async () => {
    await createRepository(ecr, { repository: "app", settings: {}, warn });
    aws.repository("app")!.images.set("sha256:1", {
      digest: "sha256:1",
      manifest: '{"config": {"digest": "sha256:c"}}',
      mediaType: "",
      size: 1,
      pushedAt: 0,
      tags: new Set(["1"]),
    });
    const wish = { repository: "app", tags: ["1", "2"] };
    expect(await imagesByTag(ecr, wish)).to.deep.equal(
      new Map([["1", { digest: "sha256:1", configDigest: "sha256:c" }]]),
    );
    aws.fail("BatchGetImage", { code: "UnknownOperationException" });
    expect(await imagesByTag(ecr, wish)).to.deep.equal(
      new Map([["1", { digest: "sha256:1", configDigest: undefined }]]),
    );
    expect(await imagesByTag(ecr, { repository: "none", tags: ["1"] })).to.equal(undefined);
  });

  it("hold nothing under a tag that is not there", async () => {
    expect(await imagesByTag(ecr, { repository: "app", tags: ["1"] })).to.equal(undefined);
    await createRepository(ecr, { repository: "app", settings: {}, warn });
    expect(await imagesByTag(ecr, { repository: "app", tags: ["1"] })).to.deep.equal(new Map());
    expect(await removeTags(ecr, { repository: "app", tags: ["1"] })).to.deep.equal(new Map());
    expect(await removeTags(ecr, { repository: "none", tags: ["1"] })).to.deep.equal(new Map());
  });
});
