import { expect } from "chai";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { BuildReport } from "../../../src/docker/build-report.js";
import { chooseBuilder, type BuilderChoice } from "../../../src/docker/build-choice.js";
import { parseSource } from "../../../src/docker/build-source.js";
import { buildByBuildx, buildxArguments, type BuildxSpec } from "../../../src/docker/buildx.js";
import { findBuildx } from "../../../src/docker/buildx-find.js";
import type { EngineInfo } from "../../../src/docker.js";
import { problemOf } from "../../support/problem.js";
import { temporaryFolder } from "../../support/tmp.js";

const choice = (
  more: Partial<BuilderChoice> = {},
  info: Partial<EngineInfo> = {},
  apiVersion = "1.41",
): BuilderChoice => ({
  asked: "auto",
  needs: { buildx: [], buildkit: [] },
  buildx: undefined,
  engine: {
    apiVersion,
    libpod: false,
    endpoint: "unix:///x",
    info: async () =>
      await Promise.resolve({
        os: "linux",
        serverVersion: "20.10.24",
        containerdStore: false,
        ...info,
      } as EngineInfo),
  },
  ...more,
});

const spec: BuildxSpec = {
  tags: ["app:1", "app:2"],
  dockerfile: "Dockerfile",
  buildArgs: { TOKEN: "hidden", PATH: "/x" },
  labels: { a: "b" },
  cacheFrom: ["app"],
  cacheTo: ["type=inline"],
  noCacheFilter: ["base"],
  annotations: { "index:a.b": "c d" },
  allow: ["network.host"],
  ulimits: [{ Name: "nofile", Soft: 64, Hard: 128 }],
  cgroupParent: "above",
  noCache: true,
  pull: false,
  rm: true,
  forceRm: true,
  extraHosts: ["h:1.2.3.4"],
  platform: "linux/amd64,linux/arm64",
  context: "-",
  secrets: ["id=s,env=S"],
  ssh: ["default"],
  output: [],
  buildContexts: ["base=docker-image://b"],
};

describe("chooseBuilder", () => {
  const buildx = ["/usr/bin/docker", "buildx"];

  it("takes buildx where it is, else BuildKit, else the classic builder", async () => {
    expect(await chooseBuilder(choice({ buildx }))).to.equal("buildx");
    expect(await chooseBuilder(choice())).to.equal("buildkit");
    expect(await chooseBuilder(choice({}, {}, "1.38"))).to.equal("classic");
    expect(await chooseBuilder(choice({}, { os: "windows" }))).to.equal("classic");
    const contained = { containerdStore: true, serverVersion: "26.1.5+dfsg1" };
    expect(await chooseBuilder(choice({}, contained))).to.equal("classic");
    expect(await chooseBuilder(choice({}, { ...contained, serverVersion: "28.5.1" }))).to.equal("buildkit");
  });

  it("leaves podman to build by itself, unless that takes BuildKit", async () => {
    const podman = { buildx, engine: { ...choice().engine, libpod: true } };
    expect(await chooseBuilder(choice(podman))).to.equal("buildkit");
    expect(await chooseBuilder(choice({ ...podman, asked: "buildx" }))).to.equal("buildx");
    for (const needs of [
      { buildx: ["provenance"], buildkit: [] },
      { buildx: [], buildkit: ["secrets"] },
    ])
      expect(await chooseBuilder(choice({ ...podman, needs }))).to.equal("buildx");
  });

  it("takes the one that is asked for", async () => {
    for (const asked of ["buildx", "buildkit", "classic"] as const)
      expect(await chooseBuilder(choice({ asked, buildx }))).to.equal(asked);
  });

  it("says what is missing", async () => {
    expect(await problemOf(async () => await chooseBuilder(choice({ asked: "buildx" })))).to.deep.equal({
      code: "build/no-buildx",
      message: "builder = buildx was asked for, and docker buildx was not found",
      help: ["install docker-buildx, or set builder = auto"],
      option: "builder",
    });
    expect(
      await problemOf(async () => await chooseBuilder(choice({ asked: "buildkit" }, {}, "1.38"))),
    ).to.deep.equal({
      code: "build/no-buildkit",
      message: "builder = buildkit was asked for, and this engine has none",
      notes: ["the engine speaks API 1.38, and BuildKit came with 1.39"],
      help: ["set builder = auto"],
      option: "builder",
    });
    const needs = { buildx: ["sbom"], buildkit: ["ssh"] };
    expect(await problemOf(async () => await chooseBuilder(choice({ needs })))).to.deep.equal({
      code: "build/needs-buildx",
      message: "sbom: docker buildx is needed for this",
      notes: ["docker buildx was not found"],
      help: ["install docker-buildx"],
      option: "sbom",
    });
  });
});

const source = (text: string) => parseSource(text, "/b");

describe("parseSource", () => {
  it("tells repositories, files and folders apart", () => {
    expect(source("src")).to.deep.equal({ kind: "local", path: "/b/src" });
    expect(source("/abs#x")).to.deep.equal({ kind: "local", path: "/abs#x" });
    expect(source("https://h/c.tar.gz")).to.deep.equal({ kind: "url", url: "https://h/c.tar.gz" });
    expect(source("git@host:a/b.git#v1:sub/dir")).to.deep.equal({
      kind: "git",
      url: "git@host:a/b.git",
      ref: "v1",
      folder: "sub/dir",
    });
    expect(source("https://u:p@h/r.git")).to.deep.equal({
      kind: "git",
      url: "https://u:p@h/r.git",
      ref: undefined,
      folder: undefined,
    });
    expect(source("github.com/a/b#:x")).to.deep.equal({
      kind: "git",
      url: "https://github.com/a/b",
      ref: undefined,
      folder: "x",
    });
    expect(source("git://h/r#v1:/x/y")).to.include({ ref: "v1", folder: "x/y" });
    expect(source("ssh://git@h/r")).to.include({ kind: "git", url: "ssh://git@h/r" });
  });

  it("lets neither ref nor folder be anything else", async () => {
    expect(
      await problemOf(async () => await Promise.resolve(source("git://h/r#--upload-pack=x"))),
    ).to.include({ code: "build/bad-source" });
    expect(await problemOf(async () => await Promise.resolve(source("git://h/r#v:../..")))).to.include({
      message: 'the folder "../.." leads out of the repository',
    });
  });

  it("says of an address that is none how it can be one, and not what it is", async () => {
    for (const url of ["https://u:p/w@h/r.git#main", "https://u:p#w@h/x.tar", "git+https://u:p?w@h/r"])
      expect(await problemOf(async () => await Promise.resolve(source(url)))).to.deep.equal({
        code: "build/bad-source",
        message: "this is no URL: in a password, write / as %2F, # as %23 and ? as %3F",
        option: "source",
      });
  });

  it("takes no address of another kind for the path of a folder", async () => {
    for (const scheme of ["file://", "ftp://"])
      expect(await problemOf(async () => await Promise.resolve(source(`${scheme}/srv/app`)))).to.include({
        code: "build/bad-source",
        message: `"${scheme}" is for no source: a folder is a path, and a repository's URL ends in .git`,
      });
    expect(source("file:///srv/app.git")).to.include({ kind: "git" });
  });
});

describe("buildxArguments", () => {
  it("keep values out of the command line where they can", () => {
    const { args, env } = buildxArguments(spec, "/m");
    expect(env).to.deep.equal({ TOKEN: "hidden" });
    expect(args.join(" ")).to.equal(
      "build --progress=rawjson --metadata-file /m --file Dockerfile --tag app:1 --tag app:2 --build-arg TOKEN --build-arg PATH=/x --label a=b --annotation index:a.b=c d --cache-from app --cache-to type=inline --no-cache --no-cache-filter base --ulimit nofile=64:128 --cgroup-parent above --allow network.host --platform linux/amd64,linux/arm64 --add-host h:1.2.3.4 --secret id=s,env=S --ssh default --build-context base=docker-image://b --provenance=false --load -- -",
    );
    const ecr = "type=registry,ref=123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:cache";
    const cacheTo = [ecr, `${ecr},image-manifest=false`, "type=registry,ref=r.example/app:cache"];
    const told = buildxArguments({ ...spec, cacheTo }, "/m").args.filter(
      (_, at, all) => all[at - 1] === "--cache-to",
    );
    expect(told, "a cache in ECR has the form that ECR takes").to.deep.equal([
      `${ecr},image-manifest=true,oci-mediatypes=true`,
      ...cacheTo.slice(1),
    ]);
  });
});

describe("buildByBuildx", () => {
  it("says how a buildx has ended that said nothing", async () => {
    const folder = await temporaryFolder();
    const ending = async (...command: string[]): Promise<object> => {
      const report = new BuildReport({ log: () => undefined, progress: () => undefined });
      const how = { command, env: { PATH: process.env["PATH"] }, cwd: folder, folder, report };
      const { signal } = new AbortController();
      return await problemOf(() => buildByBuildx({ ...spec, buildArgs: {} }, { ...how, signal }));
    };
    expect(await ending("sh", "-c", "kill -9 $$")).to.include({ message: "it was ended by SIGKILL" });
    expect(await ending("sh", "-c", "exit 3")).to.include({ message: "exit code 3" });
    const gone = join(folder, "gone");
    expect(await ending(gone)).to.include({ message: `spawn ${gone} ENOENT` });
  });
});

describe("findBuildx", () => {
  it("looks where the docker CLI looks, and runs nothing", async () => {
    const folder = await temporaryFolder({
      "config/cli-plugins/docker-buildx": "",
      "bin/docker": "",
      "extra/docker-buildx": "",
      "alone/buildx": "",
    });
    const at = (env: Record<string, string>) => ({
      env: { DOCKER_CONFIG: join(folder, "config"), ...env },
      home: folder,
    });
    for (const file of ["config/cli-plugins/docker-buildx", "bin/docker", "alone/buildx"])
      await chmod(join(folder, file), 0o755);
    expect(await findBuildx(at({ PATH: join(folder, "bin") }))).to.deep.equal([
      join(folder, "bin/docker"),
      "buildx",
    ]);
    expect(await findBuildx(at({ PATH: "/nonexistent" }))).to.deep.equal([
      join(folder, "config/cli-plugins/docker-buildx"),
    ]);
    const without = { ...at({ PATH: join(folder, "alone") }).env, DOCKER_CONFIG: "/nonexistent" };
    expect(await findBuildx({ env: without, home: folder })).to.deep.equal([join(folder, "alone/buildx")]);
  });
});
