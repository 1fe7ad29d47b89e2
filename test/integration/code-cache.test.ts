import { expect } from "chai";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tsbuildout } from "../support/cli.js";

/** All that lie below a folder. */
const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

describe("the compiled code that the program keeps", () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "tsbuildout-code-"));
    writeFileSync(join(cwd, "buildout.cfg"), "[buildout]\n[a]\nb = 1\n");
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  const query = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const { code, stdout, stderr } = await tsbuildout(["query", "a:b"], { cwd, env });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    return stdout;
  };

  it("is below XDG_CACHE_HOME, or below ~/.cache", async () => {
    const below = join(cwd, "cache");
    expect(await query({ XDG_CACHE_HOME: below })).to.equal("1\n");
    expect(await query({ XDG_CACHE_HOME: "" })).to.equal("1\n");
    expect(files(join(below, "tsbuildout/code"))).to.not.deep.equal([]);
    expect(files(join(cwd, ".cache/tsbuildout/code"))).to.have.length(files(below).length);
  });

  it("is below ~/.cache where XDG_CACHE_HOME is no whole path", async () => {
    expect(await query({ XDG_CACHE_HOME: "cache" })).to.equal("1\n");
    expect(readdirSync(cwd).sort()).to.deep.equal([".cache", "buildout.cfg"]);
  });

  it("is written by the first run and read by the second", async () => {
    const below = join(cwd, "cache");
    const written = async (): Promise<number[]> => {
      await query({ XDG_CACHE_HOME: below });
      return files(below).map((file) => statSync(file).ino);
    };
    expect(await written()).to.deep.equal(await written());
  });

  it("is done without in a home that cannot be written, and where Node's own variable says so", async () => {
    expect(await query({ XDG_CACHE_HOME: "/dev/null" })).to.equal("1\n");
    expect(await query({ XDG_CACHE_HOME: "", NODE_DISABLE_COMPILE_CACHE: "1" })).to.equal("1\n");
    expect(readdirSync(cwd).filter((name) => name === ".cache")).to.deep.equal([]);
  });
});
