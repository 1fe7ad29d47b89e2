import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import * as fc from "fast-check";
import { connect } from "../../../src/docker/connect.js";
import { copyPath } from "../../../src/docker/copy.js";
import type { Engine } from "../../../src/docker/engine.js";
import { openLayout } from "../../../src/docker/layout.js";
import { engineHost, engineRemove, uniqueName } from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { listContainer, listFolder, withoutFractions } from "../../support/listing.js";
import { temporaryFolder } from "../../support/tmp.js";

/** What is done to an empty folder to make a tree of it; `at` and `to` choose among what is there already. */
interface Step {
  readonly what: "folder" | "file" | "symlink" | "hard link" | "fifo";
  readonly name: string;
  readonly at: number;
  readonly to: number;
  readonly mode: number;
  readonly owner: number;
  readonly seconds: number;
  readonly content: Uint8Array;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom("folder", "folder", "file", "file", "symlink", "hard link", "fifo"),
  name: fc.oneof(
    fc.stringMatching(/^[a-zA-Z0-9 ._-]{1,12}$/),
    fc.string({
      unit: fc.constantFrom("é", "😀", "'", '"', "\\", "*", "$", "n"),
      minLength: 1,
      maxLength: 5,
    }),
    fc.constantFrom("l".repeat(101), "m".repeat(255)),
  ),
  at: fc.nat(),
  to: fc.nat(),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  owner: fc.constantFrom(0, 1000, 70_000, 3_000_000),
  seconds: fc.oneof(fc.nat(2_000_000_000), fc.constant(4_000_000_000.5)),
  content: fc.uint8Array({ maxLength: 2000 }),
});

/** Does the steps in a new folder, as far as they can be done. */
async function makeTree(steps: readonly Step[]): Promise<string> {
  const root = await temporaryFolder();
  const folders = [root];
  const files: string[] = [];
  const root0 = process.getuid?.() === 0;
  for (const one of steps.filter(({ name }) => !/^\.{1,2}$/.test(name))) {
    const path = join(folders[one.at % folders.length] ?? root, one.name);
    try {
      if (one.what === "folder") mkdirSync(path);
      else if (one.what === "file") writeFileSync(path, one.content, { flag: "wx" });
      else if (one.what === "symlink") symlinkSync(`${"../".repeat(one.to % 3)}away/${one.name}`, path);
      else if (one.what === "fifo") execFileSync("mkfifo", [path], { stdio: "ignore" });
      else linkSync(files[one.to % files.length] ?? "/nonexistent", path);
    } catch {
      continue; // the name is taken, or there is no file yet to link to
    }
    if (one.what === "symlink") continue;
    if (root0) chownSync(path, one.owner, one.owner);
    chmodSync(path, one.what === "folder" ? one.mode | 0o700 : one.mode | 0o400);
    utimesSync(path, one.seconds, one.seconds);
    if (one.what === "folder") folders.push(path);
    else if (one.what === "file") files.push(path);
  }
  return root;
}

describe("layouts on a real engine", () => {
  let engine: Engine;
  const names: string[] = [];
  const start = async (): Promise<string> => {
    const name = uniqueName("layout");
    names.push(name);
    const json = { Image: await ensureBaseImage(), Cmd: ["sleep", "100000"] };
    await engine.request({ method: "POST", path: "/containers/create", query: { name }, json });
    await engine.request({ method: "POST", path: `/containers/${name}/start` });
    return name;
  };

  before(async () => {
    engine = await connect({ url: engineHost() }, { env: {}, home: "/nonexistent" });
  });
  after(async () => {
    await engine.close();
    for (const name of names) await engineRemove("containers", name);
  });

  it("arrive as they are, and from there in another container, whatever is in them", async () => {
    const one = await start();
    const other = await start();
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const root = await makeTree(steps);
        const target = `/tree${(turn += 1)}`;
        await (await openLayout(root)).copyTo(engine, one, target);
        const expected = withoutFractions(listFolder(root));
        if (expected.join("") === "") return;
        expect(await listContainer(engine, one, target)).to.deep.equal(expected);
        const place = (container: string) => ({ kind: "container", engine, container }) as const;
        await copyPath({ from: place(one), to: place(other), path: `${target}/` });
        expect(await listContainer(engine, other, target)).to.deep.equal(expected);
        const [first, second] = await Promise.all(
          [one, other].map(async (container) => {
            const query = { path: target };
            return await buffer(await engine.stream({ path: `/containers/${container}/archive`, query }));
          }),
        );
        expect(first && second && first.equals(second), "the engine's archives").to.equal(true);
      }),
      { numRuns: 8 },
    );
  });

  it("go through the container's symlinked folders, and leave everything else of it alone", async () => {
    const root = await temporaryFolder({
      "lib/a": "1",
      "lib/sub/b": "2",
      "bin/new": "3",
      "etc/passwd": "mine",
    });
    const container = await start();
    const moved = await temporaryFolder({ "usr/lib/there": "kept" });
    symlinkSync("usr/lib", join(moved, "lib"));
    await (await openLayout(moved, { uid: 0, gid: 0 })).copyTo(engine, container);
    await (await openLayout(root, { uid: 7, gid: 8 })).copyTo(engine, container);
    const all = (await listContainer(engine, container, "/")).filter((line) => line.includes("|"));
    const line = (name: string): string | undefined => all.find((one) => one.endsWith(`|./${name}`));
    expect(all.some((one) => /\.\/lib'? -> /.test(one))).to.equal(true);
    for (const name of ["usr/lib/a", "usr/lib/sub/b", "bin/new", "etc/passwd"])
      expect(line(name), name).to.contain("|7:8|");
    for (const name of ["usr/lib/there", "bin/busybox", "etc/group"])
      expect(line(name), name).to.contain("|0:0|");
  });
});
