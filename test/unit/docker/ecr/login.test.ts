import { expect } from "chai";
import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { credentialsFor } from "../../../../src/docker/auth.js";
import { startEcr, type Ecr } from "../../../support/ecr.js";
import { temporaryFolder } from "../../../support/tmp.js";

describe("the credentials of a registry in ECR", () => {
  let aws: Ecr;
  before(async () => void (aws = await startEcr({ registry: false })));
  after(async () => await aws.close());

  const sources = async (config: object, env: Readonly<Record<string, string>> = aws.env) => {
    const home = await temporaryFolder({ ".docker/config.json": JSON.stringify(config) });
    return { home, env: { PATH: process.env["PATH"], ...env } };
  };
  const auths = () => ({ [aws.registry]: { auth: Buffer.from("AWS:stale").toString("base64") } });

  it("are a token, without any configuration", async () => {
    const credentials = await credentialsFor(aws.registry, await sources({}));
    expect(credentials).to.include({ username: "AWS", serverAddress: aws.registry, origin: "provider" });
    expect(credentials?.password).to.match(/^tok:en-/);
  });

  it("are a token rather than a stored password, which may have ended", async () => {
    expect((await credentialsFor(aws.registry, await sources({ auths: auths() })))?.password).to.match(
      /^tok:en-/,
    );
  });

  it("are the stored password where AWS gives no token", async () => {
    const host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    const stored = { [host]: { auth: Buffer.from("AWS:stored").toString("base64") } };
    const env = { ...aws.env, AWS_ACCESS_KEY_ID: "AKIAOTHER" };
    expect(await credentialsFor(host, await sources({ auths: stored }, env))).to.include({
      password: "stored",
    });
  });

  it("come from the helper that is configured for it", async () => {
    const folder = await temporaryFolder({});
    const answer = JSON.stringify({ ServerURL: aws.registry, Username: "AWS", Secret: "from-helper" });
    await writeFile(
      join(folder, "docker-credential-ecr-login"),
      `#!/bin/sh\ncat >/dev/null\necho '${answer}'\n`,
      { mode: 0o755 },
    );
    aws.takeActions();
    const path = `${folder}:${process.env["PATH"]}`;
    const config = { credHelpers: { [aws.registry]: "ecr-login" } };
    const credentials = await credentialsFor(aws.registry, await sources(config, { ...aws.env, PATH: path }));
    expect(credentials).to.include({ username: "AWS", password: "from-helper" });
    expect(aws.takeActions()).to.deep.equal([]);
  });

  it("are none of ECR's business for another registry", async () => {
    expect(await credentialsFor("127.0.0.1:1", await sources({}))).to.equal(undefined);
  });
});
