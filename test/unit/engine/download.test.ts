import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import type { Problem, Progress } from "../../../src/engine/contract.js";
import { download, type DownloadSettings } from "../../../src/engine/download.js";

const CONTENT = randomBytes(3 << 20);
const sha = (algorithm: string, data: Buffer = CONTENT) => createHash(algorithm).update(data).digest("hex");

/** The download cache of the test that runs. */
let cache: string;

type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A server whose answers a test gives one by one; the last one is repeated. */
class Host {
  readonly seen: IncomingMessage[] = [];
  answers: Answer[] = [];
  readonly #server: Server = createServer((request, response) => {
    this.seen.push(request);
    const answer = this.answers.length > 1 ? this.answers.shift()! : this.answers[0]!;
    void answer(request, response);
  });

  async start(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  url(path = "/stage3.tar.xz"): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }
}

const headers = { etag: '"one"', "last-modified": "Fri, 20 Nov 2026 10:00:00 GMT" };
const whole: Answer = (_request, response) => {
  response.writeHead(200, { ...headers, "content-length": CONTENT.length }).end(CONTENT);
};
const status =
  (code: number): Answer =>
  (_request, response) => {
    response.writeHead(code).end("no");
  };
/** Says that all will come, and hangs up when the beginning is on the disk. */
const cutWith =
  (said: Readonly<Record<string, string>>): Answer =>
  async (_request, response) => {
    response.writeHead(200, { ...said, "content-length": CONTENT.length });
    response.write(CONTENT.subarray(0, 1 << 20));
    while (
      !(await readdir(cache)).some((name) => name.endsWith(".part") && statSync(join(cache, name)).size > 0)
    )
      await setImmediate();
    response.destroy();
  };
const cut = cutWith(headers);
const rest: Answer = (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1]);
  const range = `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`;
  response
    .writeHead(206, { ...headers, "content-range": range, "content-length": CONTENT.length - from })
    .end(CONTENT.subarray(from));
};

const wrong: Answer = (_request, response) => {
  const range = `bytes 5-${CONTENT.length - 1}/${CONTENT.length}`;
  response.writeHead(206, { ...headers, "content-range": range }).end(CONTENT.subarray(5));
};

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  try {
    await work;
  } catch (error) {
    return (error as { problem: Problem }).problem ?? expect.fail(String(error));
  }
  return expect.fail("nothing was thrown");
}

describe("download", () => {
  let host: Host;
  let folder: string;
  let at: DownloadSettings;
  let told: Progress[];

  beforeEach(async () => {
    host = new Host();
    await host.start();
    folder = await mkdtemp(join(tmpdir(), "download-"));
    told = [];
    cache = join(folder, "cache");
    at = {
      cacheDirectory: cache,
      directory: folder,
      offline: false,
      env: {},
      home: join(folder, "home"),
      signal: new AbortController().signal,
      progress: (progress) => told.push(progress),
      retryDelay: 0,
    };
  });

  afterEach(async () => {
    await host.stop();
    await rm(folder, { recursive: true });
  });

  const cached = async (): Promise<string[]> =>
    (await readdir(at.cacheDirectory)).map((name) => name.slice(13));

  it("fetches a file once, tells how far it is, and leaves nothing else in the cache", async () => {
    host.answers = [whole];
    const path = await download({ url: host.url(), checksum: `sha256:${sha("sha256")}` }, at);
    expect(await readFile(path)).to.deep.equal(CONTENT);
    expect(told.at(-1)).to.include({ step: "download", current: CONTENT.length, total: CONTENT.length });
    expect(await download({ url: host.url() }, { ...at, offline: true })).to.equal(path);
    expect(host.seen).to.have.length(1);
    expect(await cached()).to.deep.equal(["stage3.tar.xz"]);
  });

  for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) {
    it(`checks a bare ${algorithm} and a marked one`, async () => {
      host.answers = [whole];
      await download({ url: host.url(), checksum: sha(algorithm) }, at);
      await download({ url: host.url(), checksum: `${algorithm}:${sha(algorithm).toUpperCase()}` }, at);
      expect(host.seen).to.have.length(1);
    });
  }

  it("goes on where the connection broke, by asking for the rest of the same file", async () => {
    host.answers = [cut, rest];
    const path = await download({ url: host.url() }, at);
    expect(await readFile(path)).to.deep.equal(CONTENT);
    expect(host.seen[1]?.headers.range).to.match(/^bytes=[1-9]\d*-$/);
    expect(host.seen[1]?.headers["if-range"]).to.equal('"one"');
  });

  it("goes on where an earlier run stopped", async () => {
    host.answers = [cut, status(404)];
    await problemOf(download({ url: host.url() }, at));
    const [name] = (await readdir(cache)).filter((one) => one.endsWith(".part"));
    const killed = { pid: 2 ** 22 + 1, host: hostname() };
    await writeFile(join(cache, `${name!}.lock`), JSON.stringify(killed));
    host.answers = [rest];
    const path = await download({ url: host.url() }, at);
    expect(await readFile(path)).to.deep.equal(CONTENT);
    expect(await cached()).to.deep.equal(["stage3.tar.xz"]);
  });

  it("starts over where the server's tag is weak, which promises no same bytes", async () => {
    host.answers = [cutWith({ etag: 'W/"one"' }), whole];
    expect(await readFile(await download({ url: host.url() }, at))).to.deep.equal(CONTENT);
    expect(host.seen[1]?.headers.range).to.equal(undefined);
  });

  it("starts over when the server answers with the whole file", async () => {
    host.answers = [cut, whole];
    expect(await readFile(await download({ url: host.url() }, at))).to.deep.equal(CONTENT);
  });

  it("starts over when the server resumes at another byte, or says 416", async () => {
    for (const answer of [wrong, status(416)]) {
      host.answers = [cut, answer, whole];
      expect(await readFile(await download({ url: host.url(), fresh: true }, at))).to.deep.equal(CONTENT);
    }
  });

  it("starts over when what was resumed does not have the checksum", async () => {
    const lie: Answer = (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1]);
      const range = `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`;
      response
        .writeHead(206, { ...headers, "content-range": range })
        .end(Buffer.alloc(CONTENT.length - from));
    };
    host.answers = [cut, lie, whole];
    const path = await download({ url: host.url(), checksum: sha("sha256") }, at);
    expect(await readFile(path)).to.deep.equal(CONTENT);
  });

  it("repeats a request that failed for a moment", async () => {
    host.answers = [status(503), status(429), whole];
    await download({ url: host.url() }, at);
    expect(host.seen).to.have.length(3);
  });

  it("says how a download ended that is always cut short, and keeps what came", async () => {
    host.answers = [cut];
    const problem = await problemOf(download({ url: host.url("/a.tar?token=hidden") }, at));
    const message = problem.message.replace(/:\d+\//, ":1/").replace(/(downloaded: ).*/, "$1cut short");
    expect({ ...problem, message }).to.deep.equal({
      code: "download/failed",
      message: "http://127.0.0.1:1/a.tar?… could not be downloaded: cut short",
      notes: ["tried 5 times"],
      help: ["run again: what came so far is kept and gone on with"],
    });
    expect(await cached()).to.have.members(["a.tar.part", "a.tar.part.json"]);
  });

  it("loses nothing from the cache when the checksum differs", async () => {
    host.answers = [whole];
    const path = await download({ url: host.url() }, at);
    const problem = await problemOf(download({ url: host.url(), checksum: `md5:${"0".repeat(32)}` }, at));
    expect(problem).to.deep.include({
      code: "download/checksum",
      message: `the md5 of ${host.url()} differs`,
      notes: [`expected ${"0".repeat(32)}`, `found    ${sha("md5")}`],
    });
    expect(await readFile(path)).to.deep.equal(CONTENT);
    expect(await cached()).to.deep.equal(["stage3.tar.xz"]);
  });

  it("refuses what the server refuses, without password in the message", async () => {
    host.answers = [status(404)];
    const url = host.url().replace("//", "//me:secret@");
    const problem = await problemOf(download({ url }, at));
    expect(problem).to.deep.equal({
      code: "download/refused",
      message: `${host.url()} was answered with HTTP status 404`,
      help: ["check the URL"],
    });
    expect(host.seen).to.have.length(1);
    expect(host.seen[0]?.headers.authorization).to.equal(
      `Basic ${Buffer.from("me:secret").toString("base64")}`,
    );
  });

  it("takes a percent sign in a password that begins no escape for itself", async () => {
    host.answers = [whole];
    await download({ url: host.url().replace("//", "//me:5%%C3%A9%zz@") }, at);
    expect(host.seen[0]?.headers.authorization).to.equal(
      `Basic ${Buffer.from("me:5%é%zz").toString("base64")}`,
    );
  });

  it("transfers a file once for all who want it at the same time", async () => {
    host.answers = [whole];
    const paths = await Promise.all([1, 2, 3].map(() => download({ url: host.url() }, at)));
    expect(new Set(paths).size).to.equal(1);
    expect(host.seen).to.have.length(1);
  });

  it("goes on for the others when one gives up, and stops with the last", async () => {
    const stop = [new AbortController(), new AbortController()];
    const closed = new Promise<void>((done) => {
      host.answers = [
        (request, response) => {
          response.writeHead(200, headers).write(CONTENT.subarray(0, 10));
          request.socket.on("close", () => done());
          stop[0]!.abort(new Error("first"));
        },
      ];
    });
    const work = stop.map(({ signal }) => download({ url: host.url() }, { ...at, signal }));
    expect(await work[0]!.catch((error: Error) => error.message)).to.equal("first");
    stop[1]!.abort(new Error("second"));
    expect(await work[1]!.catch((error: Error) => error.message)).to.equal("second");
    await closed;
    expect((await cached()).filter((name) => name.endsWith(".lock"))).to.deep.equal([]);
  });

  it("follows redirects", async () => {
    host.answers = [
      (_request, response) => void response.writeHead(302, { location: "/there" }).end(),
      whole,
    ];
    const path = await download({ url: host.url("/here.tar") }, at);
    expect(await readFile(path)).to.deep.equal(CONTENT);
    expect(path).to.match(/-here\.tar$/);
  });

  it("goes through a proxy that is named without a scheme, and past it for NO_PROXY", async () => {
    host.answers = [whole];
    const proxy = new URL(host.url()).host;
    await download({ url: "http://stages.invalid/x.tar" }, { ...at, env: { HTTP_PROXY: proxy } });
    expect(host.seen[0]?.url).to.equal("http://stages.invalid/x.tar");
    await download({ url: host.url() }, { ...at, env: { HTTP_PROXY: "127.0.0.1:9", NO_PROXY: "127.0.0.1" } });
  });

  it("says what is wrong with a proxy", async () => {
    const problem = await problemOf(
      download({ url: host.url() }, { ...at, env: { http_proxy: "ftp://a:b@c:1" } }),
    );
    expect(problem.message).to.equal('"ftp://c:1/" is not a proxy that can be used');
  });

  it("uses local files where they are", async () => {
    await mkdir(at.home);
    await writeFile(join(folder, "a b.tar"), CONTENT);
    await writeFile(join(at.home, "c.tar"), CONTENT);
    const checksum = sha("sha1");
    expect(await download({ url: "a b.tar", checksum }, at)).to.equal(join(folder, "a b.tar"));
    expect(await download({ url: `file://${folder}/a%20b.tar` }, at)).to.equal(join(folder, "a b.tar"));
    expect(await download({ url: "~/c.tar" }, { ...at, offline: true })).to.equal(join(at.home, "c.tar"));
    expect((await problemOf(download({ url: "d.tar" }, at))).message).to.equal(
      `there is no file ${join(folder, "d.tar")}`,
    );
    expect((await problemOf(download({ url: "home" }, at))).message).to.equal(`${at.home} is not a file`);
  });

  it("says what an offline run lacks", async () => {
    const problem = await problemOf(download({ url: "https://x.org/a.tar" }, { ...at, offline: true }));
    expect(problem.message).to.equal(
      "https://x.org/a.tar is not in the download cache, and this run is offline",
    );
  });

  it("refuses other URLs, bad checksums and a cache that cannot be written", async () => {
    expect((await problemOf(download({ url: "ftp://x/a" }, at))).message).to.equal(
      '"ftp://x/a" cannot be downloaded',
    );
    const bad = await problemOf(download({ url: "https://x.org/a", checksum: "sha256:12" }, at));
    expect(bad.message).to.equal('"sha256:12" is not a checksum');
    await writeFile(join(folder, "file"), "");
    const cacheDirectory = join(folder, "file");
    const cache = await problemOf(download({ url: host.url() }, { ...at, cacheDirectory }));
    expect(cache).to.include({ code: "download/cache", message: `cannot write to ${cacheDirectory}` });
  });

  it("leaves the file alone that another run fills, in another container or on another host, too", async () => {
    host.answers = [whole];
    const path = await download({ url: host.url() }, at);
    await rm(path);
    // A number that no process here has says nothing of one elsewhere.
    const holders = [{ pid: process.pid }, { pid: 2 ** 22 + 1, host: "elsewhere" }];
    for (const holder of holders) {
      const lock = JSON.stringify({ host: hostname(), ...holder });
      await writeFile(`${path}.part`, "theirs");
      await writeFile(`${path}.part.lock`, lock);
      await download({ url: host.url(), fresh: true }, at);
      expect(await readFile(`${path}.part`, "utf8")).to.equal("theirs");
      expect(await readFile(`${path}.part.lock`, "utf8")).to.equal(lock);
      expect(await cached()).to.have.lengthOf(3);
    }
  });
});
