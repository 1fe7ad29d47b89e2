import { expect } from "chai";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { startTsbuildout, tsbuildout } from "../support/cli.js";
import { engineJson, engineObjects, uniqueName } from "../support/engine.js";
import { ensureBaseImage } from "../support/images.js";
import { CRASHES, random, SEED } from "../support/random.js";
import { temporaryFolder } from "../support/tmp.js";

/** A volume, two networks, an image and two containers, named after `name`. */
function config(name: string, base: string, version: string): string {
  return `[buildout]
parts = ${name}-app ${name}-side
[${name}-net]
recipe = docker.network
name = ${name}-net
labels = version=${version}
[${name}-back]
recipe = docker.network
name = ${name}-back
[${name}-data]
recipe = docker.volume
name = ${name}-data
[${name}-image]
recipe = docker.build
name = ${name}-image
dockerfile-inline =
  FROM ${base}
  ENV VERSION=${version}
[${name}-app]
recipe = docker.run
name = ${name}-app
image = $<${name}-image:image-id>
command = sleep 10000
stop-signal = SIGKILL
networks =
  $<${name}-net:name>
volumes =
  $<${name}-data:name>:/data
[${name}-side]
recipe = docker.run
name = ${name}-side
image = ${base}
command = sleep 10000
stop-signal = SIGKILL
env = VERSION=${version}
networks =
  $<${name}-back:name>
`;
}

const ours = async (name: string): Promise<string[]> => {
  const parts = ["net", "back", "data", "image", "app", "side"];
  const found = await Promise.all(parts.map((part) => engineObjects(`org.tsbuildout.part=${name}-${part}`)));
  return found.flat().sort();
};

interface Container {
  readonly State: { readonly Running: boolean };
  readonly Config: { readonly Env: readonly string[] };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> };
  readonly Mounts: readonly { readonly Name?: string }[];
}

async function expectInstalled(name: string, version: string): Promise<void> {
  const [app, side] = await Promise.all(
    ["app", "side"].map((part) => engineJson<Container>({ path: `/containers/${name}-${part}/json` })),
  );
  for (const container of [app!, side!]) {
    expect(container.State.Running).to.equal(true);
    expect(container.Config.Env).to.include(`VERSION=${version}`);
  }
  expect(Object.keys(app!.NetworkSettings.Networks)).to.deep.equal([`${name}-net`]);
  expect(Object.keys(side!.NetworkSettings.Networks)).to.deep.equal([`${name}-back`]);
  expect(app!.Mounts.map((mount) => mount.Name)).to.deep.equal([`${name}-data`]);
  // The image is found by its own label; the containers inherit those of their image.
  const kinds = (await ours(name)).map((object) => object.split(" ")[0]);
  expect(new Set(kinds)).to.deep.equal(new Set(["container", "image", "network", "volume"]));
}

describe("a run on an engine that is killed", function () {
  this.timeout(CRASHES * 100_000);

  const name = uniqueName("crash");
  let cwd: string;
  let base: string;

  before(async () => {
    base = await ensureBaseImage();
    cwd = await temporaryFolder();
  });

  const write = (version: string): Promise<void> =>
    writeFile(join(cwd, "buildout.cfg"), config(name, base, version));
  const succeed = async (args: readonly string[]): Promise<number> => {
    const started = performance.now();
    const { code, stderr, stdout } = await tsbuildout(args, { cwd });
    expect(code, `${args.join(" ")}:\n${stdout}${stderr}`).to.equal(0);
    return performance.now() - started;
  };

  const kill = async (args: readonly string[], after: number): Promise<void> => {
    const run = startTsbuildout(args, { cwd });
    // Random instants are what is tested.
    await Promise.race([setTimeout(after), run.done]);
    run.signal("SIGKILL");
    await run.done;
  };

  it(`at ${CRASHES} random instants: the next install completes, the uninstall leaves nothing (seed ${SEED})`, async () => {
    const next = random(SEED);
    await write("1");
    const first = await succeed(["install"]);
    await expectInstalled(name, "1");
    await write("2");
    const change = await succeed(["install"]);
    const removal = await succeed(["uninstall", "--all"]);
    expect(await ours(name)).to.deep.equal([]);
    for (let crash = 0; crash < CRASHES; crash++) {
      const what = `crash ${crash} of seed ${SEED}`;
      await write("1");
      if (crash % 3 !== 0) await succeed(["install"]);
      await write("2");
      const times = [first, change, removal];
      const args = crash % 3 === 2 ? ["uninstall", "--all"] : ["install"];
      await kill(args, next() * times[crash % 3]!);
      await succeed(["install"]);
      await expectInstalled(name, "2").catch((error: unknown) => {
        throw new Error(what, { cause: error });
      });
      await succeed(["uninstall", "--all"]);
      expect(await ours(name), what).to.deep.equal([]);
      await rm(join(cwd, ".tsbuildout/runs"), { recursive: true, force: true });
      const left = (await readdir(cwd)).filter((file) => file !== ".tsbuildout");
      expect(left, what).to.deep.equal(["buildout.cfg"]);
    }
  });
});
