import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "tsbuildout/recipe";
import { fileRows, parseCacheOn } from "../../../src/recipes/build-cache-files.js";
import { problemOf } from "../../support/problem.js";
import { temporaryFolder } from "../../support/tmp.js";

describe("cache-on", () => {
  let root: string;
  beforeEach(async () => {
    root = await temporaryFolder({
      "package.json":
        '{"version": "1", "dependencies": {"b": "2", "a": "1"}, "files": ["x", "y"], "a.b": {"c": 0}}',
      "src/index.ts": "1",
      "src/lib/deep/x.ts": "2",
      "src/readme": "3",
      "odd[name].txt": "4",
    });
  });

  const rows = async (...lines: readonly string[]) => {
    const context = {
      buildout: { cacheDirectory: join(root, ".cache") },
      signal: new AbortController().signal,
    };
    const folders = [join(root, "app"), root];
    return await fileRows(context as unknown as Context, {
      folders,
      entries: parseCacheOn(lines.join("\n")),
    });
  };
  const value = async (line: string) => (await rows(line))[0]?.value;
  const shown = async (line: string) => (await rows(line))[0]?.shown;

  it("names files, folders and patterns, with the digest of what is in them", async () => {
    expect((await rows("src/index.ts"))[0]).to.have.property("name", "file src/index.ts");
    expect(await value("src/index.ts")).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(await shown("src")).to.match(/ \(3 files\)$/);
    expect(await shown("src/**/*.ts")).to.match(/ \(2 files\)$/);
    expect(await shown("**/*.{ts,json}")).to.match(/ \(3 files\)$/);
    expect(await shown("src/*")).to.match(/ \(2 files\)$/);
    expect(await value("odd[name].txt")).to.match(/^sha256:/);
  });

  it("looks in the build's folder first, then in the buildout's", async () => {
    const outer = await value("src/index.ts");
    await mkdir(join(root, "app/src"), { recursive: true });
    await writeFile(join(root, "app/src/index.ts"), "inner");
    expect(await value("src/index.ts")).to.not.equal(outer);
  });

  it("takes one value of a JSON file, whatever the order of its names", async () => {
    expect(await value("package.json#.dependencies")).to.equal('{"a":"1","b":"2"}');
    expect(await value("package.json#.dependencies.a")).to.equal('"1"');
    expect(await value("package.json#.files[1]")).to.equal('"y"');
    expect(await value('package.json#.["a.b"].c')).to.equal("0");
    expect(await value("package.json#.")).to.include('"version":"1"');
    await writeFile(join(root, "package.json"), '{"dependencies": {"a": "1", "b": "2"}, "version": "2"}');
    expect(await value("package.json#.dependencies")).to.equal('{"a":"1","b":"2"}');
  });

  it("does not pass over what is missing, unless it may be", async () => {
    expect(await problemOf(async () => await rows("yarn.lock"))).to.deep.equal({
      code: "cache/no-file",
      message: 'cache-on: there is no "yarn.lock"',
      notes: [`looked in ${root}/app`, `looked in ${root}`],
      help: ["mark it with a question mark where it may be missing: ?yarn.lock"],
      option: "cache-on",
    });
    expect(await problemOf(async () => await rows("*.lock"))).to.include({ code: "cache/no-file" });
    expect(await problemOf(async () => await rows("package.json#.none"))).to.include({
      code: "cache/no-value",
      message: "cache-on: there is no value package.json#.none",
    });
    expect(await problemOf(async () => await rows("src/index.ts#.a.b"))).to.include({
      code: "cache/no-value",
    });
    expect(await rows("?yarn.lock", "? package.json#.none", "?none.json#.a")).to.deep.equal([
      { name: "file yarn.lock", value: "missing" },
      { name: "file package.json#.none", value: "missing", shown: "missing" },
      { name: "file none.json#.a", value: "missing" },
    ]);
  });

  it("says what is wrong with a line", () => {
    expect(() => parseCacheOn("?")).to.throw('"?" names no file');
    expect(() => parseCacheOn("a.json#.a..b")).to.throw('"a.json#.a..b": "..b" is not the way to a value');
    expect(parseCacheOn("issue#12.txt\n\n  b  ")).to.deep.equal([
      { pattern: "issue#12.txt", optional: false },
      { pattern: "b", optional: false },
    ]);
  });
});
