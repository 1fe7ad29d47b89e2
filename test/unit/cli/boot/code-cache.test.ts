import { expect } from "chai";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Script } from "node:vm";
import { CodeCache } from "../../../../src/cli/boot/code-cache.js";

const SOURCE = `(function () { ${"return 1 + 1;".repeat(50)} })`;

/** V8 says neither yes nor no where it was given nothing. */
const used = ({ cachedDataRejected }: Script): boolean => cachedDataRejected === false;

describe("CodeCache", () => {
  let place: string;
  let folder: string;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), "tsbuildout-code-"));
    folder = join(place, "code/build");
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  /** One run of the program: compiles, runs, keeps. */
  function run(at: string | undefined = folder, name = "a.js"): Script {
    const cache = new CodeCache(at);
    const script = cache.compile(name, SOURCE, "file:///a.js");
    expect((script.runInThisContext() as () => number)()).to.equal(2);
    cache.save();
    return script;
  }

  it("is used by the second run, for the user alone", () => {
    expect(used(run())).to.equal(false);
    expect(used(run())).to.equal(true);
    expect(readdirSync(folder)).to.deep.equal(["a.js", "runs"]);
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
  });

  it("is not written again where all of it was used", () => {
    run();
    const { mtimeMs, ino } = statSync(join(folder, "a.js"));
    run();
    expect(statSync(join(folder, "a.js"))).to.include({ mtimeMs, ino });
  });

  it("gets the functions of the first run of those that load the same chunks", () => {
    const source = `(function (isLong) { function long() { ${"long();".repeat(99)} } if (isLong) try { long() } catch {} })`;
    const size = (names: readonly string[], isLong: boolean): number => {
      const cache = new CodeCache(folder);
      for (const name of names) {
        const script = cache.compile(name, source, "file:///a.js");
        (script.runInThisContext() as (isLong: boolean) => void)(isLong);
      }
      cache.save();
      return statSync(join(folder, "a.js")).size;
    };
    const short = size(["a.js"], false);
    expect(size(["a.js"], true)).to.equal(short);
    expect(size(["a.js", "b.js"], true)).to.be.above(short + 500);
  });

  for (const [what, damage] of [
    ["is empty", () => Buffer.alloc(0)],
    ["is cut off", (data: Buffer) => data.subarray(0, data.length / 2)],
    ["is something else", () => Buffer.from("something else, and long enough to have numbers in it")],
    [
      "has a sector of zeros",
      (data: Buffer) => Buffer.concat([data.subarray(0, 128), Buffer.alloc(data.length - 128)]),
    ],
  ] as const)
    it(`is made again where a file ${what}`, () => {
      run();
      const file = join(folder, "a.js");
      writeFileSync(file, damage(readFileSync(file)));
      expect(used(run())).to.equal(false);
      expect(used(run())).to.equal(true);
    });

  if (process.geteuid?.() === 0)
    it("is not read from a folder of another user", () => {
      run();
      chownSync(folder, 1234, 1234);
      expect(used(run())).to.equal(false);
    });

  if (process.geteuid?.() === 0)
    it("is not made by root in the home of a user, who could not write there then", () => {
      chownSync(place, 1234, 1234);
      run();
      expect(readdirSync(place)).to.deep.equal([]);
    });

  it("is not read from a folder that others may write to", () => {
    run();
    chmodSync(folder, 0o770);
    expect(used(run())).to.equal(false);
  });

  it("is done without where no folder can be made", () => {
    writeFileSync(join(place, "code"), "");
    expect(used(run())).to.equal(false);
    expect(used(run())).to.equal(false);
  });

  it("leaves nothing of a file that could not be written", () => {
    mkdirSync(join(folder, "a.js"), { recursive: true, mode: 0o700 });
    expect(used(run())).to.equal(false);
    expect(readdirSync(folder)).to.deep.equal(["a.js"]);
  });

  it("is done without where none is wanted", () => {
    const cache = new CodeCache(undefined);
    cache.compile("a.js", SOURCE, "file:///a.js");
    cache.save();
    expect(readdirSync(place)).to.deep.equal([]);
  });

  it("keeps apart what is compiled after a change of V8's flags", () => {
    const cache = new CodeCache(folder);
    cache.compile("a.js", SOURCE, "file:///a.js");
    cache.save(`${folder}-other`);
    cache.compile("b.js", SOURCE, "file:///b.js");
    cache.save();
    expect(readdirSync(folder)).to.deep.equal(["a.js", "runs"]);
    expect(readdirSync(`${folder}-other`)).to.deep.equal(["b.js", "runs"]);
  });

  it("keeps the folders of the last eight builds", () => {
    for (let build = 0; build < 9; build++) mkdirSync(join(place, `code/${build}`), { recursive: true });
    run();
    expect(readdirSync(join(place, "code")))
      .to.have.length(8)
      .and.include("build");
  });
});
