import { expect } from "chai";
import { openEcr } from "../../../../src/docker/ecr/client.js";
import { ecrLogin } from "../../../../src/docker/ecr/login.js";
import { ecrToken, forgetToken } from "../../../../src/docker/ecr/tokens.js";
import { startEcr, type Ecr } from "../../../support/ecr.js";
import { problemOf } from "../../../support/problem.js";

describe("tokens of ECR", () => {
  let aws: Ecr;
  beforeEach(async () => void (aws = await startEcr({ registry: false })));
  afterEach(async () => await aws.close());
  const ask = async (access: object = {}, env = aws.env) =>
    await problemOf(async () => await ecrToken(await openEcr(access, env)));

  it("are asked for once by any number of callers, and then remembered", async () => {
    const ecr = await openEcr({}, aws.env);
    const all = await Promise.all(Array.from({ length: 20 }, () => ecrToken(ecr)));
    await ecrToken(ecr);
    expect(new Set(all.map(({ password }) => password)).size).to.equal(1);
    expect(all[0]).to.include({ username: "AWS", host: aws.registry });
    expect(all[0]!.password).to.match(/^tok:en-/);
    expect(aws.takeActions()).to.deep.equal(["GetAuthorizationToken"]);
  });

  it("are kept apart by region and account", async () => {
    const here = await ecrToken(await openEcr({}, aws.env));
    const there = await ecrToken(await openEcr({ region: "eu-west-1" }, aws.env));
    expect(there.host)
      .to.equal(await aws.registryOf("eu-west-1"))
      .and.not.equal(here.host);
    expect(aws.calls.map(({ region }) => region)).to.deep.equal(["us-east-1", "eu-west-1"]);
    await ecrToken(await openEcr({ accountId: "210987654321" }, aws.env));
    expect(aws.calls[2]?.payload).to.deep.equal({ registryIds: ["210987654321"] });
  });

  it("are asked for anew when they have ended, or been refused", async () => {
    const brief = await startEcr({ registry: false, tokenSeconds: 0 });
    const ecr = await openEcr({}, brief.env);
    await ecrToken(ecr);
    await ecrToken(ecr);
    expect(brief.calls).to.have.length(2);
    await brief.close();

    const lasting = await openEcr({}, aws.env);
    const first = await ecrToken(lasting);
    forgetToken(lasting, first);
    expect((await ecrToken(lasting)).password).to.not.equal(first.password);
  });

  it("survive throttling and a server's failure by trying again", async () => {
    aws.fail("GetAuthorizationToken", { code: "ThrottlingException", times: 2 });
    const ecr = await openEcr({}, aws.env);
    await ecrToken(ecr);
    expect(aws.calls).to.have.length(3);
  });

  it("are not lost for the others when one who waits is aborted", async () => {
    const ecr = await openEcr({}, aws.env);
    const controller = new AbortController();
    const aborted = ecrToken(ecr, controller.signal).catch((error: Error) => error.message);
    const other = ecrToken(ecr);
    controller.abort(new Error("the part timed out"));
    expect(await aborted).to.equal("the part timed out");
    expect((await other).username).to.equal("AWS");
    expect(aws.calls).to.have.length(1);
  });

  it("open the registry that an emulator's control plane names, and no other", async () => {
    expect(await ecrLogin(aws.registry, { env: aws.env })).to.include({ username: "AWS" });
    expect(await ecrLogin("127.0.0.1:1", { env: aws.env })).to.equal(undefined);
    expect(await ecrLogin("docker.io", { env: aws.env })).to.equal(undefined);
    expect(await ecrLogin(aws.registry, { env: {} })).to.equal(undefined);
    expect(aws.calls).to.have.length(1);
  });

  it("are taken for the account and region of an AWS host", async () => {
    await ecrLogin("210987654321.dkr.ecr.eu-west-1.amazonaws.com", { env: aws.env });
    expect(aws.calls[0]).to.deep.include({ region: "eu-west-1", payload: { registryIds: ["210987654321"] } });
  });

  it("are taken in a role, when one is named", async () => {
    const roleArn = "arn:aws:iam::210987654321:role/push";
    await ecrToken(await openEcr({ roleArn }, aws.env));
    expect(
      aws.calls.map(({ action, accessKeyId, sessionToken }) => [action, accessKeyId, sessionToken]),
    ).to.deep.equal([
      ["AssumeRole", "AKIATEST", undefined],
      ["GetAuthorizationToken", "ASIAROLE", "role-session"],
    ]);
    expect(aws.calls[0]?.payload).to.include({ RoleArn: roleArn });
  });

  describe("that cannot be had", () => {
    it("for keys that AWS does not know", async () => {
      const keys = { accessKeyId: "AKIAOTHER", secretAccessKey: "x", sessionToken: "never-shown" };
      expect(await ask({ keys })).to.deep.equal({
        code: "ecr/bad-credentials",
        message:
          "AWS does not accept the credentials (UnrecognizedClientException from GetAuthorizationToken in us-east-1)",
        help: ["check the access key, the secret key and, for temporary keys, the session token"],
      });
    });

    it("with expired credentials", async () => {
      aws.fail("GetAuthorizationToken", { code: "ExpiredTokenException" });
      expect(await ask()).to.deep.equal({
        code: "ecr/credentials-expired",
        message: "the AWS credentials have expired",
        help: ["get new ones: aws sso login, a new session token, or a new run of the CI job"],
      });
    });

    it("for a reason that only AWS knows", async () => {
      aws.fail("GetAuthorizationToken", { code: "KmsException", message: "the key is disabled" });
      expect(await ask()).to.deep.equal({
        code: "ecr/failed",
        message: "GetAuthorizationToken failed in us-east-1: KmsException",
        notes: ["the key is disabled"],
      });
    });

    it("without permission", async () => {
      aws.fail("GetAuthorizationToken", { code: "AccessDeniedException" });
      expect(await ask()).to.deep.equal({
        code: "ecr/denied",
        message: "AWS denies ecr:GetAuthorizationToken in us-east-1",
        notes: [
          "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:GetAuthorizationToken",
        ],
        help: ["allow ecr:GetAuthorizationToken to the user or role whose credentials these are"],
      });
    });

    it("in a role that may not be assumed", async () => {
      aws.fail("AssumeRole", {
        code: "AccessDenied",
        status: 403,
        message: "not authorized to perform: sts:AssumeRole",
      });
      const problem = await ask({ roleArn: "arn:aws:iam::210987654321:role/none" });
      expect(problem).to.include({ code: "ecr/denied", message: "AWS denies sts:AssumeRole in us-east-1" });
    });

    it("without a region", async () => {
      const { AWS_REGION: _, ...env } = aws.env;
      expect(await ask({}, { ...env, AWS_CONFIG_FILE: "/nonexistent" })).to.deep.equal({
        code: "ecr/no-region",
        message: "it is not said which AWS region is meant",
        help: ['set the option "region", AWS_REGION, or a region in the AWS profile'],
      });
    });

    it("where nothing listens", async () => {
      const problem = await ask({ endpoint: "http://127.0.0.1:1", attempts: 1 });
      expect(problem).to.include({
        code: "ecr/unreachable",
        message: "ECR in region us-east-1 cannot be reached at http://127.0.0.1:1",
      });
    });
  });
});
