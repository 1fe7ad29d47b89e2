import { expect } from "chai";
import { chmod, link, lutimes, readdir, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { TestBuildout } from "../../../src/testing.js";
import { realBuildx } from "../../support/buildx.js";
import { engineRemove, uniqueName } from "../../support/engine.js";
import { filesOf } from "../../support/image-files.js";
import { imageBuildout, installed } from "../../support/image-buildout.js";
import { baseImage, ensureBaseImage } from "../../support/images.js";
import { temporaryFolder, type Files } from "../../support/tmp.js";

const NOON = new Date("2020-02-02T12:00:00Z");

/** A folder with one of each kind. */
async function folderOfAll(dockerfile: string): Promise<string> {
  const folder = await temporaryFolder({
    Dockerfile: dockerfile,
    ".dockerignore": "left-out\nd/*.log\n!d/kept.log\n",
    empty: "",
    exact: "x".repeat(128 * 1024),
    "left-out/f": "x",
    "d/a.log": "x",
    "d/kept.log": "kept",
    "d/e/f/deep": "deep",
    "d.x": "sorts between d and d/e in a list of bytes",
    "Grüße, 世界": "hello",
    "other/first": "linked",
    run: "#!/bin/sh\n",
  });
  const at = (name: string): string => join(folder, name);
  await writeFile(at("large"), Buffer.alloc(3 * 1024 * 1024 + 17, "large"));
  await truncate(at("empty"), 0);
  await link(at("other/first"), at("other/second"));
  await symlink("../d/e", at("other/to-folder"));
  await symlink("nowhere", at("dangling"));
  await chmod(at("run"), 0o755);
  await chmod(at("d"), 0o1777);
  await utimes(at("exact"), new Date("1960-01-01T00:00:00Z"), new Date("1960-01-01T00:00:00Z"));
  // BuildKit takes what an earlier run of this test built for the same, whatever its times.
  for (const { parentPath, name } of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (name !== "exact") await lutimes(join(parentPath, name), NOON, NOON);
  return folder;
}

describe("docker.build: how a folder gets there", () => {
  let name: string;
  const open: TestBuildout[] = [];
  let buildx: Readonly<Record<string, string>>;
  before(async () => {
    await ensureBaseImage();
    buildx = await realBuildx();
  });
  beforeEach(() => (name = uniqueName("tsb-folder")));
  afterEach(async () => {
    for (const buildout of open.splice(0)) {
      await buildout.uninstall().catch(() => undefined);
      await buildout.dispose();
    }
    await engineRemove("images", name);
  });
  const build = async (folder: string, builder: string): Promise<TestBuildout> => {
    const config = `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nsource = ${folder}\nbuilder = ${builder}\n`;
    const made = await imageBuildout({ config, env: buildx });
    open.push(made);
    return made;
  };
  const under = async (root: string): Promise<Record<string, object>> => {
    const { all } = await filesOf(name);
    const found = [...all].filter(([path]) => path.startsWith(`${root}/`));
    return Object.fromEntries(
      found.map(([path, { type, mode, uid, gid, size, linkname, mtime, content }]) => {
        const dated = type === "directory" || path.includes("Dockerfile") ? {} : { mtime };
        return [
          path,
          { type, mode, uid, gid, size, linkname, ...dated, content: content.toString("base64") },
        ];
      }),
    );
  };

  const seen = async (files: Files, options: string): Promise<string[]> => {
    await installed(await build(await temporaryFolder(files), options), "app");
    return Object.keys(await under("data"));
  };

  it("is the same whichever builder takes it", async () => {
    const folder = await folderOfAll(`FROM ${baseImage}\nCOPY . /data\n`);
    await installed(await build(folder, "buildkit"), "app");
    const sent = await under("data");
    await installed(await build(folder, "classic"), "app");
    const other = await under("data");
    expect(Object.keys(sent)).to.deep.equal(Object.keys(other));
    for (const [path, file] of Object.entries(sent)) expect(file, path).to.deep.equal(other[path]);
    expect(Object.keys(sent)).to.include.members([
      "data/Grüße, 世界",
      "data/d/kept.log",
      "data/other/second",
    ]);
    expect(Object.keys(sent)).not.to.include.members(["data/left-out", "data/d/a.log"]);
  });

  for (const builder of ["classic", "buildkit", "buildx"])
    it(`brings no Dockerfile and no patterns along that are ignored, by the builder ${builder}`, async () => {
      const folder = await temporaryFolder({
        Dockerfile: `FROM ${baseImage}\nCOPY . /data\n`,
        ".dockerignore": "Dockerfile\n.*\n",
        f: "",
      });
      await installed(await build(folder, builder), "app");
      expect(Object.keys(await under("data"))).to.deep.equal(["data/f"]);
    });

  for (const builder of ["classic", "buildkit", "buildx"])
    it(`brings nothing along that is there for the builder alone, by the builder ${builder}`, async () => {
      const text = `FROM ${baseImage}\nCOPY . /data\n`;
      const inline = `dockerfile-inline =\n  ${text.trim().replace("\n", "\n  ")}`;
      const ignored = { Dockerfile: text, "Dockerfile.dockerignore": "Dockerfile*\n", f: "" };
      const beside = {
        ...ignored,
        "Dockerfile.dockerignore": "f\n*.dockerignore",
        ".dockerignore": "Dockerfile",
      };
      expect(await seen(ignored, builder), "patterns of the Dockerfile's own").to.deep.equal(["data/f"]);
      expect(await seen(ignored, `${builder}\nencoding = gzip`), "packed").to.deep.equal(["data/f"]);
      expect(await seen(beside, builder), "other patterns").to.deep.equal(["data/Dockerfile"]);
      expect(await seen({ f: "" }, `${builder}\n${inline}`), "no file").to.deep.equal(["data/f"]);
      const outside = join(await temporaryFolder({ Outside: text }), "Outside");
      expect(await seen({ f: "" }, `${builder}\ndockerfile = ${outside}`), "elsewhere").to.deep.equal([
        "data/f",
      ]);
    });

  for (const builder of ["buildkit", "buildx"])
    it(`takes the Dockerfile behind a link, and sees it change, by the builder ${builder}`, async () => {
      const elsewhere = await temporaryFolder({ shared: `FROM ${baseImage}\nCOPY f /data/one\n` });
      const folder = await temporaryFolder({ f: "" });
      await symlink(join(elsewhere, "shared"), join(folder, "Dockerfile"));
      const made = await build(folder, builder);
      await installed(made, "app");
      await writeFile(join(elsewhere, "shared"), `FROM ${baseImage}\nCOPY f /data/two\n`);
      await installed(made, "app");
      expect(Object.keys(await under("data"))).to.deep.equal(["data/two"]);
    });

  for (const builder of ["buildkit", "buildx"])
    it(`sends a file anew that has the size and the time of the one before, by the builder ${builder}`, async () => {
      const folder = await temporaryFolder({ Dockerfile: `FROM ${baseImage}\nCOPY f /data/f\n` });
      const made = await build(folder, builder);
      for (const content of [randomUUID(), randomUUID()]) {
        await writeFile(join(folder, "f"), content);
        await utimes(join(folder, "f"), NOON, NOON);
        await installed(made, "app");
        expect((await under("data"))["data/f"]).to.have.property("content", btoa(content));
      }
    });

  it("has the same digest whether it was read before or while it was sent", async () => {
    const folder = await folderOfAll(`FROM ${baseImage}\nCOPY d /d\n`);
    const digests = [];
    for (const builder of ["buildkit", "classic"]) {
      const made = await build(folder, builder);
      await installed(made, "app");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      digests.push((await made.records()).get("app")?.inputs["source"]);
    }
    expect(digests[0]).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(digests[1]).to.equal(digests[0]);
  });

  for (const builder of ["buildkit", "buildx"])
    it(`goes as an archive where a name is not UTF-8, by the builder ${builder}`, async () => {
      const folder = await temporaryFolder({ Dockerfile: `FROM ${baseImage}\nCOPY . /data\n` });
      await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff])]), "x");
      await installed(await build(folder, builder), "app");
      const names = [...(await filesOf(name)).all.keys()];
      expect(names.filter((path) => path.startsWith("data/f"))).to.have.length(1);
    });
});
