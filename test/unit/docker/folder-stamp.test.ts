import { expect } from "chai";
import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folderStamp, onceForStamp } from "../../../src/docker/folder-stamp.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

const OLD = new Date(Date.now() - 60_000);
const OLDER = new Date(Date.now() - 120_000);

const choose = (path: string) => ({ take: path !== "many/ignored", enter: path !== "x" });

describe("the stamp of a folder", () => {
  let root: string;
  const stamp = (follow = false) => folderStamp(root, { salt: [], follow })?.stamp.toString("latin1");
  beforeEach(async () => {
    root = await temporaryFolder({ a: "1", "x/b": "2", "x/y/c": "3" });
    // What is written twice within one tick of the system's clock has the same time.
    for (const name of ["a", "x/b", "x/y/c"]) await utimes(join(root, name), OLDER, OLDER);
  });

  it("is another after each thing that may happen to a file", async () => {
    const seen = new Set([stamp()]);
    const changes: readonly (() => Promise<unknown>)[] = [
      async () => await writeFile(join(root, "x/y/c"), "4"),
      async () => await chmod(join(root, "a"), 0o755),
      async () => await utimes(join(root, "a"), OLD, OLD),
      async () => await rename(join(root, "a"), join(root, "d")),
      async () => await writeFile(join(root, "x/new"), ""),
      async () => await mkdir(join(root, "empty")),
      async () => await rm(join(root, "x/y"), { recursive: true }),
      async () => await symlink("d", join(root, "link")),
    ];
    for (const change of changes) {
      await change();
      expect(stamp()).to.equal(stamp());
      seen.add(stamp());
    }
    expect(seen.size).to.equal(changes.length + 1);
  });

  it("is the same from whichever folder one looks", async () => {
    const before = process.cwd();
    const seen = new Set([stamp()]);
    try {
      for (const place of [root, join(root, ".."), join(root, "x")]) {
        process.chdir(place);
        seen.add(stamp());
      }
    } finally {
      process.chdir(before);
    }
    expect(seen.size).to.equal(1);
  });

  it("counts what a link leads to where it is asked for", async () => {
    const outside = await temporaryFolder({ target: "1" });
    await utimes(join(outside, "target"), OLDER, OLDER);
    await symlink(join(outside, "target"), join(root, "x/link"));
    await symlink("nowhere", join(root, "broken"));
    const [link, target] = [stamp(), stamp(true)];
    await writeFile(join(outside, "target"), "9");
    expect(stamp()).to.equal(link);
    expect(stamp(true)).to.not.equal(target);
  });

  it("counts every file of a folder of many, and none that is not chosen", async () => {
    const many = Array.from({ length: 600 }, (_, at) => `many/${at}`);
    await writeFiles(root, Object.fromEntries(many.map((path) => [path, "1"])));
    for (const path of many) await utimes(join(root, path), OLDER, OLDER);
    const chosen = () => folderStamp(root, { salt: [], choose })?.stamp.toString("latin1");
    const seen = new Set([chosen()]);
    for (const path of ["many/0", "many/255", "many/256", "many/599"]) {
      await writeFile(join(root, path), "2");
      seen.add(chosen());
    }
    expect(seen.size).to.equal(5);
    const before = chosen();
    await writeFiles(root, { "many/ignored": "", "x/new": "" });
    expect(chosen()).to.equal(before);
  });

  it("is none where something cannot be looked at", () => {
    expect(folderStamp(join(root, "none"), { salt: [] })).to.equal(undefined);
    expect(folderStamp(join(root, "a"), { salt: [] })).to.equal(undefined);
  });

  it("spares the work where nothing was written to, and only there", async () => {
    const path = join(await temporaryFolder({}), "kept/stamp");
    let done = 0;
    const work = async () => await Promise.resolve(`result ${++done}`);
    const once = async () => await onceForStamp({ root, path, look: { salt: [] } }, work);
    // What was written just now may be written again without a trace.
    expect(await once()).to.equal("result 1");
    expect(await once()).to.equal("result 2");
    const old = "/usr/bin";
    const settled = async () => await onceForStamp({ root: old, path, look: { salt: [] } }, work);
    expect(await settled()).to.equal("result 3");
    expect(await settled()).to.equal("result 3");
    expect(await once()).to.equal("result 4");
  });
});
