import { expect } from "chai";
import { readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { settingsWithLogins } from "../../../src/docker/settings-copy.js";
import { temporaryFolder } from "../../support/tmp.js";

describe("settings of the docker CLI with further logins", () => {
  const login = { username: "AWS", password: "tok:en", serverAddress: "ecr.example", origin: "provider" };

  it("have the user's own besides, and go before a store for all hosts", async () => {
    const home = await temporaryFolder({
      ".docker/config.json": '{"credsStore": "pass", "auths": {"a.example": {}}, "currentContext": "x"}',
      ".docker/contexts/meta/x": "1",
    });
    const folder = await temporaryFolder();
    const env = await settingsWithLogins({ env: {}, home }, [login], folder);
    expect(env).to.deep.equal({ DOCKER_CONFIG: folder, BUILDX_CONFIG: join(home, ".docker/buildx") });
    expect(JSON.parse(await readFile(join(folder, "config.json"), "utf8"))).to.deep.equal({
      credsStore: "pass",
      currentContext: "x",
      auths: { "a.example": {}, "ecr.example": { auth: Buffer.from("AWS:tok:en").toString("base64") } },
      credHelpers: { "ecr.example": "" },
    });
    expect(await readlink(join(folder, "contexts"))).to.equal(join(home, ".docker/contexts"));
    expect((await stat(join(folder, "config.json"))).mode & 0o777).to.equal(0o600);
  });

  it("are made where the user has none", async () => {
    const at = { env: { BUILDX_CONFIG: "/b" }, home: "/nonexistent" };
    const env = await settingsWithLogins(at, [login], await temporaryFolder());
    expect(env["BUILDX_CONFIG"]).to.equal("/b");
  });
});
