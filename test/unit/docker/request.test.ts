import { execFile } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import { connect, olderApi } from "../../../src/docker/connect.js";
import type { Engine } from "../../../src/docker/engine.js";
import { DockerError } from "../../../src/docker/errors.js";
import { outputs } from "../../../src/docker/stream.js";
import type { EngineRequest } from "../../../src/docker/request.js";
import { connectTo, fakeEngine, fakeSocket, type Listening } from "../../support/listening.js";

async function failure(work: Promise<unknown>): Promise<DockerError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error;
}

const PONG = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK";

/** More than any buffer between us and the engine holds, of which it is told how much has been taken. */
function endless(): { body: Readable; taken: () => number } {
  let taken = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const body = new Readable({
    read() {
      taken += chunk.length;
      this.push(taken > 64 * 1024 * 1024 ? null : chunk);
    },
  });
  return { body, taken: () => taken };
}

describe("requests to an engine", () => {
  let listening: Listening | undefined;
  let engine: Engine | undefined;
  const use = async (server: Listening): Promise<Engine> => {
    listening = server;
    engine = await connectTo(server.url);
    return engine;
  };

  afterEach(async () => {
    await engine?.close();
    await listening?.close();
    engine = undefined;
  });

  it("speak the older of the two newest versions", async () => {
    const paths: string[] = [];
    const server = await fakeEngine((request, response) => {
      paths.push(request.url ?? "");
      response.end("[]");
    });
    const found = await use(server);
    await found.request({
      path: "/containers/json",
      query: { all: true, filters: { name: ["a b"] }, none: undefined },
    });
    expect(found.apiVersion).to.equal("1.41");
    expect(paths).to.deep.equal([
      "/v1.41/containers/json?all=true&filters=%7B%22name%22%3A%5B%22a+b%22%5D%7D",
    ]);
    const older = await connect({ url: server.url }, { env: { DOCKER_API_VERSION: "1.40" }, home: "/" });
    expect(older.apiVersion, "DOCKER_API_VERSION").to.equal("1.40");
    await older.close();
    expect(olderApi("1.99")).to.equal("1.51");
    expect(olderApi("1.9")).to.equal("1.9");
    expect(olderApi(undefined)).to.equal("1.24");
  });

  it("give the engine's own words and status", async () => {
    const server = await fakeEngine((_request, response) => {
      response.statusCode = 409;
      response.end('{"message":"it is in use"}\n');
    });
    const error = await failure(
      (await use(server)).request({ method: "DELETE", path: "/volumes/v", query: { secret: 1 } }),
    );
    expect(error.statusCode).to.equal(409);
    expect(error.problem).to.deep.equal({
      code: "engine/conflict",
      message: "it is in use",
      notes: ["DELETE /volumes/v was answered with 409"],
    });
  });

  it("prefer the engine's refusal to the broken pipe, when it comes in the middle of an upload", async () => {
    const answer = "HTTP/1.1 500 Oops\r\nContent-Length: 27\r\nConnection: close\r\n\r\n";
    const server = await fakeSocket((socket) => {
      socket.once("data", (head) => (head.includes("/_ping") ? socket.end(PONG) : refuse()));
      const refuse = (): void => {
        socket.pause();
        socket.end(`${answer}{"message":"no space left"}`);
      };
    });
    const { body, taken } = endless();
    const error = await failure((await use(server)).request({ method: "PUT", path: "/x", body }));
    expect(error.problem.message).to.equal("no space left");
    expect(body.destroyed).to.equal(true);
    expect(taken()).to.be.below(32 * 1024 * 1024);
  });

  it("prefer the refusal also where the engine hangs up at once", async () => {
    const answer =
      'HTTP/1.1 500 Oops\r\nContent-Length: 27\r\nConnection: close\r\n\r\n{"message":"no space left"}';
    const server = await fakeSocket((socket) => {
      socket.once("data", (head) => (head.includes("/_ping") ? socket.end(PONG) : refuse()));
      const refuse = (): void => void socket.write(answer, () => socket.destroy());
    });
    const error = await failure(
      (await use(server)).request({ method: "PUT", path: "/x", body: endless().body }),
    );
    expect(error.problem.message).to.equal("no space left");
  });

  it("go on sending to an engine that answers before it has everything", async () => {
    let received = 0;
    const server = await fakeEngine((request, response) => {
      response.write('{"stream":"began"}\n');
      request.on("data", (chunk: Buffer) => (received += chunk.length));
      request.on("end", () => response.end('{"stream":"done"}\n'));
    });
    const body = await (await use(server)).stream({ method: "POST", path: "/build", body: endless().body });
    expect((await text(body)).trim().split("\n").length).to.equal(2);
    expect(received).to.equal(64 * 1024 * 1024);
  });

  it("fail with what is wrong with the body", async () => {
    const server = await fakeEngine((request, response) => {
      request.resume().on("end", () => response.end());
    });
    const body = Readable.from(
      (async function* (): AsyncGenerator<Buffer> {
        yield await Promise.resolve(Buffer.from("a"));
        throw new RangeError("the file changed");
      })(),
    );
    const error: unknown = await (await use(server))
      .request({ method: "PUT", path: "/x", body })
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(RangeError);
  });

  it("ask once more where a kept connection turns out to be closed, if asking twice does no harm", async () => {
    let connections = 0;
    const server = await fakeSocket((socket) => {
      connections += 1;
      socket.once("data", () => {
        socket.write(PONG);
        socket.once("data", () => socket.destroy());
      });
    }, "tcp");
    const found = await use(server);
    // On its new connection the second attempt is what this server takes for a ping.
    expect((await failure(found.request({ path: "/a" }))).problem.notes).to.deep.equal([
      "neither an object nor a list: OK",
    ]);
    expect(connections).to.equal(2);
    const error = await failure(found.request({ method: "POST", path: "/a" }));
    expect(error.problem.code).to.equal("engine/unreachable");
    expect(error.problem.notes).to.deep.equal(["the connection was closed before an answer came"]);
    expect(connections).to.equal(2);
  });

  it("end when they are told to, before the answer and within its body", async () => {
    const server = await fakeEngine((request, response) => {
      if (request.url?.endsWith("/body")) response.write("x");
    });
    const found = await use(server);
    const stop = new AbortController();
    const waiting = found.request({ path: "/never", signal: stop.signal }).catch((thrown: unknown) => thrown);
    await turn();
    stop.abort();
    expect(await waiting).to.have.property("name", "AbortError");

    const later = new AbortController();
    const body = await found.stream({ path: "/body", signal: later.signal });
    const read = text(body).catch((thrown: unknown) => thrown);
    later.abort();
    expect(await read).to.have.property("name", "AbortError");
    expect(body.destroyed).to.equal(true);
  });

  it("end also while nobody reads what was hijacked, which is found by who reads next", async () => {
    const server = await fakeEngine(() => undefined);
    server.server.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    });
    const stop = new AbortController();
    const found = await use(server);
    const raw = await found.hijack({ method: "POST", path: "/attach", signal: stop.signal });
    const closed = new Promise((resolve) => raw.once("close", resolve));
    stop.abort();
    await closed;
    for (const tty of [true, false]) {
      const read = outputs(raw, tty).next();
      expect(await read.catch((thrown: unknown) => thrown)).to.have.property("name", "AbortError");
    }
  });

  it("say that an answer was cut off", async () => {
    const server = await fakeEngine((_request, response) => {
      response.write('{"a":', () => response.destroy());
    });
    const error = await failure((await use(server)).request({ path: "/x" }));
    expect(error.problem.code).to.equal("engine/cut-off");
  });

  it("say so also where that is the first answer of all, in the middle of a chunk", async () => {
    const server = await fakeSocket((socket) => {
      const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nO";
      socket.once("data", () => socket.end(answer));
    });
    const error = await failure(use(server));
    expect(error.problem.notes).to.deep.equal(["the connection closed in the middle of the answer"]);
  });

  it("take what is no answer for none, and end one that does not end", async () => {
    const server = await fakeEngine((request, response) => {
      const asked = request.url!.replace(/.*\//, "");
      const piece = Buffer.alloc(16 * 1024 * 1024, " ");
      const more = (): boolean => response.write(piece, (error) => void (error ?? more()));
      if (asked === "endless") more();
      else response.end(asked);
    });
    const found = await use(server);
    const why = async (path: string): Promise<readonly string[] | undefined> =>
      (await failure(found.request({ path }))).problem.notes;
    expect(await why("/words")).to.deep.equal(["neither an object nor a list: words"]);
    expect(await why("/7")).to.deep.equal(["neither an object nor a list: 7"]);
    expect(await why("/endless")).to.deep.equal(["an answer of more than 268435456 bytes"]);
    expect(await found.request({ path: "/null" }), "Go's empty list").to.equal(undefined);
    expect(await found.request({ path: "/OK", method: "POST" }), "podman's").to.equal(undefined);
  });

  it("for what a local engine has ask by HTTP/1.0, whose answer ends with its length or with the connection", async () => {
    const answers: Readonly<Record<string, string>> = {
      _ping: PONG,
      length: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
      short: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1]",
      nothing: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
      open: "HTTP/1.0 200 OK\r\n\r\n[2]",
      cut: "HTTP/1.0 200 OK\r\n\r\n[2",
      refused: 'HTTP/1.0 409 Conflict\r\n\r\n{"message":"in use"}',
      strange: "SSH-2.0-OpenSSH_9.2\r\n",
      statusless: "HTTP/1.1\r\n\r\n",
    };
    const server = await fakeSocket((socket) => {
      socket.once("data", (head) => {
        const name = /\/(\w+) HTTP\/1.0\r\n/.exec(head.toString())?.[1] ?? "";
        socket.write(answers[name] ?? "");
        // What says its length, or is nonsense, is not waited for.
        if (!["_ping", "length", "nothing", "strange"].includes(name)) socket.end();
      });
    });
    const found = await use(server);
    expect(await found.request({ path: "/length" })).to.deep.equal([1]);
    expect(await found.request({ path: "/nothing" })).to.equal(undefined);
    expect(await found.request({ path: "/open" })).to.deep.equal([2]);
    for (const path of ["/short", "/cut"])
      expect((await failure(found.request({ path }))).problem.code, path).to.equal("engine/cut-off");
    expect(await failure(found.request({ path: "/refused" }))).to.include({
      statusCode: 409,
      message: "in use",
    });
    for (const path of ["/strange", "/statusless"])
      expect((await failure(found.request({ path }))).problem.notes, path).to.deep.equal([
        "the answer is not HTTP: does the engine want TLS there?",
      ]);
    const odd = async (request: EngineRequest): Promise<unknown> =>
      await found.request(request).catch((thrown: unknown) => thrown);
    expect(await odd({ path: "/a\r\nX: y" })).to.have.property("code", "ERR_UNESCAPED_CHARACTERS");
    expect(await odd({ path: "/a", headers: { a: "b\r\nX: y" } })).to.have.property(
      "code",
      "ERR_INVALID_CHAR",
    );
  });

  it("tell a local engine by HTTP/1.0 what to do, and notice where its answer is cut off", async () => {
    const asked: string[] = [];
    const answers: Readonly<Record<string, string>> = {
      _ping: PONG,
      create: 'HTTP/1.0 201 Created\r\n\r\n{"Id":"a"}',
      start: "HTTP/1.0 204 No Content\r\n\r\n",
      wait: "HTTP/1.0 200 OK\r\n\r\n",
      chunked: "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    };
    const server = await fakeSocket((socket) => {
      socket.once("data", (bytes) => {
        const text = bytes.toString();
        asked.push(text);
        const reply = answers[/\/(\w+) HTTP\/1.0\r\n/.exec(text)?.[1] ?? ""] ?? "";
        if (text.includes("/start")) socket.write(reply);
        else socket.end(reply);
      });
    });
    const found = await use(server);
    const json = { Image: "é" };
    const post = async (path: string): Promise<unknown> =>
      await found.request({ method: "POST", path, json });
    expect(await post("/create")).to.deep.equal({ Id: "a" });
    expect(asked.at(-1)).to.equal(
      "POST /v1.41/create HTTP/1.0\r\nHost: docker\r\nUser-Agent: tsbuildout\r\n" +
        'Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{"Image":"é"}',
    );
    expect(await found.request({ method: "DELETE", path: "/start" })).to.equal(undefined);
    expect(asked.at(-1)).to.match(/^DELETE /);
    for (const path of ["/wait", "/chunked"])
      expect((await failure(post(path))).problem.code, path).to.equal("engine/cut-off");
    // It has been done: to ask once more would do it twice.
    expect(asked.filter((text) => text.includes("/chunked"))).to.have.lengthOf(1);
  });

  it("take a head that comes in two pieces, of which the second has much of the body", async () => {
    const server = await fakeSocket((socket) => {
      socket.once("data", (head) => {
        const rest = `\r\n[${" ".repeat(100_000)}3]`;
        // The client is in this process: it reads between two turns.
        const late = (): unknown => setImmediate(() => setImmediate(() => socket.end(rest)));
        if (head.includes("/_ping")) socket.end(PONG);
        else socket.write("HTTP/1.0 200 OK\r\n", late);
      });
    });
    expect(await (await use(server)).request({ path: "/late" })).to.deep.equal([3]);
  });

  it("ask by HTTP/1.1 where something before the engine knows nothing else", async () => {
    const server = await fakeEngine((request, response) => {
      if (request.httpVersion === "1.1") response.end('["by 1.1"]');
      else if (request.url?.endsWith("/upgrade")) response.writeHead(426).end();
      else if (request.url?.endsWith("/version")) response.writeHead(505).end();
      else response.socket?.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n");
    });
    const found = await use(server);
    for (const path of ["/upgrade", "/version", "/chunked"])
      expect(await found.request({ path }), path).to.deep.equal(["by 1.1"]);
  });

  it("end with the engine's connection, whoever asked", async () => {
    const asked = new EventEmitter();
    const found = await use(await fakeEngine(() => void asked.emit("asked")));
    const waiting = failure(found.request({ path: "/never" }));
    await once(asked, "asked");
    await found.close();
    expect((await waiting).problem.code).to.equal("engine/unreachable");
  });

  it("tell what becomes of a body before it can be sent, and that alone", async () => {
    const found = await use(await fakeEngine((_request, response) => response.end()));
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      const body = new Readable({ read: () => undefined });
      const sending = found.request({ method: "PUT", path: "/x", body }).catch((thrown: unknown) => thrown);
      body.destroy(new RangeError("no such file"));
      expect(await sending).to.have.property("message", "no such file");
      await turn();
      expect(unhandled).to.deep.equal([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });

  it("consume or destroy a body also where nothing can be asked", async () => {
    const found = await use(await fakeEngine((_request, response) => response.end()));
    const stopped = AbortSignal.abort(new RangeError("stopped"));
    for (const asked of [{ path: "/x", signal: stopped }, { path: "/a b" }]) {
      const body = new Readable({ read: () => undefined });
      await found.request({ method: "PUT", body, ...asked }).catch(() => undefined);
      expect(body.destroyed, asked.path).to.equal(true);
    }
  });

  it("for an archive ask by HTTP/1.0, so that it comes as it is", async () => {
    let asked = "";
    const server = await fakeSocket((socket) => {
      socket.once("data", (head) => {
        if (head.includes("/_ping")) return socket.write(PONG);
        asked = head.toString();
        socket.write("HTTP/1.0 200 OK\r\nContent-Type: ");
        return setImmediate(() => socket.end("application/x-tar\r\n\r\n7\r\ntar"));
      });
    });
    const found = await use(server);
    const answer = await found.selfEnding({
      path: "/containers/a/archive",
      query: { path: Buffer.from("/b") },
    });
    expect(await text(answer)).to.equal("7\r\ntar");
    const target = "/v1.41/containers/a/archive?path=%2f%62";
    expect(asked).to.equal(`GET ${target} HTTP/1.0\r\nHost: docker\r\nUser-Agent: tsbuildout\r\n\r\n`);
  });

  it("for an archive heed a refusal, an end without answer, a proxy with other ideas, and being told to end", async () => {
    const server = await fakeEngine((request, response) => {
      if (request.url?.endsWith("/refused")) response.writeHead(404).end('{"message":"no such container"}');
      else if (request.url?.endsWith("/nothing")) response.destroy();
      else if (request.url?.endsWith("/waits")) response.writeHead(200, { "Content-Length": 9 }).write("x");
      else if (request.httpVersion === "1.1") response.end("whole");
      else response.socket?.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    });
    const found = await use(server);
    const refused = await failure(found.selfEnding({ path: "/refused" }));
    expect(refused).to.include({ statusCode: 404, message: "no such container" });
    const nothing = await failure(found.selfEnding({ path: "/nothing" }));
    expect(nothing.problem.notes).to.deep.equal(["the connection was closed before an answer came"]);
    expect(await text(await found.selfEnding({ path: "/chunks" }))).to.equal("whole");
    const stop = new AbortController();
    const body = await found.selfEnding({ path: "/waits", signal: stop.signal });
    const read = text(body).catch((thrown: unknown) => thrown);
    stop.abort();
    expect(await read).to.have.property("name", "AbortError");
  });

  it("go to the engine that was decided on, whatever DOCKER_HOST and the proxies of the environment are", async () => {
    const server = await fakeEngine((_request, response) => response.end("[]"));
    const before = { ...process.env };
    Object.assign(process.env, {
      DOCKER_HOST: "tcp://203.0.113.1:1",
      HTTP_PROXY: "http://203.0.113.1:1",
      http_proxy: "http://203.0.113.1:1",
      NODE_USE_ENV_PROXY: "1",
    });
    try {
      const found = await use(server);
      expect(await found.request({ path: "/images/json" })).to.deep.equal([]);
      expect(await (await found.dockerode()).listContainers()).to.deep.equal([]);
    } finally {
      for (const name of ["DOCKER_HOST", "HTTP_PROXY", "http_proxy", "NODE_USE_ENV_PROXY"])
        delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  it("never keep the process alive", async () => {
    const server = await fakeEngine((_request, response) => response.end("{}"));
    listening = server;
    const script = `
      const { connect } = await import(${JSON.stringify(new URL("../../../src/docker/connect.js", import.meta.url).href)});
      const engine = await connect({ url: ${JSON.stringify(server.url)} }, { env: {}, home: "/nonexistent" });
      await Promise.all([engine.request({ path: "/a" }), engine.request({ path: "/b" })]);
      await (await engine.dockerode()).version();
      console.log("done");`;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      timeout: 120_000,
    });
    expect((await run).stdout).to.equal("done\n");
  });
});

describe("dockerode over an engine", () => {
  it("puts nothing into the URL that belongs into the body", async () => {
    const seen: { url: string; body: unknown; headers: Record<string, unknown> }[] = [];
    const server = await fakeEngine((request, response) => {
      void text(request).then((body) => {
        seen.push({
          url: request.url ?? "",
          body: body ? JSON.parse(body) : undefined,
          headers: request.headers,
        });
        response.end('{"Id":"1"}');
      });
    });
    const engine = await connect({ url: server.url }, { env: {}, home: "/nonexistent" });
    const docker = await engine.dockerode();
    const secret = "S".repeat(20_000);
    await docker.createContainer({ name: "n", platform: "linux/arm64", Image: "i", Env: [`A=${secret}`] });
    await docker.createVolume({ Name: "v", DriverOpts: { password: secret } });
    await docker.getContainer("c").commit({ repo: "r", tag: "t", changes: "CMD x" });
    await docker.getContainer("a/b").start();
    expect(seen.map(({ url }) => url)).to.deep.equal([
      "/v1.41/containers/create?name=n&platform=linux%2Farm64",
      "/v1.41/volumes/create",
      "/v1.41/commit?repo=r&tag=t&changes=CMD+x&container=c",
      "/v1.41/containers/a/b/start",
    ]);
    expect(seen[0]?.body).to.deep.equal({ Image: "i", Env: [`A=${secret}`] });
    expect(seen[1]?.body).to.deep.equal({ Name: "v", DriverOpts: { password: secret } });
    await engine.close();
    await server.close();
  });

  it("gives a log that is not followed as it is", async () => {
    for (const type of ["application/vnd.docker.raw-stream", "text/plain; charset=utf-8"]) {
      const server = await fakeEngine((_request, response) => {
        response.setHeader("Content-Type", type).end("[1] begun\n");
      });
      const engine = await connectTo(server.url);
      const docker = await engine.dockerode();
      const log: unknown = await docker.getContainer("a").logs({ stdout: true });
      expect(log, type).to.equal("[1] begun\n");
      await engine.close();
      await server.close();
    }
  });

  it("sends credentials in the alphabet that the engine reads", async () => {
    const headers: Record<string, unknown>[] = [];
    const server = await fakeEngine((request, response) => {
      headers.push(request.headers);
      response.end("{}\n");
    });
    const engine = await connectTo(server.url);
    const docker = await engine.dockerode();
    const auth = { username: "??>>", password: "~~~~", serveraddress: "r" };
    const answer = await docker.getImage("i").push({ authconfig: auth });
    (answer as Readable).resume();
    const sent = String(headers[0]?.["x-registry-auth"]);
    expect(sent).to.match(/^[\w-]+=*$/);
    expect(JSON.parse(Buffer.from(sent, "base64url").toString())).to.deep.equal(auth);
    await engine.close();
    await server.close();
  });
});
