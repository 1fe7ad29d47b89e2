import { existsSync } from "node:fs";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, quick } from "../../support/quick-parts.js";

describe("the folder of caches, which buildouts of one folder share", () => {
  let buildout: TestBuildout;
  const kept = () => join(buildout.directory, ".tsbuildout", "packages");
  const other = (installed: string) => buildout.open([`installed=${installed}`]);

  beforeEach(async () => {
    buildout = await testBuildout({ config: config("a", "[a]\nrecipe = quick"), recipes: { quick } });
    await mkdir(kept(), { recursive: true });
  });

  afterEach(async () => {
    await buildout.dispose();
  });

  it("stays for the others when one of them takes its last part away, and goes with the last of all", async () => {
    await buildout.install();
    await other("other.cfg").install();
    await buildout.uninstall({ all: true });
    expect(existsSync(kept())).to.equal(true);
    await other("other.cfg").uninstall({ all: true });
    expect(await buildout.list()).to.deep.equal(["buildout.cfg"]);
  });

  it("knows one whose state file was given another name, and one that went with the folder to another place", async () => {
    await other("other.cfg").install();
    await rename(join(buildout.directory, "other.cfg"), join(buildout.directory, "third.cfg"));
    await other("third.cfg").install({ reinstall: ["a"] });
    const moved = join(buildout.directory, "moved");
    await mkdir(moved);
    for (const name of await readdir(buildout.directory))
      if (name !== "moved") await rename(join(buildout.directory, name), join(moved, name));
    await writeFile(join(buildout.directory, "buildout.cfg"), "[buildout]\nparts =\ndirectory = moved\n");
    await buildout.open(["parts=a", "a:recipe=quick"]).install();
    await buildout.uninstall({ all: true });
    expect(existsSync(join(moved, ".tsbuildout", "packages"))).to.equal(true);
  });

  it("does not wait for one whose state file was removed by hand", async () => {
    await other("other.cfg").install();
    await buildout.install();
    await buildout.remove("other.cfg");
    await buildout.uninstall({ all: true });
    expect(await buildout.list()).to.deep.equal(["buildout.cfg"]);
  });

  it("does not wait for one that a full disk kept from saying where its state file is", async () => {
    await buildout.install();
    await writeFile(join(buildout.directory, ".tsbuildout/states/0123456789ab"), "");
    await buildout.uninstall({ all: true });
    expect(await buildout.list()).to.deep.equal(["buildout.cfg"]);
  });
});
