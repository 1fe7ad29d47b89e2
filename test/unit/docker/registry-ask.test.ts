import { expect } from "chai";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Credentials, EngineInfo, Problem } from "../../../src/docker.js";
import { askRegistry } from "../../../src/docker/registry-ask.js";
import { problemOf } from "../../support/problem.js";
import { makeCertificate } from "../../support/registry.js";
import { temporaryFolder } from "../../support/tmp.js";

const DIGEST = `sha256:${"d".repeat(64)}`;
const CONFIG = `sha256:${"c".repeat(64)}`;
const MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json";
/** Of an image for several platforms. */
const INDEX = '{"manifests":[]}';

type Env = Readonly<Record<string, string>>;

const engine = (insecureRegistries: readonly string[], env: Env = {}) => ({
  env,
  info: async () => await Promise.resolve({ insecureRegistries } as unknown as EngineInfo),
});

/** What is said of an image, or why nothing is, with these proxies. */
const through = async (reference: string, env: Env) =>
  await askRegistry(engine(["*.example"], env), { reference }).catch((error: Error) => error.message);

function* pieces(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(64 * 1024, " ");
}

/** A registry of one image, `app:1`, that answers those who show `authorization`. */
describe("a registry asked without an engine", () => {
  let server: http.Server;
  let host: string;
  let challenge: string;
  let authorization: string | undefined;
  let asked: string[];
  let accepted: string | undefined;
  /** Of what the server of tokens was sent. */
  let kind: string | undefined;
  /** What a proxy was asked for. */
  let tunnels: string[];
  let moved: Readonly<Record<string, string>>;
  let busy: boolean;
  /** Whether a question is left without an answer. */
  let silence: (url: string) => boolean;
  /** What the answer of the server of tokens calls one. */
  let tokenName: string;
  let page: boolean;
  /** Whether an answer has no end. */
  let endless: (url: string) => boolean;

  beforeEach(async () => {
    [challenge, authorization, asked, moved, busy, page] = ["", undefined, [], {}, false, false];
    [tunnels, tokenName, silence, endless] = [[], "token", () => false, () => false];
    server = http.createServer((request, response) => {
      const { method, url = "", headers } = request;
      asked.push(`${method} ${url} ${headers.authorization ?? "-"}`);
      accepted = headers.accept;
      if (silence(url)) return;
      if (endless(url))
        return void Readable.from(pieces())
          .on("error", () => undefined)
          .pipe(response);
      if (page && authorization === undefined) return void response.end("<html>welcome</html>");
      if (url.startsWith("/token")) return page ? void response.end("null") : token(request, response);
      if (busy) return void response.writeHead(429, { "retry-after": "1" }).end();
      const kept = url.startsWith("/kept");
      if (!kept && authorization !== undefined && headers.authorization !== authorization) {
        return void response.writeHead(401, { "www-authenticate": challenge }).end();
      }
      const location = moved[url];
      if (location !== undefined) return void response.writeHead(307, { location }).end();
      if (url === `/v2/app/manifests/${DIGEST}`) return void response.end(INDEX);
      if (!kept && url !== "/v2/app/manifests/1") return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": MEDIA_TYPE, "docker-content-digest": DIGEST });
      response.end(JSON.stringify({ config: { digest: CONFIG } }));
    });
    // As a proxy it leads to itself, to whichever host one wants to; TLS it does not speak.
    server.on("connect", ({ url = "" }: http.IncomingMessage, socket: Socket) => {
      tunnels.push(url);
      if (url.endsWith(":443")) socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      else {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.pipe(connect((server.address() as AddressInfo).port, "127.0.0.1")).pipe(socket);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => server.close());

  const token = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    let body = "";
    kind = request.headers["content-type"];
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      asked.push(body);
      response.end(JSON.stringify({ [tokenName]: "t0ken" }));
    });
  };
  const ask = async (name: string, credentials?: Partial<Credentials>, insecure = ["127.0.0.1"]) =>
    await askRegistry(engine(insecure), {
      reference: `${host}/${name}`,
      ...(credentials && { credentials: { serverAddress: host, origin: "options", ...credentials } }),
    });

  it("says what is under a tag, and that there is nothing", async () => {
    expect(await ask("app:1")).to.deep.equal({ digest: DIGEST, mediaType: MEDIA_TYPE, configDigest: CONFIG });
    expect(await ask("app")).to.equal(undefined);
    expect(asked[0]).to.equal("GET /v2/app/manifests/1 -");
  });

  it("is asked for any kind of image, so that none is turned into another with another digest", async () => {
    await ask("app:1");
    expect(accepted?.split(", ")).to.deep.equal([
      "application/vnd.oci.image.index.v1+json",
      MEDIA_TYPE,
      "application/vnd.docker.distribution.manifest.list.v2+json",
      "application/vnd.docker.distribution.manifest.v2+json",
    ]);
  });

  it("is not listened to for ever, nor is what gives its tokens", async () => {
    endless = (url) => url.startsWith("/v2/");
    const message = `the registry ${host} cannot be reached: Response content exceeded max size`;
    expect(await problemOf(() => ask("app:1"))).to.include({ code: "registry/failed", message });
    endless = (url) => url.startsWith("/token");
    [authorization, challenge] = ["Bearer x", `Bearer realm="http://${host}/token"`];
    expect(await problemOf(() => ask("app:1"))).to.include({ code: "registry/failed", message });
  });

  it("need not say the digest of what it answers, nor what kind it is", async () => {
    const digest = `sha256:${createHash("sha256").update(INDEX).digest("hex")}`;
    expect(await ask(`app:none@${DIGEST}`)).to.deep.equal({ digest, mediaType: "" });
  });

  it("is asked through the proxies of the environment", async () => {
    const proxy = `http://${host}`;
    for (const names of [
      { https_proxy: proxy, http_proxy: proxy },
      { HTTPS_PROXY: proxy, HTTP_PROXY: proxy },
      { HTTPS_PROXY: host, HTTP_PROXY: host },
      { ALL_PROXY: proxy },
    ]) {
      expect(await through("busybox", names)).to.match(/^the registry docker\.io cannot be reached: /);
      expect(await through("r.example/app:1", names)).to.include({ digest: DIGEST });
      expect(tunnels).to.deep.equal(["registry-1.docker.io:443", "r.example:443", "r.example:80"]);
      tunnels = [];
    }
    [challenge, authorization] = ['Bearer realm="http://tokens.example/token"', "Bearer t0ken"];
    expect(await through("r.example/app:1", { http_proxy: proxy, https_proxy: proxy })).to.be.an("object");
    expect(tunnels).to.include("tokens.example:80");
    tunnels = [];
    const [name = ""] = host.split(":");
    expect(await through(`${host}/app:1`, { https_proxy: proxy, no_proxy: name })).to.be.a("string");
    expect(tunnels).to.deep.equal([]);
  });

  it("is shown name and password where it wants them, and not before", async () => {
    challenge = 'Basic realm="test"';
    authorization = `Basic ${Buffer.from("ann:s3cret").toString("base64")}`;
    expect(await ask("app:1", { username: "ann", password: "s3cret" })).to.include({ digest: DIGEST });
    expect(asked).to.deep.equal(["GET /v2/app/manifests/1 -", `GET /v2/app/manifests/1 ${authorization}`]);
    expect(await problemOf(async () => await ask("app:1"))).to.deep.equal({
      code: "registry/denied",
      message: `the registry denies access to ${host}/app:1`,
      notes: ["the registry answered with HTTP status 401", "asked without a login"],
      help: ["log in (docker login), name a credential helper, or give username and password"],
    });
  });

  it("is shown a token from where it says", async () => {
    challenge = `Bearer realm="http://${host}/token",service="reg"`;
    authorization = "Bearer t0ken";
    const basic = `Basic ${Buffer.from("ann:s3cret").toString("base64")}`;
    const question = "service=reg&scope=repository%3Aapp%3Apull";
    expect(await ask("app:1", { username: "ann", password: "s3cret" })).to.include({ digest: DIGEST });
    expect(asked[1]).to.equal(`GET /token?${question} ${basic}`);
    asked = [];
    expect(await ask("app:1", { identityToken: "refresh" })).to.include({ digest: DIGEST });
    const form = "grant_type=refresh_token&client_id=tsbuildout&refresh_token=refresh";
    expect(asked.slice(1, 3)).to.deep.equal(["POST /token -", `${question}&${form}`]);
    expect(kind).to.equal("application/x-www-form-urlencoded");
  });

  it("is shown the token that one has, or one that is called otherwise", async () => {
    [challenge, authorization] = [`Bearer realm="http://${host}/token"`, "Bearer t0ken"];
    expect(await ask("app:1", { registryToken: "t0ken" })).to.include({ digest: DIGEST });
    expect(asked).to.deep.equal(["GET /v2/app/manifests/1 -", "GET /v2/app/manifests/1 Bearer t0ken"]);
    tokenName = "access_token";
    expect(await ask("app:1")).to.include({ digest: DIGEST });
    challenge = 'Bearer realm="nowhere"';
    expect(await problemOf(async () => await ask("app:1"))).to.include({ code: "registry/denied" });
  });

  it("is not waited for when the run is told to stop", async () => {
    for (const silent of ["/v2/app/manifests/1", "/token"]) {
      [challenge, authorization] = [`Bearer realm="http://${host}/token"`, "Bearer t0ken"];
      const stop = new AbortController();
      silence = (url) => url.startsWith(silent) && (stop.abort(new Error("stopped")), true);
      const credentials = { serverAddress: host, origin: "options", identityToken: "refresh" };
      for (const login of [undefined, credentials]) {
        const question = { reference: `${host}/app:1`, credentials: login, signal: stop.signal };
        const said = await askRegistry(engine(["127.0.0.1"]), question).catch(String);
        expect(said, silent).to.equal("Error: stopped");
      }
    }
  });

  it("has its certificate checked, unless the engine's settings call it insecure", async () => {
    const folder = await temporaryFolder();
    const cert = readFileSync(makeCertificate(folder));
    const key = readFileSync(join(folder, "key.pem"));
    const secure = https.createServer({ cert, key }, (_, response) => response.end(INDEX));
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    const reference = `127.0.0.1:${(secure.address() as AddressInfo).port}/app:1`;
    try {
      expect(await askRegistry(engine(["127.0.0.1"]), { reference })).to.be.an("object");
      const problem = (await problemOf(async () => await askRegistry(engine([]), { reference }))) as Problem;
      expect(problem.message).to.match(/cannot be reached: .*self-signed certificate/);
    } finally {
      secure.close();
    }
  });

  it("may have its manifests elsewhere, where nobody sees the authorization", async () => {
    const basic = `Basic ${Buffer.from("ann:s3cret").toString("base64")}`;
    const elsewhere = host.replace("127.0.0.1", "localhost");
    [challenge, authorization] = ['Basic realm="test"', basic];
    moved = { "/v2/app/manifests/moved": `http://${elsewhere}/kept?by=key` };
    expect(await ask("app:moved", { username: "ann", password: "s3cret" })).to.include({ digest: DIGEST });
    expect(asked).to.deep.equal([
      "GET /v2/app/manifests/moved -",
      `GET /v2/app/manifests/moved ${basic}`,
      "GET /kept?by=key -",
    ]);
  });

  it("says that it is asked too often", async () => {
    busy = true;
    expect(await problemOf(async () => await ask("app:1"))).to.deep.equal({
      code: "registry/failed",
      message: `${host}/app:1: the registry answered with HTTP status 429`,
      help: [
        "the registry limits how often it is asked: wait, or log in (docker login) where that gives more",
      ],
    });
  });

  it("may be a web server, or have one give its tokens", async () => {
    page = true;
    expect(await problemOf(async () => await ask("app:1"))).to.deep.equal({
      code: "registry/failed",
      message: `${host}/app:1: the registry's answer is no manifest`,
    });
    [authorization, challenge] = ["Bearer t0ken", `Bearer realm="http://${host}/token"`];
    expect(await problemOf(async () => await ask("app:1"))).to.include({ code: "registry/denied" });
  });

  it("is asked by HTTPS alone, unless the engine's settings call it insecure", async () => {
    for (const insecure of [["127.0.0.10"], ["127.0.0.2"], [`${host}1`], [`${host}/ap`], ["*.example"]]) {
      const problem = (await problemOf(async () => await ask("app:1", undefined, insecure))) as Problem;
      expect(problem.code, insecure[0]).to.equal("registry/failed");
      expect(problem.message).to.match(/^the registry 127\.0\.0\.1:\d+ cannot be reached: /);
    }
    for (const insecure of [host, `${host}/app`])
      expect(await ask("app:1", undefined, [insecure])).to.be.an("object");
    expect(asked).to.have.length(2);
  });
});
