import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { startTsbuildout, tsbuildout } from "../support/cli.js";
import { engineObjects, uniqueName } from "../support/engine.js";
import { builderArchive, diskRights, EBUILDS, LOOP, loopsOf } from "../support/gentoo.js";
import { CRASHES, random, SEED } from "../support/random.js";
import { temporaryFolder, writeFiles } from "../support/tmp.js";

/** Fewer than of other runs: each of these makes two images and a disk. */
const TIMES = Math.ceil(CRASHES / 2);

/** The version of a disk whose script goes no further once its loop device is attached. */
const HELD = "held";

describe("a run that makes a builder, an image and a disk and is killed", function () {
  this.timeout(TIMES * 180_000);

  const name = uniqueName("crashg");
  const file = `/tmp/${name}.img`;
  const parts = ["boot", "img", "disk"].map((part) => `${name}-${part}`);
  let cwd: string;
  let times: Record<"install" | "change" | "removal", number>;

  const config = `[buildout]
parts = ${name}-disk
[rights]
${diskRights}
[${name}-boot]
recipe = docker.gentoo-bootstrap
<= rights
image = ${name}/builder
archives = builder.tar
commit = true
script = sleep 0.2
[${name}-img]
recipe = docker.gentoo-build
<= rights
name = ${name}/image
build-image = $<${name}-boot:image>
variant = docker
packages = sys-apps/busybox
layout = layout
script = sleep 0.2
[${name}-disk]
recipe = docker.gentoo-diskimage
<= rights
build-image = $<${name}-boot:image>
base-image = $<${name}-img:image>
build-root = /r
image-file = ${file}
build-script =
    set -e
    truncate -s 1M ${file}.loop
    ${LOOP}
    losetup $$loop ${file}.loop
    echo attached
    grep -q ${HELD} /r/etc/version && sleep 1000
    sleep 0.5
    losetup -d $$loop
    cp /r/etc/version ${file}
`;

  before(async () => {
    cwd = await temporaryFolder({ "buildout.cfg": config });
    await writeFile(join(cwd, "builder.tar"), await builderArchive({ ebuilds: EBUILDS }));
    await write("1");
    const install = await succeed(["install"]);
    expectInstalled("1");
    await write("2");
    const change = await succeed(["install"]);
    expectInstalled("2");
    times = { install, change, removal: await succeed(["uninstall", "--all"]) };
    await expectNothing();
  });

  /** What ends up on the disk; another version changes the image's layout, and so the image and the disk. */
  const write = async (version: string): Promise<void> =>
    await writeFiles(cwd, { "layout/etc/version": `${version}\n` });

  const succeed = async (args: readonly string[]): Promise<number> => {
    const started = performance.now();
    const { code, stderr, stdout } = await tsbuildout(args, { cwd });
    expect(code, `${args.join(" ")}:\n${stdout}${stderr}`).to.equal(0);
    return performance.now() - started;
  };

  const killAttached = async (): Promise<void> => {
    await write(HELD);
    const run = startTsbuildout(["--plain", "install"], { cwd });
    await run.prints(/attached/);
    run.signal("SIGKILL");
    await run.done;
    expect(loopsOf(file)).to.have.lengthOf(1);
  };

  function expectInstalled(version: string, what?: string): void {
    const path = join(cwd, "parts", `${name}-disk`, file.slice("/tmp/".length));
    expect(readFileSync(path, "utf8"), what).to.equal(`${version}\n`);
    expect(loopsOf(file), what).to.deep.equal([]);
  }

  async function expectNothing(what?: string): Promise<void> {
    const left = await Promise.all(parts.map((part) => engineObjects(`org.tsbuildout.part=${part}`)));
    expect(left.flat(), what).to.deep.equal([]);
    expect(loopsOf(file), what).to.deep.equal([]);
    await rm(join(cwd, ".tsbuildout/runs"), { recursive: true, force: true });
    const files = (await readdir(cwd)).filter((one) => one !== ".tsbuildout");
    expect(files, what).to.have.members(["buildout.cfg", "builder.tar", "layout"]);
    expect(existsSync(join(cwd, "parts")), what).to.equal(false);
  }

  it(`at ${TIMES} random instants: the next install completes, the uninstall leaves nothing (seed ${SEED})`, async () => {
    const next = random(SEED);
    for (let crash = 0; crash < TIMES; crash++) {
      const what = `crash ${crash} of seed ${SEED}`;
      const kind = (["install", "change", "removal"] as const)[crash % 3]!;
      await write("1");
      if (kind !== "install") await succeed(["install"]);
      await write("2");
      const run = startTsbuildout(kind === "removal" ? ["uninstall", "--all"] : ["install"], { cwd });
      // Random instants are what is tested.
      await Promise.race([setTimeout(next() * times[kind]), run.done]);
      run.signal("SIGKILL");
      await run.done;
      await succeed(["install"]);
      expectInstalled("2", what);
      await succeed(["uninstall", "--all"]);
      await expectNothing(what);
    }
  });

  it("while a loop device is attached: the next run takes it away, be it an install or an uninstall", async () => {
    await killAttached();
    await succeed(["uninstall", "--all"]);
    await expectNothing();
    await killAttached();
    await write("1");
    await succeed(["install"]);
    expectInstalled("1");
    // Now it is an update, for which nothing is uninstalled.
    await killAttached();
    await write("2");
    await succeed(["install"]);
    expectInstalled("2");
    await killAttached();
    await succeed(["uninstall", "--all"]);
    await expectNothing();
  });
});
