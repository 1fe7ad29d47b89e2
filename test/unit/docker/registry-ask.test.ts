import { expect } from "chai";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Credentials, EngineInfo, Problem } from "../../../src/docker.js";
import { askRegistry } from "../../../src/docker/registry-ask.js";
import { problemOf } from "../../support/problem.js";

const DIGEST = `sha256:${"d".repeat(64)}`;
const CONFIG = `sha256:${"c".repeat(64)}`;
const MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** A registry of one image, `app:1`, that answers those who show `authorization`. */
describe("a registry asked without an engine", () => {
  let server: http.Server;
  let host: string;
  let challenge: string;
  let authorization: string | undefined;
  let asked: string[];
  let moved: Readonly<Record<string, string>>;
  let busy: boolean;
  let page: boolean;

  beforeEach(async () => {
    [challenge, authorization, asked, moved, busy, page] = ["", undefined, [], {}, false, false];
    server = http.createServer((request, response) => {
      const { method, url = "", headers } = request;
      asked.push(`${method} ${url} ${headers.authorization ?? "-"}`);
      if (page && authorization === undefined) return void response.end("<html>welcome</html>");
      if (url.startsWith("/token")) return page ? void response.end("null") : token(request, response);
      if (busy) return void response.writeHead(429, { "retry-after": "1" }).end();
      const kept = url.startsWith("/kept");
      if (!kept && authorization !== undefined && headers.authorization !== authorization) {
        return void response.writeHead(401, { "www-authenticate": challenge }).end();
      }
      const location = moved[url];
      if (location !== undefined) return void response.writeHead(307, { location }).end();
      if (!kept && url !== "/v2/app/manifests/1") return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": MEDIA_TYPE, "docker-content-digest": DIGEST });
      response.end(JSON.stringify({ config: { digest: CONFIG } }));
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => server.close());

  const token = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      asked.push(body);
      response.end(JSON.stringify({ token: "t0ken" }));
    });
  };
  const ask = async (name: string, credentials?: Partial<Credentials>, insecure = ["127.0.0.1"]) =>
    await askRegistry(
      {
        env: {},
        info: async () => await Promise.resolve({ insecureRegistries: insecure } as unknown as EngineInfo),
      },
      {
        reference: `${host}/${name}`,
        ...(credentials && { credentials: { serverAddress: host, origin: "options", ...credentials } }),
      },
    );

  it("says what is under a tag, and that there is nothing", async () => {
    expect(await ask("app:1")).to.deep.equal({ digest: DIGEST, mediaType: MEDIA_TYPE, configDigest: CONFIG });
    expect(await ask("app")).to.equal(undefined);
    expect(asked[0]).to.equal("GET /v2/app/manifests/1 -");
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
    for (const insecure of [["127.0.0.10"], [`${host}1`], [`${host}/ap`], ["*.example"]]) {
      const problem = (await problemOf(async () => await ask("app:1", undefined, insecure))) as Problem;
      expect(problem.code, insecure[0]).to.equal("registry/failed");
      expect(problem.message).to.match(/^the registry 127\.0\.0\.1:\d+ cannot be reached: /);
    }
    for (const insecure of [host, `${host}/app`])
      expect(await ask("app:1", undefined, [insecure])).to.be.an("object");
    expect(asked).to.have.length(2);
  });
});
