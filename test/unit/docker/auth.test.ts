import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  credentialsFor,
  knownRegistries,
  registryAuth,
  registryConfig,
  serverAddress,
  type CredentialSources,
} from "../../../src/docker/auth.js";
import { proxyVariables } from "../../../src/docker/proxy-settings.js";
import { DockerError } from "../../../src/docker/errors.js";
import { asNobody } from "../../support/other-user.js";
import { contentOf } from "../../support/tmp.js";

const HUB = "https://index.docker.io/v1/";
const basic = (text: string): string => Buffer.from(text).toString("base64");

async function refusal(work: Promise<unknown>): Promise<DockerError["problem"]> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error.problem;
}

async function provider(): Promise<{ username: string; password: string }> {
  return await Promise.resolve({ username: "AWS", password: "provided" });
}

describe("registry credentials", () => {
  let home = "";
  const sources = (more: Partial<CredentialSources> = {}): CredentialSources => ({
    home,
    ...more,
    env: { PATH: `${join(home, "bin")}:/usr/bin:/bin`, ...more.env },
  });
  const config = async (value: unknown): Promise<void> => {
    await writeFile(
      join(home, ".docker", "config.json"),
      typeof value === "string" ? value : JSON.stringify(value),
    );
  };
  const helper = async (name: string, script: string): Promise<void> => {
    const path = join(home, "bin", `docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  };
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "tsb-auth-"));
    await mkdir(join(home, ".docker"));
    await mkdir(join(home, "bin"));
  });
  afterEach(async () => await rm(home, { recursive: true }));

  it("are none where nobody has any", async () => {
    expect(await credentialsFor("docker.io", sources())).to.equal(undefined);
    await config({ auths: { other: { auth: basic("u:p") }, "r.example": {} } });
    expect(await credentialsFor("r.example", sources())).to.equal(undefined);
  });

  it("are read without the NULs that old docker clients put behind a password", async () => {
    await config({ auths: { r: { auth: basic("u:p\0\0\0") } } });
    expect(await credentialsFor("r", sources())).to.include({ username: "u", password: "p" });
  });

  it("are none in a home that this user may not enter: sudo -u leaves HOME as it is", async () => {
    await config({ auths: { r: { auth: basic("u:p") } } });
    await chmod(home, 0);
    const found = await asNobody(async () => await credentialsFor("r", sources()));
    await chmod(home, 0o755);
    expect(found).to.equal(undefined);
  });

  it("come first from the options, which need both halves", async () => {
    await config({ auths: { r: { auth: basic("u:p") } } });
    const found = await credentialsFor("r", sources({ username: "me", password: "s:e" }));
    expect(found).to.deep.equal({ username: "me", password: "s:e", serverAddress: "r", origin: "options" });
    const problem = await refusal(credentialsFor("r", sources({ username: "me" })));
    expect(problem).to.deep.equal({
      code: "credentials/incomplete",
      message: "there is a username but no password",
      help: ["set password as well; or leave username away, and the logins of the docker CLI are used"],
      option: "username",
    });
    expect(await refusal(credentialsFor("r", sources({ password: "s3cret" })))).to.deep.equal({
      code: "credentials/incomplete",
      message: "there is a password but no username",
      help: ["set username as well; or leave password away, and the logins of the docker CLI are used"],
      option: "password",
    });
  });

  it("come from DOCKER_AUTH_CONFIG before the settings, for the hosts that it knows", async () => {
    await config({ auths: { a: { auth: basic("u:file") }, b: { auth: basic("u:file") } } });
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { a: { auth: basic("u:env") } } }) };
    expect((await credentialsFor("a", sources({ env })))?.password).to.equal("env");
    expect((await credentialsFor("b", sources({ env })))?.password).to.equal("file");
    for (const bad of ["{s3cret", '"s3cret"', "null"])
      expect(
        await refusal(credentialsFor("a", sources({ env: { DOCKER_AUTH_CONFIG: bad } }))),
        bad,
      ).to.deep.equal({
        code: "credentials/bad-config",
        message: "DOCKER_AUTH_CONFIG is not a JSON object",
      });
  });

  it("come from the host's helper, the store, the provider and the file, in this order", async () => {
    const auths = { r: { auth: basic("u:file") } };
    await helper("own", `cat >/dev/null; echo '{"Username":"u","Secret":"own"}'`);
    await helper("store", `cat >/dev/null; echo '{"Username":"u","Secret":"store"}'`);
    await helper("empty", `echo "credentials not found in native keychain"; exit 1`);
    const password = async (settings: object): Promise<string | undefined> => {
      await config(settings);
      return (await credentialsFor("r", sources({ provider })))?.password;
    };
    expect(await password({ auths, credsStore: "store", credHelpers: { r: "own" } })).to.equal("own");
    expect(await password({ auths, credsStore: "store", credHelpers: { other: "own" } })).to.equal("store");
    expect(await password({ auths, credsStore: "empty" })).to.equal("provided");
    await config({ auths, credsStore: "store", credHelpers: { r: "" } });
    expect(await credentialsFor("r", sources()), "no helper of its own: the file").to.deep.equal({
      username: "u",
      password: "file",
      serverAddress: "r",
      origin: join(home, ".docker/config.json"),
    });
  });

  it("are the stored ones where the provider fails, which is said where there are none", async () => {
    const failing = (error: Error) => sources({ provider: async () => await Promise.reject(error) });
    const noMeans = new DockerError({ code: "ecr/failed", message: "no AWS credentials" });
    expect(await refusal(credentialsFor("docker.io", failing(noMeans)))).to.equal(noMeans.problem);
    await config({ auths: { [HUB]: { auth: basic("u:file") } } });
    expect((await credentialsFor("docker.io", failing(noMeans)))?.password).to.equal("file");
    const stopped = await credentialsFor("docker.io", failing(new Error("stopped"))).catch(String);
    expect(stopped).to.equal("Error: stopped");
    expect(await credentialsFor("docker.io", sources({ provider }))).to.deep.equal({
      ...(await provider()),
      serverAddress: HUB,
      origin: "provider",
    });
  });

  it("hand the server's address to the helper, on its standard input", async () => {
    await helper("echo", `printf '{"Username":"%s","Secret":"x"}' "$1 $(cat)"`);
    await config({ credsStore: "echo" });
    expect((await credentialsFor("docker.io", sources()))?.username).to.equal(`get ${HUB}`);
    expect((await credentialsFor("h:5000", sources()))?.username).to.equal("get h:5000");
  });

  it("read an identity token from a helper and from the file", async () => {
    await helper("tok", `cat >/dev/null; echo '{"Username":"<token>","Secret":"abc"}'`);
    await config({ credHelpers: { r: "tok" }, auths: { s: { auth: basic("u:"), identitytoken: "def" } } });
    expect(await credentialsFor("r", sources())).to.deep.equal({
      identityToken: "abc",
      serverAddress: "r",
      origin: "docker-credential-tok",
    });
    expect((await credentialsFor("s", sources()))?.identityToken).to.equal("def");
  });

  it("find a registry under any spelling of its key", async () => {
    await config({
      auths: { "https://r.example/v2/": { auth: basic("u:p") }, "docker.io": { auth: basic("h:p") } },
    });
    expect((await credentialsFor("r.example", sources()))?.username).to.equal("u");
    const hub = await credentialsFor("docker.io", sources());
    expect(hub?.username).to.equal("h");
    expect(hub?.serverAddress).to.equal(HUB);
    expect(await knownRegistries(sources())).to.deep.equal(["docker.io", "r.example"]);
    for (const host of ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"])
      expect(serverAddress(host), host).to.equal(HUB);
  });

  it("find a registry's helper under any spelling of its key", async () => {
    await helper("own", `printf '{"Username":"%s","Secret":"x"}' "$(cat)"`);
    for (const [host, keys] of [
      ["docker.io", [HUB, "docker.io", "index.docker.io"]],
      ["r.example", ["r.example", "https://r.example/v2/"]],
    ] as const)
      for (const key of keys) {
        await config({ credHelpers: { other: "none", [key]: "own" } });
        expect((await credentialsFor(host, sources()))?.username, key).to.equal(serverAddress(host));
      }
    await config({ credHelpers: { "https://r.example": "none", "r.example": "own" } });
    expect((await credentialsFor("r.example", sources()))?.username, "its own key first").to.equal(
      "r.example",
    );
  });

  it("may be asked for by a build for every host that is named anywhere", async () => {
    await config({ auths: { file: {} }, credHelpers: { "https://helper/v1": "none" } });
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { env: {} } }) };
    expect(await knownRegistries(sources({ env }))).to.deep.equal(["env", "file", "helper"]);
  });

  it("are not waited for when a helper hangs, with whatever it has started", async () => {
    await config({ credHelpers: { r: "slow" } });
    await helper("slow", "echo $$ >&2; sleep 1000 & echo $! >$HOME/pid; wait");
    const abort = new AbortController();
    const asked = credentialsFor("r", sources({ env: { HOME: home }, signal: abort.signal }));
    const pid = Number(await contentOf(join(home, "pid")));
    abort.abort(new Error("enough"));
    try {
      expect(await asked.catch((error: Error) => error.message)).to.equal("enough");
    } finally {
      process.kill(pid);
    }
  });

  it("name a helper that was killed", async () => {
    await config({ credHelpers: { r: "gone" } });
    await helper("gone", "kill -9 $$");
    expect((await refusal(credentialsFor("r", sources()))).notes).to.deep.equal(["it was ended by SIGKILL"]);
    await helper("gone", "exit 3");
    expect((await refusal(credentialsFor("r", sources()))).notes).to.deep.equal(["exit code 3"]);
  });

  it("come from no program elsewhere than on the PATH, and are none without a secret", async () => {
    await mkdir(join(home, "bin/docker-credential-x"));
    await writeFile(join(home, "bin/elsewhere"), '#!/bin/sh\nprintf \'{"Username":"u","Secret":"x"}\'');
    await chmod(join(home, "bin/elsewhere"), 0o755);
    for (const name of [`x/../elsewhere`, `${home}/bin/elsewhere`, "x y"]) {
      await config({ credsStore: name });
      expect((await refusal(credentialsFor("r", sources()))).notes, name).to.deep.equal([
        "that is not the name of a helper",
      ]);
    }
    await config({ credsStore: "own" });
    await helper("own", `cat >/dev/null; echo '{"Username":"u","Secret":""}'`);
    expect(await credentialsFor("r", sources())).to.equal(undefined);
    await helper("own", `cat >/dev/null; echo '{"Secret":"x"}'`);
    expect(await credentialsFor("r", sources())).to.include({ username: "", password: "x" });
  });

  it("name a helper that is missing or fails, and keep its answer to themselves", async () => {
    await config({ credsStore: "gone" });
    expect(await refusal(credentialsFor("r", sources()))).to.deep.equal({
      code: "credentials/no-helper",
      message: "the credentials for r are with docker-credential-gone, which is not installed",
      help: ["install docker-credential-gone, or take it out of docker's config.json"],
    });
    await helper("gone", "echo 'the keychain is locked' >&2; exit 2");
    expect(await refusal(credentialsFor("r", sources()))).to.deep.equal({
      code: "credentials/helper-failed",
      message: "docker-credential-gone did not give the credentials for r",
      notes: ["the keychain is locked"],
    });
    await helper("gone", "cat >/dev/null; echo s3cret");
    const garbage = ["its answer is not a JSON object"];
    expect((await refusal(credentialsFor("r", sources()))).notes).to.deep.equal(garbage);
    for (const answer of ["null", '"s3cret"', ""]) {
      await helper("gone", `cat >/dev/null; echo '${answer}'`);
      expect((await refusal(credentialsFor("r", sources()))).notes, answer).to.deep.equal(garbage);
    }
    await helper("gone", `cat >/dev/null; echo '{"Username":"u","Secret":"s3cret"}'; exit 1`);
    expect((await refusal(credentialsFor("r", sources()))).notes).to.deep.equal(["exit code 1"]);
    for (const stream of ["1", "2"]) {
      await helper("gone", `head -c 20000000 /dev/zero >&${stream}; exit 1`);
      const { notes } = await refusal(credentialsFor("r", sources()));
      expect(notes, stream).to.deep.equal(["its answer does not end"]);
    }
  });

  it("stand beside proxies, which may be none, or be no text", async () => {
    for (const proxies of [undefined, null, 7, { default: null }, { default: { httpProxy: { a: 1 } } }]) {
      await config({ proxies });
      expect(await proxyVariables("unix:///e", sources()), JSON.stringify(proxies)).to.deep.equal({});
    }
    await config({ proxies: { default: { httpProxy: "http://p" }, "unix:///e": { noProxy: "a" } } });
    expect(await proxyVariables("unix:///e", sources())).to.deep.equal({ NO_PROXY: "a", no_proxy: "a" });
  });

  it("never quote settings that cannot be read", async () => {
    await config('{"auths": s3cret');
    const problem = await refusal(credentialsFor("r", sources()));
    expect(problem.message).to.equal(`${join(home, ".docker")}/config.json is not a JSON object`);
    await config({ auths: { r: { auth: 5 }, s: null } });
    for (const host of ["r", "s"]) expect(await credentialsFor(host, sources())).to.equal(undefined);
    await config({ auths: { r: { auth: basic("s3cret") } } });
    expect(JSON.stringify(await refusal(credentialsFor("r", sources())))).not.to.contain("s3cret");
  });

  it("look for the settings where DOCKER_CONFIG says", async () => {
    const folder = join(home, "elsewhere");
    await mkdir(folder);
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ auths: { r: { auth: basic("u:there") } } }),
    );
    expect((await credentialsFor("r", sources({ env: { DOCKER_CONFIG: folder } })))?.password).to.equal(
      "there",
    );
  });

  it("travel in URL-safe base64 with padding", () => {
    const one = { username: "??>>", password: "~~~~~", serverAddress: "r", origin: "options" };
    const header = registryAuth(one);
    expect(header).to.match(/^[\w-]+=*$/);
    expect(header.length % 4).to.equal(0);
    const decoded: unknown = JSON.parse(Buffer.from(header, "base64url").toString());
    expect(decoded).to.deep.equal({ username: "??>>", password: "~~~~~", serveraddress: "r" });
    expect(registryAuth(undefined)).to.equal("e30=");
    const tokens = { identityToken: "i", registryToken: "t", serverAddress: "r", origin: "file" };
    expect(JSON.parse(Buffer.from(registryAuth(tokens), "base64url").toString())).to.deep.equal({
      identitytoken: "i",
      registrytoken: "t",
      serveraddress: "r",
    });
    expect(JSON.parse(Buffer.from(registryConfig([one]), "base64url").toString())).to.have.all.keys("r");
  });
});
