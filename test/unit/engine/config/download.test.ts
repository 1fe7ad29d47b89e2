import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { ask, values } from "../../../support/config.js";
import { runCli } from "../../../support/in-process.js";
import { asNobody } from "../../../support/other-user.js";
import { temporaryFolder } from "../../../support/tmp.js";

type Page =
  | { readonly text: string | Buffer; readonly type?: string }
  | { readonly status: number; readonly to?: string };

/** A web server with these pages; what it was asked for is listed. */
class Web {
  readonly asked: string[] = [];
  readonly headers: (string | undefined)[] = [];
  pages: Record<string, Page | "never"> = {};
  private readonly server: Server;

  constructor() {
    this.server = createServer(this.#answer);
  }

  #answer: RequestListener = (request, response) => {
    const path = request.url ?? "";
    this.asked.push(path);
    this.headers.push(request.headers.authorization);
    const page = this.pages[path] ?? { status: 404 };
    if (page === "never") return;
    if ("status" in page) response.writeHead(page.status, page.to ? { location: page.to } : {}).end();
    else response.writeHead(200, { "content-type": page.type ?? "text/plain" }).end(page.text);
  };

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function run(cwd: string, ...args: string[]) {
  return runCli([...args, "query", "s:a"], { cwd });
}

describe("files that are extended by URL", () => {
  let web: Web;
  let at: string;
  beforeEach(async () => {
    web = new Web();
    at = await web.open();
  });
  afterEach(() => web.close());

  const cfg = (name: string, more = ""): Record<string, string> => ({
    "buildout.cfg": `[buildout]\nextends = ${at}/${name}\n${more}`,
  });

  it("bring their own relative files, each fetched once", async () => {
    web.pages = {
      "/a/one.cfg": { text: "[buildout]\nextends = ../b/two.cfg sub/three.cfg\n[s]\na = 1\n" },
      "/b/two.cfg": { text: "[s]\na = 2\nb = 2\n" },
      "/a/sub/three.cfg": { text: `[buildout]\nextends = ${at}/b/two.cfg\n[s]\nc = 3\n` },
    };
    expect((await values(cfg("a/one.cfg")))["s"]).to.deep.equal({ a: "1", b: "2", c: "3" });
    expect(web.asked).to.deep.equal(["/a/one.cfg", "/b/two.cfg", "/a/sub/three.cfg"]);
  });

  it("may be the main file", async () => {
    web.pages = { "/main.cfg": { text: "[s]\na = $<buildout:directory>\n" } };
    const { stdout, folder } = await ask({}, { args: ["-c", `${at}/main.cfg`, "query", "s:a"] });
    expect(stdout).to.equal("@\n");
    expect(folder).to.not.equal("");
  });

  it("follow redirects, and hand a password over as a header", async () => {
    web.pages = { "/a.cfg": { status: 302, to: "/b.cfg" }, "/b.cfg": { text: "[s]\na = 1\n" } };
    const files = { "buildout.cfg": `[buildout]\nextends = ${at.replace("//", "//me:secret@")}/a.cfg\n` };
    const { stdout } = await ask(files, { args: ["annotate", "s"] });
    expect(stdout).to.contain("a = 1");
    expect(stdout).to.not.contain("secret");
    expect(web.headers[0]).to.equal(`Basic ${Buffer.from("me:secret").toString("base64")}`);
  });

  const wrong: readonly (readonly [string, Record<string, Page>, string])[] = [
    ["are not there", {}, "config/missing-file]: there is no file URL (HTTP 404)"],
    ["need a login", { "/x.cfg": { status: 403 } }, "config/download]: URL was refused (HTTP 403)"],
    [
      "redirect in a circle",
      { "/x.cfg": { status: 302, to: "/x.cfg" } },
      "config/download]: URL cannot be downloaded: it redirects in a circle, too often, or to no address",
    ],
    ["break the server", { "/x.cfg": { status: 500 } }, "config/download]: URL was refused (HTTP 500)"],
    [
      "are a web page",
      { "/x.cfg": { text: "<!DOCTYPE html><html>", type: "text/html; charset=utf-8" } },
      "config/download]: URL answers with text/html, not with a configuration file",
    ],
    [
      "are an archive",
      { "/x.cfg": { text: gzipSync("x"), type: "application/gzip" } },
      "config/download]: URL answers with application/gzip, not with a configuration file",
    ],
    [
      "are bytes",
      { "/x.cfg": { text: Buffer.from([1, 255, 3]) } },
      "config/not-text]: URL is not text in UTF-8: see byte 1",
    ],
    [
      "extend themselves",
      { "/x.cfg": { text: "[buildout]\nextends = ./y/../x.cfg\n" } },
      "config/circular-extends]: URL extends itself",
    ],
  ];
  for (const [what, pages, message] of wrong)
    it(`are an error where they ${what}`, async () => {
      web.pages = pages;
      const { code, stderr } = await ask(cfg("x.cfg"));
      expect(stderr.split("\n")[0]).to.equal(`error[${message.replace("URL", `${at}/x.cfg`)}`);
      expect(code).to.equal(2);
    });

  it("are an error where the server speaks no TLS", async () => {
    const url = `${at.replace("http:", "https:")}/x.cfg`;
    const { code, stderr } = await ask({ "buildout.cfg": `[buildout]\nextends = ${url}\n` });
    const lines = stderr.trimEnd().split("\n");
    expect(lines[0]).to.equal(
      `error[config/download]: ${url} cannot be downloaded: the server answers no TLS there`,
    );
    expect(lines.at(-1)).to.equal("  = help: is it http:// rather than https://?");
    expect(code).to.equal(2);
  });

  it("are an error where the server never answers", async () => {
    web.pages = { "/x.cfg": "never" };
    const { code, stderr } = await ask(cfg("x.cfg"), { args: ["-t", "0.2", "annotate"] });
    expect(stderr.split("\n")[0]).to.equal(
      `error[config/download]: ${at}/x.cfg has not answered for 0.2 seconds`,
    );
    expect(code).to.equal(2);
  });

  it("say exactly config/ambiguous-directory where they give a relative folder", async () => {
    web.pages = { "/x.cfg": { text: "[buildout]\ndownload-cache = dl\n" } };
    const { code, stderr } = await ask(cfg("x.cfg"));
    expect(stderr).to.equal(
      [
        'error[config/ambiguous-directory]: "dl" in a file that was downloaded is relative to no directory of this machine',
        `  ${at}/x.cfg:2:18`,
        "2 | download-cache = dl",
        "  |                  ^^",
        '  = help: give download-cache an absolute path, or one that starts with "~/"',
        "",
      ].join("\n"),
    );
    expect(code).to.equal(2);
  });

  it("can be interrupted", async () => {
    web.pages = { "/x.cfg": "never" };
    const interrupt = new AbortController();
    const cwd = await temporaryFolder(cfg("x.cfg"));
    const run = runCli(["annotate"], { cwd, signal: interrupt.signal });
    while (web.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    interrupt.abort();
    expect(await run).to.deep.include({ code: 130, stderr: "interrupted\n" });
  });

  it("are not missed where they are optional", async () => {
    const files = { "buildout.cfg": `[buildout]\noptional-extends = ${at}/x.cfg\n[s]\na = 1\n` };
    expect((await values(files))["s"]).to.deep.equal({ a: "1" });
  });

  describe("with extends-cache", () => {
    it("are kept, and used offline, when not newest, and when the server is gone", async () => {
      web.pages = { "/x.cfg": { text: "[s]\na = 1\n" } };
      const cwd = await temporaryFolder(cfg("x.cfg", "extends-cache = cache\n"));
      expect(await run(cwd)).to.deep.include({ stdout: "1\n" });
      const [kept] = readdirSync(join(cwd, "cache"));
      expect(readFileSync(join(cwd, "cache", kept!), "utf8")).to.equal("[s]\na = 1\n");
      web.pages = { "/x.cfg": { text: "[s]\na = 2\n" } };
      expect(await run(cwd, "-o")).to.deep.include({ stdout: "1\n" });
      expect(await run(cwd, "-N")).to.deep.include({ stdout: "1\n" });
      expect(web.asked).to.have.length(1);
      expect(await run(cwd)).to.deep.include({ stdout: "2\n" });
      web.pages = { "/x.cfg": { status: 500 } };
      expect(await run(cwd)).to.deep.include({ stdout: "2\n" });
    });

    it("are not used as they were where what has come since cannot be kept", async () => {
      web.pages = { "/x.cfg": { text: "[s]\na = 1\n" } };
      const cwd = await temporaryFolder(cfg("x.cfg", "extends-cache = cache\n"));
      await run(cwd);
      chmodSync(cwd, 0o755);
      const cache = join(cwd, "cache");
      chmodSync(cache, 0o555);
      web.pages = { "/x.cfg": { text: "[s]\na = 2\n" } };
      const { code, stdout, stderr } = await asNobody(() => run(cwd));
      chmodSync(cache, 0o755);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: "" });
      const [first = "", ...rest] = stderr.trimEnd().split("\n");
      expect(first.split("EACCES")[0]).to.equal(
        `error[config/download]: what was downloaded cannot be kept in ${cache}: `,
      );
      expect(rest.at(-1)).to.equal(
        "  = help: make room or make the folder writable, or name another extends-cache",
      );
      expect(readdirSync(cache)).to.have.length(1);
    });

    it("lie beside the file that says so", async () => {
      web.pages = { "/x.cfg": { text: "[s]\na = 1\n" } };
      const cwd = await temporaryFolder({
        ...cfg("x.cfg"),
        "home/.tsbuildout/default.cfg": "[buildout]\nextends-cache = ext\n",
      });
      await runCli(["annotate"], { cwd, home: join(cwd, "home") });
      expect(readdirSync(join(cwd, "home/.tsbuildout/ext"))).to.have.length(1);
    });
  });

  it("go through a proxy that is named without a scheme", async () => {
    const proxy = new Web();
    const through = await proxy.open();
    proxy.pages = { "http://configs.invalid/x.cfg": { text: "[s]\na = proxied\n" } };
    const files = { "buildout.cfg": "[buildout]\nextends = http://configs.invalid/x.cfg\n" };
    const env = { HTTP_PROXY: through.replace("http://", "") };
    const { stdout } = await ask(files, { args: ["query", "s:a"], env });
    proxy.close();
    expect(stdout).to.equal("proxied\n");
  });
});
