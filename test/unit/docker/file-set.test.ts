import { expect } from "chai";
import { chmod, rename, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestFiles, type FileChoice } from "../../../src/docker/file-set.js";
import { temporaryFolder } from "../../support/tmp.js";

const isLock = (path: string) => path.endsWith(".lock");

describe("the digest of some files", () => {
  let root: string;
  const digest = async (base: string, matches?: (path: string) => boolean) =>
    (await digestFiles(root, { base, ...(matches && { matches }) }))?.digest;
  beforeEach(async () => {
    root = await temporaryFolder({ "a.lock": "1", "x/b.lock": "2", "x/y/c.lock": "3", "x/other": "4" });
  });

  it("are a file, a folder, or what is chosen of it", async () => {
    const count = async (choice: FileChoice) => (await digestFiles(root, choice))?.count;
    expect(await count({ base: "a.lock" })).to.equal(1);
    expect(await count({ base: "x" })).to.equal(3);
    expect(await count({ base: "", matches: isLock })).to.equal(3);
    expect(await count({ base: "", matches: isLock, depth: 2 })).to.equal(2);
    expect(await count({ base: "x", matches: (path) => path === "x/other" })).to.equal(1);
    expect(await count({ base: join(root, "x") })).to.equal(3);
    expect(await count({ base: join(root, "x").slice(1), matches: isLock })).to.equal(undefined);
    expect(await count({ base: "none" })).to.equal(undefined);
    expect(await count({ base: "a.lock/x" })).to.equal(undefined);
    expect(await count({ base: "x", matches: () => false })).to.equal(undefined);
  });

  it("count by name and content, not by time, owner or umask", async () => {
    const before = await digest("", isLock);
    await utimes(join(root, "a.lock"), 1, 1);
    await chmod(join(root, "x/b.lock"), 0o600);
    await writeFile(join(root, "x/other"), "changed");
    expect(await digest("", isLock)).to.equal(before);
    await chmod(join(root, "a.lock"), 0o755);
    const runnable = await digest("", isLock);
    expect(runnable).to.not.equal(before);
    await chmod(join(root, "a.lock"), 0o644);
    await rename(join(root, "x/b.lock"), join(root, "x/d.lock"));
    expect(await digest("", isLock)).to.not.equal(before);
    await writeFile(join(root, "x/d.lock"), "5");
    expect(await digest("", isLock)).to.not.equal(runnable);
  });

  it("are read through links", async () => {
    await writeFile(join(root, "target"), "1");
    await symlink("target", join(root, "link"));
    const before = await digest("link");
    await writeFile(join(root, "target"), "2");
    expect(await digest("link")).to.not.equal(before);
    await symlink("nowhere", join(root, "broken"));
    expect(await digest("broken")).to.equal(undefined);
  });

  it("are not read again where nothing has changed", async () => {
    const cachePath = join(root, "../", `${root.split("/").at(-1)}.cache.json`);
    const old = new Date(Date.now() - 60_000);
    for (const name of ["a.lock", "x/b.lock"]) await utimes(join(root, name), old, old);
    const first = await digestFiles(root, { base: "", matches: isLock }, { cachePath });
    expect(await digestFiles(root, { base: "", matches: isLock }, { cachePath })).to.deep.equal(first);
    await writeFile(join(root, "a.lock"), "9");
    expect((await digestFiles(root, { base: "", matches: isLock }, { cachePath }))?.digest).to.not.equal(
      first?.digest,
    );
  });
});
