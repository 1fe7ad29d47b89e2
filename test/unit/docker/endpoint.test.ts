import { createHash } from "node:crypto";
import { access, constants } from "node:fs/promises";
import http from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { mock } from "node:test";
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
    ["ssh://me@h:22/run/x.sock", "ssh://me@h:22/run/x.sock"],
    ["tcp://:1234", "tcp://localhost:1234"],
    [":1234", "tcp://localhost:1234"],
    ["tcp://", "tcp://localhost:2375"],
    ["tcp://[fe80::1%eth0]:1", "tcp://[fe80::1%eth0]:1"],
    ["tcp://me:secret@H:1", "tcp://h:1"],
    // A host of ssh is what the user's own ssh settings call it.
    ["ssh://Build-Box", "ssh://Build-Box"],
    ["ssh://123", "ssh://123"],
    ["ssh://[::1]:22", "ssh://[::1]:22"],
  ];
  for (const [text, url] of urls) {
    it(`reads ${text}`, () => expect(parseUrl(text, "test").url).to.equal(url));
  }

  for (const text of [
    "ftp://h",
    "unix:/run/docker.sock",
    "http://",
    "ssh://",
    "npipe:////./pipe/docker_engine",
    "tcp://a b:1",
    "tcp://h:99999",
    "ssh://-oProxyCommand=x",
    "ssh://-l@h",
    "ssh://u%zz@h",
    "ssh://u:secret@h",
    "ssh://h?x=y",
    "tcp://u:secret@h:x",
    "ssh://u:p@secret@h",
    "tcp://u:p/secret@h",
  ]) {
    it(`refuses ${text}`, () => {
      const refused = expect(() => parseUrl(text, "DOCKER_HOST")).to.throw(DockerError);
      refused.with.nested.property("problem.code", "engine/bad-url");
      expect(() => parseUrl(text, "DOCKER_HOST")).not.to.throw(/secret/);
    });
  }

  it("says why an address of ssh has no password, and which option gave the address", () => {
    expect(() => parseUrl("ssh://me:secret@h", "option engine-url"))
      .to.throw(DockerError)
      .with.property("problem")
      .deep.equal({
        code: "engine/bad-url",
        message: '"ssh://h" (option engine-url) is not the address of an engine',
        help: ["leave the password away: ssh asks its agent and its keys"],
        option: "engine-url",
      });
    expect(() => parseUrl("ssh://-x", "DOCKER_HOST"))
      .to.throw(DockerError, '"ssh://-x" (DOCKER_HOST) is')
      .not.with.nested.property("problem.option");
  });

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

  it("takes the part's options for TLS before what a context or a machine holds", async () => {
    const home = await homeWith({ c: "tcp://h:2376", plain: "tcp://p:1" });
    const own = await temporaryFolder({ "ca.pem": "own" });
    await writeFiles(home, {
      [`.docker/contexts/tls/${idOf("c")}/docker/ca.pem`]: "ca",
      ".docker/machine/machines/m/config.json": '{"Driver":{"IPAddress":"203.0.113.7"}}',
    });
    const tls = async (choice: EngineChoice): Promise<unknown> => {
      const { address } = await resolveEndpoint(choice, { env: {}, home });
      return "tls" in address ? { verify: address.tls?.verify, ca: address.tls?.ca?.toString() } : undefined;
    };
    expect(await tls({ context: "c", tlsVerify: false })).to.deep.equal({ verify: false, ca: "ca" });
    expect(await tls({ context: "c", tlsCertPath: own })).to.deep.equal({ verify: true, ca: "own" });
    expect(await tls({ context: "plain", tlsCertPath: own })).to.deep.equal({ verify: true, ca: "own" });
    expect(await tls({ context: "plain" })).to.equal(undefined);
    expect(await tls({ machineName: "m", tlsVerify: false })).to.deep.equal({ verify: false, ca: undefined });
  });

  it("says what is damaged of a context, for a machine's name as well", async () => {
    const home = await temporaryFolder();
    const path = `.docker/contexts/meta/${idOf("c")}/meta.json`;
    const why = async (content: string, choice: EngineChoice = { context: "c" }): Promise<Problem> => {
      await writeFiles(home, { [path]: content });
      return await refusal(resolve(choice, {}, home));
    };
    expect(await why('{"Name":"c","Endpoints":{"docker":{"Host":5}}}')).to.deep.equal({
      code: "engine/no-context",
      message: 'the docker context "c" is damaged',
      notes: ["asked for by context c", `${join(home, path)} has no address of an engine`],
      help: ["make it anew: docker context rm -f c, and docker context create c"],
      option: "context",
    });
    for (const content of ["null", "[]", '"x"', "{}"])
      expect((await why(content)).notes?.[1], content).to.contain("has no address");
    expect((await why('{"Name":')).notes?.[1]).to.contain(`cannot read ${join(home, path)}: `);
    const machine = await why("{}", { machineName: "c" });
    expect([machine.message, machine.option]).to.deep.equal([
      'the docker context "c" is damaged',
      "machine-name",
    ]);
    const typo = await why('{"Endpoints":{"docker":{"Host":"zz://h"}}}');
    expect([typo.code, typo.option]).to.deep.equal(["engine/bad-url", "context"]);
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

  it("shows what to write for a build whose folder was meant", async () => {
    const home = await homeWith({});
    const help = async (context: string) => (await refusal(resolve({ context }, {}, home))).help;
    for (const folder of [".", "./app", "apps/web", "https://host/repo.git"])
      expect(await help(folder)).to.deep.equal([
        `it says where the engine is; the folder of a build is source = ${folder}`,
      ]);
    expect(await help("app")).to.deep.equal(["make it with: docker context create"]);
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
    const key = join(home, ".docker/machine/machines/m/key.pem");
    await writeFiles(key, { "in/its/place": "" });
    expect(await refusal(resolve({ machineName: "m" }, {}, home))).to.deep.equal({
      code: "engine/no-certificates",
      message: `cannot read ${key}: it is a folder`,
    });
    const engine = { DOCKER_HOST: "tcp://env:3" };
    expect(await resolve({ machineName: "default" }, engine, home)).to.equal(
      "tcp://env:3 by DOCKER_HOST (machine-name default (a context))",
    );
    await writeFiles(home, {
      ".docker/machine/machines/default/config.json": config,
      ".docker/machine/machines/odd/config.json": "{",
    });
    expect(await resolve({ machineName: "default" }, engine, home)).to.equal(
      "tcp://203.0.113.7:2376 (tls) by machine-name default",
    );
    expect((await refusal(resolve({ machineName: "odd" }, {}, home))).message).to.equal(
      `cannot read docker-machine's record of "odd"`,
    );
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

  it("may be the machine that DOCKER_MACHINE_NAME names", async () => {
    const home = await homeWith(
      { one: "tcp://one:1", two: "tcp://two:2" },
      {
        ".docker/config.json": '{"currentContext":"two"}',
        ".docker/machine/machines/m/config.json": '{"Driver":{"IPAddress":"203.0.113.7"}}',
      },
    );
    const env = { DOCKER_MACHINE_NAME: "m" };
    expect(await resolve({}, env, home)).to.equal(
      "tcp://203.0.113.7:2376 (tls) by machine-name m (DOCKER_MACHINE_NAME)",
    );
    expect(await resolve({}, { DOCKER_MACHINE_NAME: "one" }, home)).to.equal(
      "tcp://one:1 by machine-name one (DOCKER_MACHINE_NAME, a context)",
    );
    expect(await resolve({ context: "two" }, env, home)).to.equal("tcp://two:2 by context two");
    expect(await resolve({}, { ...env, DOCKER_HOST: "tcp://env:3" }, home)).to.equal(
      "tcp://env:3 by DOCKER_HOST",
    );
    expect(await resolve({}, { ...env, DOCKER_CONTEXT: "one" }, home)).to.equal(
      "tcp://one:1 by context one (DOCKER_CONTEXT)",
    );
    expect((await refusal(resolve({}, { DOCKER_MACHINE_NAME: "x" }, home))).notes).to.deep.equal([
      "DOCKER_MACHINE_NAME names it",
      `looked for ${home}/.docker/machine/machines/x/config.json`,
    ]);
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
    const certs = await temporaryFolder({ "cert.pem": "no PEM", "key.pem": "no PEM" });
    const choice = { url: "https://127.0.0.1:1", tlsCertPath: certs };
    expect((await refusal(connect(choice, { env: {}, home: "/" }))).notes?.[0]).to.match(
      /^the certificate or key for it cannot be used: /,
    );
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

  it("is told of when it has not answered for five seconds, and not when it has", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      mock.timers.tick(4999);
      if (sockets.length > 1) socket.end("HTTP/1.0 200 OK\r\n\r\nOK");
      else {
        mock.timers.tick(1);
        socket.destroy();
      }
    });
    const said: unknown[] = [];
    const path = join(await temporaryFolder(), "s");
    await new Promise<void>((done) => server.listen(path, done));
    const at = { env: {}, home: "/", warn: (problem: object) => void said.push(problem) };
    try {
      await refusal(connect({ url: `unix://${path}` }, at));
      expect(said.splice(0)).to.deep.equal([
        {
          code: "engine/silent",
          message: `the Docker engine at unix://${path} (option engine-url) has not answered for 5 seconds`,
          notes: ["it is waited for up to 60 seconds"],
          option: "engine-url",
        },
      ]);
      await (await connect({ url: `unix://${path}` }, at)).close();
      mock.timers.tick(60_000);
      expect(said).to.deep.equal([]);
    } finally {
      mock.timers.reset();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });

  it("is not waited for where it never answers to TLS", async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on("error", () => undefined)));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const late = await refusal(connect({ url }, { env: {}, home: "/" }, 1));
    expect(late.notes).to.deep.equal(["no answer in time"]);
    const stop = new AbortController();
    server.once("connection", () => stop.abort());
    const connecting = connect({ url }, { env: {}, home: "/", signal: stop.signal });
    expect(await connecting.catch((error: unknown) => error)).to.have.property("name", "AbortError");
    // Nothing of it is left that would keep the process alive: the server closes when its last connection has.
    for (const socket of sockets) socket.resume();
    await new Promise((done) => server.close(done));
  });
});
