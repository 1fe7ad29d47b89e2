import { expect } from "chai";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { packFiles } from "../../../src/docker.js";
import type { TestBuildout } from "../../../src/testing.js";
import { engineRemove, uniqueName } from "../../support/engine.js";
import { baseImage, ensureBaseImage, loadImage } from "../../support/images.js";
import { freePort } from "../../support/free-port.js";
import {
  failing,
  imageBuildout,
  diagnostics,
  inspectedImage,
  installed,
  printed,
  type ImageBuildout,
} from "../../support/image-buildout.js";
import { makeCertificates } from "../../support/certificates.js";
import { tlsProxy } from "../../support/proxies.js";
import { startSshd } from "../../support/sshd.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

const dockerfile = (...lines: string[]): string => [`FROM ${baseImage}`, ...lines, ""].join("\n");

const archive = async (text: string): Promise<Buffer> =>
  gzipSync(
    await buffer(
      packFiles([
        { name: "Dockerfile", content: Buffer.from(dockerfile("COPY f /f")) },
        { name: "f", content: Buffer.from(text) },
      ]),
    ),
  );

describe("docker.build: where the context comes from", () => {
  let name: string;
  const open: TestBuildout[] = [];
  before(async () => void (await ensureBaseImage()));
  beforeEach(() => (name = uniqueName("tsb-source")));
  afterEach(async () => {
    for (const buildout of open.splice(0)) {
      await buildout.uninstall().catch(() => undefined);
      await buildout.dispose();
    }
    await engineRemove("images", name);
  });
  const build = async (options: string, more: Partial<ImageBuildout> = {}): Promise<TestBuildout> => {
    const config = `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\n${options}\n`;
    const made = await imageBuildout({ config, ...more });
    open.push(made);
    return made;
  };

  describe("a git repository", () => {
    let folder: string;
    let url: string;
    let daemon: ChildProcess;
    const git = (...args: string[]): string =>
      execFileSync(
        "git",
        ["-C", join(folder, "work"), "-c", "user.name=t", "-c", "user.email=t@example.org", ...args],
        {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        },
      ).trim();
    const commit = async (text: string): Promise<string> => {
      await writeFiles(join(folder, "work"), {
        Dockerfile: dockerfile(`RUN echo ${text} > /v`),
        "sub/Dockerfile": dockerfile("COPY . /sub"),
        "sub/f": text,
      });
      git("add", "-A");
      git("commit", "--allow-empty", "-qm", text);
      git("push", "-q", join(folder, "repo.git"), "HEAD:main");
      return git("rev-parse", "HEAD");
    };
    before(async () => {
      folder = await temporaryFolder({ "work/README": "" });
      execFileSync("git", ["init", "-q", "--bare", "-b", "main", join(folder, "repo.git")]);
      execFileSync("git", ["init", "-q", "-b", "main", join(folder, "work")]);
      await commit("one");
      git("tag", "-a", "v1", "-m", "v1");
      git("push", "-q", join(folder, "repo.git"), "v1");
      const port = await freePort();
      url = `git://127.0.0.1:${port}/repo.git`;
      daemon = spawn(
        "git",
        [
          "daemon",
          "--export-all",
          "--reuseaddr",
          "--listen=127.0.0.1",
          `--port=${port}`,
          `--base-path=${folder}`,
        ],
        { stdio: ["ignore", "ignore", "ignore"] },
      );
      await answering(() => execFileSync("git", ["ls-remote", url], { stdio: "ignore" }));
    });
    after(() => void daemon.kill());

    it("is built at its head, and again when the head has moved", async () => {
      const made = await build(`source = ${url}`);
      await installed(made, "app");
      expect(await printed(name, ["cat", "/v"])).to.equal("one\n");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      const moved = await commit("two");
      await installed(made, "app");
      expect(await printed(name, ["cat", "/v"])).to.equal("two\n");
      expect((await made.records()).get("app")?.inputs["source"]).to.equal(`git:${moved}`);
      expect(await readdir(join(made.directory, ".tsbuildout")), "the copy is gone").to.deep.equal([
        "states",
      ]);
    });

    it("is built at a tag or a commit, in a folder of it, without .git", async () => {
      const made = await build(`source = ${url}#v1:sub`);
      await installed(made, "app");
      expect(await printed(name, ["sh", "-c", "ls -1A /sub; cat /sub/f"])).to.equal("Dockerfile\nf\none");
      const first = git("rev-list", "-n1", "v1");
      await made.write(
        `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nsource = ${url}#${first}\n`,
      );
      await installed(made, "app");
      expect(await printed(name, ["cat", "/v"])).to.equal("one\n");
    });

    it("is fetched over ssh from user@host:path, with the user's own ssh", async () => {
      const sshd = await startSshd({ LC_ALL: "C" });
      const outside = process.env["PATH"] ?? "";
      try {
        const source = `${sshd.user}@127.0.0.1:${join(folder, "repo.git")}`;
        const made = await build(`source = ${source}#v1:sub`, {
          env: { PATH: `${sshd.path}:${outside}` },
        });
        await installed(made, "app");
        expect(await printed(name, ["cat", "/sub/f"])).to.equal("one");
        expect((await made.install()).counts).to.include({ unchanged: 1 });
        const stranger = await build(`source = ${source}`, {
          env: { PATH: `${sshd.strangerPath}:${outside}` },
        });
        expect(await failing(stranger)).to.equal(
          [
            "build/git: git ls-remote failed: fatal: Could not read from remote repository.",
            `note: ${sshd.user}@127.0.0.1: Permission denied (publickey).`,
            "note: Please make sure you have the correct access rights",
            "note: and the repository exists.",
          ].join("\n"),
        );
      } finally {
        await sshd.close();
      }
    });

    it("says that there is no such branch, folder or server", async () => {
      expect(await failing(await build(`source = ${url}#nope`))).to.equal(
        `build/git: ${url} has no branch or tag "nope"`,
      );
      expect(await failing(await build(`source = ${url}#main:nope`))).to.equal(
        `build/git: ${url} has no folder "nope"`,
      );
      expect(await failing(await build(`source = git://127.0.0.1:1/x.git`))).to.match(
        /^build\/git: git ls-remote failed: fatal: unable to connect to 127\.0\.0\.1/,
      );
    });
  });

  describe("a URL", () => {
    let server: http.Server;
    let base: string;
    let content: Record<string, { body: Buffer; etag?: string }>;
    const asked: string[] = [];
    before(async () => {
      server = http.createServer((request, response) => {
        asked.push(`${request.method} ${request.url}`);
        const found = content[request.url ?? ""];
        if (!found) {
          response.writeHead(404).end();
          return;
        }
        response.writeHead(200, {
          "content-length": found.body.length,
          ...(found.etag ? { etag: found.etag } : {}),
        });
        response.end(request.method === "HEAD" ? undefined : found.body);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => void server.close());
    it("of a tar archive is fetched once, and again when its ETag changes", async () => {
      content = { "/c.tar.gz": { body: await archive("1"), etag: '"1"' } };
      const made = await build(`source = ${base}/c.tar.gz`);
      await installed(made, "app");
      expect(await printed(name, ["cat", "/f"])).to.equal("1");
      asked.length = 0;
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      expect(asked).to.deep.equal(["HEAD /c.tar.gz"]);
      content = { "/c.tar.gz": { body: await archive("2"), etag: '"2"' } };
      await installed(made, "app");
      expect(await printed(name, ["cat", "/f"])).to.equal("2");
    });

    it("of a Dockerfile is built without any context", async () => {
      content = { "/Dockerfile": { body: Buffer.from(dockerfile("RUN echo url > /v")) } };
      const made = await build(`source = ${base}/Dockerfile`);
      await installed(made, "app");
      expect(await printed(name, ["cat", "/v"])).to.equal("url\n");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
    });

    it("says that nothing is there", async () => {
      content = {};
      expect(await failing(await build(`source = ${base}/none.tar`))).to.equal(
        `build/unreachable: ${base}/none.tar was answered with HTTP status 404`,
      );
    });
  });

  for (const [kind, packed] of [
    ["c.tar", (tar: Buffer) => tar],
    ["c.tar.xz", (tar: Buffer) => execFileSync("xz", { input: tar })],
    ["c.tar.zst", (tar: Buffer) => execFileSync("zstd", { input: tar })],
  ] as const)
    it(`is an archive on the disk: ${kind}`, async () => {
      const made = await build(`source = ${kind}\ndockerfile = ./sub/File`);
      const tar = packFiles([
        { name: "sub/File", content: Buffer.from(dockerfile(`COPY f /f`, `RUN echo ${name}`)) },
        { name: "f", content: Buffer.from("tar") },
      ]);
      await writeFile(join(made.directory, kind), packed(await buffer(tar)));
      await installed(made, "app");
      expect(await printed(name, ["cat", "/f"])).to.equal("tar");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
    });

  for (const builder of ["buildkit", "classic"])
    it(`says which part builds the image that an archive starts from: ${builder}`, async () => {
      const base = `${name}-base`;
      const made = await build(
        [
          `source = c.tar\nbuilder = ${builder}`,
          // So that it is not there by chance.
          `[base]\nrecipe = docker.build\n=> app\nname = ${base}\ndockerfile-inline = FROM ${baseImage}`,
          "[buildout]\nparts += base",
        ].join("\n"),
      );
      const content = Buffer.from(`FROM ${base}\nRUN true\n`);
      await writeFile(
        join(made.directory, "c.tar"),
        await buffer(packFiles([{ name: "Dockerfile", content }])),
      );
      const said = await failing(made);
      expect(said).to.contain(`note: Dockerfile:1: FROM ${base}\n`);
      expect(said.replaceAll(`${base}:latest`, base).split("\n")).to.include(
        `help: the part base builds ${base}: write \`=> base\`, and it is built before`,
      );
    });

  it("is an archive with an inline Dockerfile", async () => {
    const made = await build(`source = c.tgz\ndockerfile-inline =\n  FROM ${baseImage}\n  COPY f /inline`);
    await writeFile(join(made.directory, "c.tgz"), await archive("of the archive"));
    await installed(made, "app");
    expect(await printed(name, ["cat", "/inline"])).to.equal("of the archive");
  });

  for (const kind of ["an archive", "a git repository"])
    it(`follows the image that the Dockerfile in ${kind} starts from`, async () => {
      const base = `${name}-base:1`;
      const config = (source: string): string =>
        `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nno-cache = true\nsource = ${source}\n`;
      const made = await build("source = .");
      const content = `FROM ${base}\n`;
      const git = (...args: string[]) => execFileSync("git", ["-C", join(made.directory, "c.git"), ...args]);
      if (kind === "an archive") {
        const tar = packFiles([{ name: "Dockerfile", content: Buffer.from(content) }]);
        await writeFile(join(made.directory, "c.tgz"), gzipSync(await buffer(tar)));
        await made.write(config("c.tgz"));
      } else {
        await writeFiles(made.directory, { "c.git/Dockerfile": content });
        git("init", "-q");
        git("add", "-A");
        git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "one");
        await made.write(config(`file://${made.directory}/c.git`));
      }
      const bases: string[] = [];
      try {
        for (const version of ["1", "2"]) {
          await loadImage(base, { Labels: { version, of: name } });
          bases.push((await inspectedImage(base))?.Id ?? base);
          await installed(made, "app");
          expect((await inspectedImage(name))?.Config.Labels).to.include({ version });
          expect((await made.install()).counts).to.include({ unchanged: 1 });
        }
      } finally {
        await made.uninstall();
        for (const id of bases) await engineRemove("images", id);
      }
    });

  it("is nothing but an inline Dockerfile, or one over the files of a folder", async () => {
    const made = await build(`dockerfile-inline =\n  FROM ${baseImage}\n  RUN echo $$HOME > /v`);
    await installed(made, "app");
    expect(await printed(name, ["cat", "/v"])).to.equal("/root\n");
    await writeFiles(made.directory, { "src/f": "folder", "src/Dockerfile": "FROM nowhere" });
    await made.write(
      `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nsource = src\ndockerfile-inline =\n  FROM ${baseImage}\n  COPY . /all\n`,
    );
    await installed(made, "app");
    expect(await printed(name, ["ls", "-1A", "/all"])).to.equal("Dockerfile\nf\n");
    await made.write(
      `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\ndockerfile-inline =\n  FROM ${baseImage}\n  WORKDIR /none\n  COPY . .\n`,
    );
    await installed(made, "app");
    expect(await printed(name, ["ls", "-1A", "/none"])).to.equal("");
  });

  describe("with BuildKit and no buildx", () => {
    it("has secrets from files and variables, which are nowhere to be seen", async () => {
      const made = await build(
        `builder = buildkit\nsecrets =\n  id=one,src=secret.txt\n  id=two,env=TWO\n  id=three,env=THREE\ndockerfile-inline =\n  FROM ${baseImage}\n  RUN --mount=type=secret,id=one --mount=type=secret,id=two cat /run/secrets/one /run/secrets/two; sha256sum < /run/secrets/one > /sum\n  RUN --mount=type=secret,id=three,required=true test ! -s /run/secrets/three\n`,
        { env: { TWO: "the-second-secret" }, files: { "secret.txt": "the-first-secret" } },
      );
      await installed(made, "app");
      expect(await printed(name, ["cat", "/sum"])).to.match(/^[0-9a-f]{64} /);
      expect(diagnostics(made)).to.deep.equal([
        'build/secret-empty: the secret "three" is empty: the variable THREE is not set\nhelp: set the variable, or leave the secret away',
      ]);
      const seen = JSON.stringify(made.events) + readFileSync(join(made.directory, ".installed.cfg"), "utf8");
      expect(seen).not.to.match(/the-(first|second)-secret/);
    });

    it("sends a folder to an engine over TLS, which asks for it the other way round", async () => {
      const certificates = await makeCertificates();
      const proxy = await tlsProxy(certificates);
      const made = await build(
        `source = src\nengine-url = tcp://127.0.0.1:${proxy.port}\nengine-tls-cert-path = ${certificates.client}\nengine-tls-verify = true`,
        { files: { "src/Dockerfile": dockerfile("COPY f /f"), "src/f": "over TLS\n" } },
      );
      await installed(made, "app");
      expect(await printed(name, ["cat", "/f"])).to.equal("over TLS\n");
      await made.uninstall();
      await proxy.close();
    });

    it("reaches an ssh agent that holds a key", async () => {
      const folder = await temporaryFolder();
      execFileSync("ssh-keygen", [
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        "a key of the test",
        "-f",
        join(folder, "key"),
      ]);
      const program = execFileSync("which", ["ssh-add"], { encoding: "utf8" }).trim();
      const libraries = execFileSync("ldd", [program], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
      const files = [program, ...libraries].map((path) => ({
        name: path.slice(1),
        content: readFileSync(path),
        mode: 0o755,
      }));
      // What an earlier run had it say is in the engine's cache.
      const made = await build(
        `builder = buildkit\nno-cache = true\nsource = c.tar\nssh = default=${join(folder, "key")}`,
      );
      const content = dockerfile("COPY . /", "RUN --mount=type=ssh,required=true " + program + " -l");
      const { writeFile } = await import("node:fs/promises");
      await writeFile(
        join(made.directory, "c.tar"),
        await buffer(packFiles([{ name: "Dockerfile", content: Buffer.from(content) }, ...files])),
      );
      await installed(made, "app");
      expect(made.log("app").join("\n")).to.contain("a key of the test (ED25519)");
    });

    it("says what the classic builder cannot do", async () => {
      const made = await build(
        `builder = classic\nssh = default\nsecrets = id=a,env=A\ndockerfile-inline =\n  FROM ${baseImage}\n`,
        { env: { A: "b" } },
      );
      expect(await failing(made)).to.equal(
        "build/needs-buildkit: secrets, ssh: BuildKit is needed for this\nnote: builder = classic was asked for\nhelp: set builder = auto, or leave secrets, ssh away",
      );
    });

    it("says what only buildx can do", async () => {
      const made = await build(
        `builder = buildkit\nplatform = linux/amd64 linux/arm64\ncache-to = type=local,dest=x\ndockerfile-inline =\n  FROM ${baseImage}\n`,
      );
      expect((await made.plan()).steps[0]?.notes).to.deep.equal([
        "would fail as things are: platform, cache-to: docker buildx is needed for this",
      ]);
      expect(await failing(made)).to.equal(
        "build/needs-buildx: platform, cache-to: docker buildx is needed for this\nnote: builder = buildkit was asked for\nhelp: set builder = auto, or leave platform, cache-to away",
      );
    });
  });
});

async function answering(ask: () => void): Promise<void> {
  const end = Date.now() + 120_000;
  for (;;) {
    try {
      return ask();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
