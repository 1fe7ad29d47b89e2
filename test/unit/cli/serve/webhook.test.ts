import { createHmac } from "node:crypto";
import { once } from "node:events";
import { request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect } from "chai";
import { Queue } from "../../../../src/cli/serve/queue.js";
import { createRunServer, type Serving } from "../../../../src/cli/serve/server.js";
import { Deliveries, isSigned, parsePush, type Push } from "../../../../src/cli/serve/webhook.js";

const SECRET = "a secret of the hook";
const sign = (body: string): string => `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
const commit = (digit: string): string => digit.repeat(40);
const PUSH = JSON.stringify({ ref: "refs/heads/main", before: commit("a"), after: commit("b") });

describe("a push webhook", () => {
  it("knows GitHub's signature, and no other", () => {
    // The example of GitHub's documentation.
    const body = Buffer.from("Hello, World!");
    const good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    expect(isSigned(body, good, "It's a Secret to Everybody")).to.equal(true);
    expect(isSigned(body, good.replace("7", "8"), "It's a Secret to Everybody")).to.equal(false);
    for (const header of [undefined, "", "sha1=1234", good.slice(0, -1)])
      expect(isSigned(body, header, "It's a Secret to Everybody")).to.equal(false);
  });

  it("takes pushes of branches only", () => {
    expect(parsePush(Buffer.from(PUSH))).to.deep.equal({
      branch: "main",
      before: commit("a"),
      after: commit("b"),
    });
    const others = [
      "nonsense",
      "null",
      "[]",
      JSON.stringify({ ref: "refs/tags/v1", before: commit("a"), after: commit("b") }),
      JSON.stringify({ ref: "refs/heads/main", before: commit("a"), after: commit("0") }),
      JSON.stringify({ ref: "refs/heads/main", before: commit("a"), after: "--upload-pack=x" }),
    ];
    for (const body of others) expect(parsePush(Buffer.from(body)), body).to.equal(undefined);
  });

  it("takes no delivery twice, and forgets the oldest", () => {
    const deliveries = new Deliveries(["old"]);
    expect([
      deliveries.take("a"),
      deliveries.take("a"),
      deliveries.take("old"),
      deliveries.take(undefined),
    ]).to.deep.equal([true, false, false, false]);
    for (let i = 0; i < 1000; i++) deliveries.take(`d${i}`);
    expect(deliveries.list()).to.have.length(1000).and.not.to.include("old");
  });
});

describe("the queue of runs", () => {
  it("runs one after another, and goes on after a failure", async () => {
    const log: string[] = [];
    const queue = new Queue((error) => log.push((error as Error).message));
    let release: (() => void) | undefined;
    queue.add(() => new Promise((resolve) => (release = () => (log.push("first"), resolve()))));
    queue.add(() => Promise.reject(new Error("broken")));
    queue.add(async () => void log.push("third"));
    await Promise.resolve();
    expect(queue.length).to.equal(3);
    release!();
    await queue.idle();
    expect(log).to.deep.equal(["first", "broken", "third"]);
  });
});

describe("the server of runs", () => {
  let server: Server;
  let log: string[];
  let pushes: Push[];
  beforeEach(async () => {
    log = [];
    pushes = [];
    const serving: Serving = {
      list: () => [
        { id: "20260102-030405-1", started: "2026-01-02T03:04:05Z", command: "install", result: "done" },
      ],
      run: (id) =>
        id === "20260102-030405-1"
          ? {
              id,
              started: "2026-01-02T03:04:05Z",
              milliseconds: 1,
              command: "install",
              buildout: "b",
              parts: [],
            }
          : undefined,
      watch: (changed) => {
        queueMicrotask(changed);
        return () => log.push("stopped watching");
      },
      secret: SECRET,
      deliveries: new Deliveries(),
      push: (push) => push.branch === "main" && pushes.push(push) > 0,
      log: (line) => void log.push(line.replace(/from \S+:/, "from somebody:")),
      hosts: ["127.0.0.1", "MyServer", "fd00::1"],
    };
    server = createRunServer(serving);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  interface Asked {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  }
  function ask(
    path: string,
    { method = "GET", headers = {}, body }: Asked = {},
  ): Promise<{ status: number; text: string }> {
    const { port } = server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const call = request({ host: "127.0.0.1", port, path, method, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          if (path === "/events" && text.includes("changed")) call.destroy();
        });
        answer.on("close", () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      call.on("error", (error) => path !== "/events" && reject(error));
      call.end(body);
    });
  }
  const deliver = (body: string, headers: Record<string, string> = {}) =>
    ask("/github/push", {
      method: "POST",
      body,
      headers: {
        "X-Hub-Signature-256": sign(body),
        "X-GitHub-Delivery": "d-1",
        "X-GitHub-Event": "push",
        ...headers,
      },
    });

  it("queues a signed push once", async () => {
    expect(await deliver(PUSH)).to.deep.equal({ status: 202, text: "queued\n" });
    expect(await deliver(PUSH)).to.deep.equal({ status: 409, text: "this delivery was taken before\n" });
    expect(pushes.map(({ after }) => after)).to.deep.equal([commit("b")]);
    expect(log[0]).to.equal(`delivery d-1: push main ${commit("b")} queued`);
    expect(log[1]).to.equal('refused POST "/github/push" from somebody: 409 this delivery was taken before');
  });

  it("refuses a bad signature, and says so in its log", async () => {
    expect(await deliver(PUSH, { "X-Hub-Signature-256": sign("another body") })).to.include({ status: 401 });
    expect(pushes).to.deep.equal([]);
    expect(log).to.deep.equal(['refused POST "/github/push" from somebody: 401 the signature is not good']);
  });

  it("says of a body that is too long that it is, before it has been taken in whole", async () => {
    const body = "x".repeat(26 * 1024 * 1024);
    expect(await deliver(body)).to.deep.equal({ status: 413, text: "too large\n" });
    expect(log).to.deep.equal(['refused POST "/github/push" from somebody: 413 too large']);
  });

  it("does not listen to a body without end, and does not mind who leaves in the midst of one", async () => {
    const { port } = server.address() as AddressInfo;
    const head = "POST /github/push HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const leaver = connect(port, "127.0.0.1");
    leaver.write(`${head}5\r\nabc`, () => leaver.destroy());
    await once(leaver, "close");
    const endless = connect(port, "127.0.0.1").on("error", () => undefined);
    const chunk = Buffer.concat([
      Buffer.from("100000\r\n"),
      Buffer.alloc(0x100000, "x"),
      Buffer.from("\r\n"),
    ]);
    const more = (): boolean => endless.write(chunk, (error) => void (error ?? more()));
    endless.resume().write(head, more);
    await new Promise((resolve) => endless.once("close", resolve));
    expect(log).to.deep.equal(['refused POST "/github/push" from somebody: 413 too large']);
  });

  it("answers a ping, and ignores what is no push of its branch", async () => {
    expect(await deliver("{}", { "X-GitHub-Event": "ping" })).to.include({ status: 200 });
    const other = PUSH.replace("main", "side");
    expect(await deliver(other, { "X-GitHub-Delivery": "d-2" })).to.deep.equal({
      status: 202,
      text: "ignored\n",
    });
  });

  it("serves runs by their ids, and nothing that a path could trick it into", async () => {
    expect(await ask("/runs/20260102-030405-1")).to.include({ status: 200 });
    const tricks = [
      "/runs/../../etc/passwd",
      "/runs/..%2f..%2fetc%2fpasswd",
      "/runs/20260102-030405-1/../x",
      "//etc/passwd",
      "/runs/",
    ];
    for (const path of tricks) expect((await ask(path)).status, path).to.equal(404);
    expect(log).to.have.length(tricks.length);
  });

  it("answers to its own names only, in whatever letters", async () => {
    for (const Host of ["myserver:8080", "MYSERVER", "[fd00::1]:8080"])
      expect(await ask("/", { headers: { Host } }), Host).to.include({ status: 200 });
    expect(await ask("/", { headers: { Host: "evil.example" } })).to.include({ status: 421 });
  });

  it("tells a page that something has changed, until the page goes", async () => {
    expect((await ask("/events")).text).to.contain("data: changed");
  });
});
