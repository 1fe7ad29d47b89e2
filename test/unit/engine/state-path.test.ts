import { expect } from "chai";
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Recipe } from "../../../src/engine/contract.js";
import { Buildout } from "../../../src/engine/buildout.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, quick, refusal } from "../../support/quick-parts.js";

describe("where the state is", () => {
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    buildout = await testBuildout({ config: text, recipes: { quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
  });

  it("keeps a state file that is a symbolic link where the link leads, with all that is beside it", async () => {
    await open(config("a", "[a]\nrecipe = quick\na = 1"));
    const kept = join(buildout.directory, "kept");
    await mkdir(kept);
    await symlink("middle", join(buildout.directory, ".installed.cfg"));
    await symlink("kept/state", join(buildout.directory, "middle"));
    await buildout.install();
    expect(await readdir(kept)).to.deep.equal(["state"]);
    await buildout.write(config("a", "[a]\nrecipe = quick\na = 2"));
    expect((await buildout.install()).counts.done).to.equal(1);
    expect(await readlink(join(buildout.directory, ".installed.cfg"))).to.equal("middle");
    expect(await readFile(join(kept, "state"), "utf8")).to.contain("option:a=2");
    await buildout.uninstall();
    expect(await readdir(kept)).to.deep.equal([]);
  });

  it("says that a state file cannot be read whose links go in a circle", async () => {
    await open(config("a", "[a]\nrecipe = quick"));
    await symlink(".installed.cfg", join(buildout.directory, ".installed.cfg"));
    expect(await refusal(() => buildout.plan())).to.contain("error[state/unreadable]: cannot read");
  });

  it("takes no other state for one that a file names which is broken, missing, or said on the command line", async () => {
    await open(config("a", "[a]\nrecipe = quick"));
    await buildout.install();
    const { directory } = buildout;
    const other = (file: string, ...assignments: string[]): Buildout =>
      new Buildout({
        file,
        cwd: directory,
        assignments,
        env: {},
        home: directory,
        recipes: { quick: async () => await Promise.resolve({ default: quick }) },
      });
    await writeFile(join(directory, "other.cfg"), "[buildout]\ninstalled = other\nparts =\nbroken\n");
    for (const one of [other("other.cfg"), other("othr.cfg"), other("othr.cfg", "installed=other")]) {
      expect(await refusal(() => one.uninstall({ all: true }))).to.match(/^error\[config\//);
      expect(await refusal(() => one.status())).to.match(/^error\[config\//);
    }
    expect([...(await buildout.records()).keys()]).to.deep.equal(["a"]);
  });

  it("is taken back without its file, whatever that was called", async () => {
    await open(config("a", "[a]\nrecipe = quick"));
    await buildout.install();
    await buildout.remove("buildout.cfg");
    const { directory } = buildout;
    const where = { file: "app.cfg", cwd: directory, env: {}, home: directory, assignments: [] };
    const recipes = { quick: async () => await Promise.resolve({ default: quick }) };
    await new Buildout({ ...where, recipes }).uninstall({ all: true });
    expect(await buildout.list()).to.deep.equal([]);
  });
});
