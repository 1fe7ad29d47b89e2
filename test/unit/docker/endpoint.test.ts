import { createHash } from "node:crypto";
import { access, constants } from "node:fs/promises";
import http from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { parseUrl } from "../../../src/docker/address.js";
import { connect, engineFor } from "../../../src/docker/connect.js";
import { resolveEndpoint, type EngineChoice } from "../../../src/docker/endpoint.js";
import { DockerError, type Problem } from "../../../src/docker/errors.js";
import { sshArguments } from "../../../src/docker/ssh.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

type Env = Readonly<Record<string, string>>;

async function refusal(work: Promise<unknown>): Promise<Problem> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error.problem;
}

const idOf = (name: string): string => createHash("sha256").update(name).digest("hex");

/** A home with the contexts of a docker CLI in it: name -> host. */
async function homeWith(contexts: Env, more: Env = {}): Promise<string> {
  const files = Object.entries(contexts).map(([name, host]) => [
    `.docker/contexts/meta/${idOf(name)}/meta.json`,
    JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } }),
  ]);
  return await temporaryFolder({ ...(Object.fromEntries(files) as Env), ...more });
}

async function resolve(choice: EngineChoice, env: Env, home: string): Promise<string> {
  const { url, origin, address } = await resolveEndpoint(choice, { env, home });
  const tls =
    address.kind === "tcp" && address.tls ? ` (tls${address.tls.verify ? "" : ", unverified"})` : "";
  return `${url}${tls} by ${origin}`;
}

describe("which engine is meant", () => {
  const urls: readonly [text: string, url: string][] = [
    ["unix:///run/x.sock", "unix:///run/x.sock"],
    ["/run/x.sock", "unix:///run/x.sock"],
    ["unix://", "unix:///var/run/docker.sock"],
    ["tcp://h", "tcp://h:2375"],
    ["h:1234", "tcp://h:1234"],
    ["tcp://h:80", "tcp://h:80"],
    ["http://h:1234/prefix/", "http://h:1234/prefix"],
    ["https://h", "https://h:443"],
    ["tcp://[::1]:2375", "tcp://[::1]:2375"],
    ["ssh://h", "ssh://h"],
    ["ssh://me:secret@h:22/run/x.sock", "ssh://me@h:22/run/x.sock"],
  ];
  for (const [text, url] of urls) {
    it(`reads ${text}`, () => expect(parseUrl(text, "test").url).to.equal(url));
  }

  for (const text of [
    "ftp://h",
    "unix:/run/docker.sock",
    "tcp://",
    "tcp://h:99999999",
    "ssh://-oProxyCommand=x",
    "tcp://u:secret@h:x",
  ]) {
    it(`refuses ${text}`, () => {
      const refused = expect(() => parseUrl(text, "DOCKER_HOST")).to.throw(DockerError);
      refused.with.nested.property("problem.code", "engine/bad-url");
      expect(() => parseUrl(text, "DOCKER_HOST")).not.to.throw(/secret/);
    });
  }

  it("is decided by the options, DOCKER_HOST, DOCKER_CONTEXT, the current context, the default socket", async () => {
    const home = await homeWith(
      { one: "tcp://one:1", two: "tcp://two:2" },
      { ".docker/config.json": '{"currentContext":"two"}' },
    );
    const env = { DOCKER_HOST: "tcp://env:3", DOCKER_CONTEXT: "one" };
    expect(await resolve({ url: "tcp://opt:4" }, env, home)).to.equal("tcp://opt:4 by option engine-url");
    expect(await resolve({ context: "two" }, env, home)).to.equal("tcp://two:2 by context two");
    expect(await resolve({ machineName: "two" }, env, home)).to.equal(
      "tcp://two:2 by machine-name two (a context)",
    );
    expect(await resolve({}, env, home)).to.equal("tcp://env:3 by DOCKER_HOST");
    expect(await resolve({}, { DOCKER_CONTEXT: "one" }, home)).to.equal(
      "tcp://one:1 by context one (DOCKER_CONTEXT)",
    );
    expect(await resolve({}, {}, home)).to.equal(
      "tcp://two:2 by context two (currentContext of config.json)",
    );
    expect(await resolve({ context: "default" }, env, home)).to.equal(
      "tcp://env:3 by DOCKER_HOST (context default)",
    );
    const bare = await temporaryFolder();
    expect(await resolve({}, {}, bare)).to.be.oneOf([
      "unix:///var/run/docker.sock by default socket",
      "unix:///run/podman/podman.sock by podman's socket",
    ]);
  });

  it("is the rootless engine where there is no other socket, of Docker rather than podman", async () => {
    const runtime = await temporaryFolder({ "podman/.keep": "" });
    const servers: Server[] = [];
    const found = async (socket: string): Promise<string> => {
      const server = createServer();
      servers.push(server);
      await new Promise<void>((done) => server.listen(join(runtime, socket), done));
      return await resolve({}, { XDG_RUNTIME_DIR: runtime }, runtime);
    };
    // A machine that has an engine of its own has that one.
    const theSystems = await access("/var/run/docker.sock", constants.R_OK | constants.W_OK).then(
      () => "unix:///var/run/docker.sock by default socket",
      () => undefined,
    );
    expect(await found("podman/podman.sock")).to.equal(
      theSystems ?? `unix://${runtime}/podman/podman.sock by rootless podman's socket`,
    );
    expect(await found("docker.sock")).to.equal(
      theSystems ?? `unix://${runtime}/docker.sock by rootless socket`,
    );
    for (const server of servers) server.close();
  });

  it("is not decided by two options at once", async () => {
    expect(await refusal(resolve({ url: "tcp://a", context: "b" }, {}, "/"))).to.deep.equal({
      code: "engine/ambiguous",
      message: "engine-url and context both say which engine is meant",
      help: ["give one of them"],
      option: "context",
    });
  });

  it("takes certificates from the option, DOCKER_CERT_PATH or the settings, and verifies unless told not to", async () => {
    const pems = { "ca.pem": "ca", "cert.pem": "cert", "key.pem": "key" };
    const certs = await temporaryFolder(pems);
    const home = await temporaryFolder();
    const tls = (choice: EngineChoice, env: Env): Promise<string> =>
      resolve({ url: "tcp://h:1", ...choice }, env, home);
    expect(await tls({}, {})).to.equal("tcp://h:1 by option engine-url");
    expect(await tls({ tlsCertPath: certs }, {})).to.equal("tcp://h:1 (tls) by option engine-url");
    expect(await tls({ tlsVerify: false }, {})).to.equal("tcp://h:1 (tls, unverified) by option engine-url");
    expect(await tls({}, { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certs })).to.contain("(tls)");
    expect(await tls({}, { DOCKER_CERT_PATH: certs })).not.to.contain("tls");
    expect(await refusal(tls({ tlsCertPath: home }, {}))).to.deep.equal({
      code: "engine/no-certificates",
      message: `${home} (engine-tls-cert-path) has none of ca.pem, cert.pem and key.pem`,
      option: "engine-tls-cert-path",
    });
    await writeFiles(home, { "half/cert.pem": "cert" });
    expect((await refusal(tls({ tlsCertPath: join(home, "half") }, {}))).message).to.equal(
      `${join(home, "half")} has cert.pem but no key.pem`,
    );
  });

  it("takes a context's own certificates", async () => {
    const home = await homeWith({ c: "tcp://h:2376" });
    await writeFiles(home, { [`.docker/contexts/tls/${idOf("c")}/docker/ca.pem`]: "ca" });
    const { address } = await resolveEndpoint(
      { context: "c" },
      { env: { DOCKER_CERT_PATH: "/nowhere" }, home },
    );
    expect(address).to.deep.equal({
      kind: "tcp",
      host: "h",
      port: 2376,
      tls: { verify: true, ca: Buffer.from("ca") },
    });
  });

  it("names the contexts that there are", async () => {
    const home = await homeWith({ b: "tcp://b", a: "tcp://a" });
    expect(await refusal(resolve({ context: "c" }, {}, home))).to.deep.equal({
      code: "engine/no-context",
      message: 'there is no docker context "c"',
      notes: ["asked for by context c", `looked in ${home}/.docker/contexts`],
      help: ["contexts there: a, b"],
      option: "context",
    });
  });

  it("may be a machine of docker-machine", async () => {
    const auth = {
      CaCertPath: "/gone/ca.pem",
      ClientCertPath: "/gone/cert.pem",
      ClientKeyPath: "/gone/key.pem",
    };
    const config = JSON.stringify({
      Driver: { IPAddress: "203.0.113.7" },
      HostOptions: { AuthOptions: auth },
    });
    const home = await temporaryFolder({
      ".docker/machine/machines/m/config.json": config,
      ".docker/machine/machines/m/ca.pem": "ca",
      ".docker/machine/machines/empty/config.json": "{}",
    });
    const found = await resolve({ machineName: "m" }, {}, home);
    expect(found).to.equal("tcp://203.0.113.7:2376 (tls) by machine-name m");
    expect((await refusal(resolve({ machineName: "empty" }, {}, home))).message).to.equal(
      `docker-machine's record of "empty" has no address`,
    );
    expect(await refusal(resolve({ machineName: "x" }, {}, home))).to.deep.equal({
      code: "engine/no-machine",
      message: 'there is neither a docker context nor a docker-machine machine "x"',
      notes: [`looked for ${home}/.docker/machine/machines/x/config.json`],
      help: ["make a context of that name: docker context create x --docker host=…"],
      option: "machine-name",
    });
  });

  it("is dialled through the system's ssh, whose options no host name can add to", () => {
    const { address } = parseUrl("ssh://me@h:2222/run/x.sock", "test");
    if (address.kind !== "ssh") throw new Error("not ssh");
    expect(sshArguments(address).join(" ")).to.equal(
      "-l me -p 2222 -o ConnectTimeout=30 -T -- h docker --host unix:///run/x.sock system dial-stdio",
    );
  });
});

async function unreachable(url: string): Promise<Problem> {
  return await refusal(connect({ url }, { env: {}, home: "/" }));
}

describe("an engine that cannot be reached", () => {
  it("is named with what named it and why", async () => {
    expect(await unreachable("unix:///nonexistent/docker.sock")).to.deep.equal({
      code: "engine/unreachable",
      message: "cannot reach the Docker engine at unix:///nonexistent/docker.sock (option engine-url)",
      notes: ["there is no such socket"],
      help: ["is the Docker engine running? Another one is named by engine-url, context or DOCKER_HOST"],
      option: "engine-url",
    });
    expect((await unreachable("tcp://127.0.0.1:1")).notes).to.deep.equal(["nobody listens there"]);
    expect((await unreachable("tcp://no.such.host.invalid:1")).notes?.[0]).to.match(
      /^there is no host|^the name could/,
    );
    const from = await refusal(connect({}, { env: { DOCKER_HOST: "unix:///none" }, home: "/" }));
    expect(from.message).to.equal("cannot reach the Docker engine at unix:///none (DOCKER_HOST)");
    expect(from.option).to.equal(undefined);
  });

  it("is tried once for many parts that come one after another", async () => {
    const kept = new Map<string, unknown>();
    const context = {
      env: {},
      home: "/",
      shared: async <T>(key: string, make: (signal: AbortSignal) => T | Promise<T>) => {
        if (!kept.has(key)) kept.set(key, await make(new AbortController().signal));
        return kept.get(key) as T;
      },
    };
    const ask = async () =>
      await engineFor(context, { url: "unix:///nowhere" }).catch((error: unknown) => error);
    const first = await ask();
    expect(first).to.be.instanceOf(DockerError);
    expect(await ask()).to.equal(first);
  });

  it("may be something that is no engine", async () => {
    const server = createServer((socket) => socket.end("SSH-2.0-x\r\n"));
    const path = join(await temporaryFolder(), "s");
    await new Promise<void>((done) => server.listen(path, done));
    expect((await unreachable(`unix://${path}`)).notes).to.deep.equal([
      "the answer is not HTTP: does the engine want TLS there?",
    ]);
    server.close();
  });

  it("may be a web server, whatever it answers", async () => {
    const page = "<html><body>welcome</body></html>";
    for (const status of [200, 404]) {
      const server = http.createServer((_, response) => response.writeHead(status).end(page));
      const path = join(await temporaryFolder(), "s");
      await new Promise<void>((done) => server.listen(path, done));
      expect((await unreachable(`unix://${path}`)).notes).to.deep.equal([
        "what answers there is not a Docker engine",
      ]);
      server.close();
    }
  });

  it("is not tried for longer than wanted, nor for ever", async () => {
    const server = createServer(() => undefined);
    const path = join(await temporaryFolder(), "s");
    await new Promise<void>((done) => server.listen(path, done));
    const late = await refusal(connect({ url: `unix://${path}` }, { env: {}, home: "/" }, 1));
    expect(late.code).to.equal("engine/unreachable");
    expect(late.notes).to.deep.equal(["no answer in time"]);
    const stop = new AbortController();
    const connecting = connect({ url: `unix://${path}` }, { env: {}, home: "/", signal: stop.signal });
    setImmediate(() => stop.abort());
    expect(await connecting.catch((error: unknown) => error)).to.have.property("name", "AbortError");
    server.close();
  });
});
