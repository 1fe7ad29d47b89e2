import { expect } from "chai";
import { type TestBuildout, testBuildout } from "../../src/testing.js";
import { engineJson, engineObjects, engineRemove, engineRequest, uniqueName } from "../support/engine.js";
import { ensureBaseImage } from "../support/images.js";
import { random, SEED } from "../support/random.js";

const ROUNDS = 5;

interface Thing {
  readonly name: string;
  /** What an edit changes. */
  value: number;
}

interface Container extends Thing {
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  readonly image: string | undefined;
  /** Another container, whose id is one of this one's variables. */
  readonly peer: string | undefined;
}

interface World {
  readonly networks: Thing[];
  readonly volumes: Thing[];
  readonly images: Thing[];
  readonly containers: Container[];
}

/** Worlds that hang together, drawn from a source of numbers between 0 and 1. */
class Draw {
  readonly #next: () => number;
  readonly #prefix: string;

  constructor(prefix: string, next: () => number) {
    this.#prefix = prefix;
    this.#next = next;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#next() * items.length)];
  }

  world(): World {
    const networks = this.#things("net", 3);
    const volumes = this.#things("data", 2);
    const images = this.#things("image", 2);
    const containers: Container[] = [];
    for (const thing of this.#things("run", 3))
      containers.push({
        ...thing,
        networks: this.#some(networks),
        volumes: this.#some(volumes),
        image: this.pick([undefined, ...images])?.name,
        peer: this.pick([undefined, ...containers])?.name,
      });
    return { networks, volumes, images, containers };
  }

  /** New values for some; now and then another world altogether. */
  edit(world: World): World {
    if (this.#next() < 0.3) return this.world();
    // What a change of a volume's labels would destroy is protected.
    for (const things of [world.networks, world.images, world.containers])
      for (const thing of things) if (this.#next() < 0.3) thing.value = this.#value();
    return world;
  }

  #things(kind: string, most: number): Thing[] {
    const names = Array.from({ length: most }, (_, i) => `${this.#prefix}-${kind}${i}`);
    return names.filter(() => this.#next() < 0.8).map((name) => ({ name, value: this.#value() }));
  }

  #some(things: readonly Thing[]): string[] {
    return things.filter(() => this.#next() < 0.5).map(({ name }) => name);
  }

  #value(): number {
    return Math.floor(this.#next() * 3);
  }
}

function configOf({ networks, volumes, images, containers }: World, base: string): string {
  const parts = [containers, networks, volumes, images].flat().map(({ name }) => name);
  return [
    `[buildout]\nparts = ${parts.join(" ")}\n`,
    ...networks.map((n) => `[${n.name}]\nrecipe = docker.network\nname = ${n.name}\nlabels = v=${n.value}\n`),
    ...volumes.map((v) => `[${v.name}]\nrecipe = docker.volume\nname = ${v.name}\nkeep = false\n`),
    // Of the last two values the image is the same: those who use it see no change.
    ...images.map(({ name, value }) => {
      const file = `  FROM ${base}\n  ENV V=${Math.min(value, 1)}`;
      return `[${name}]\nrecipe = docker.build\nname = ${name}\ndockerfile-inline =\n${file}\n`;
    }),
    ...containers.map((container) => section(container, base)),
  ].join("");
}

function list(option: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${option} =\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function section({ name, value, networks, volumes, image, peer }: Container, base: string): string {
  return [
    `[${name}]\nrecipe = docker.run\nname = ${name}\ncommand = sleep 1000\nstop-signal = SIGKILL\n`,
    `image = ${image === undefined ? base : `$<${image}:image-id>`}\n`,
    list("env", [`V=${value}`, ...(peer === undefined ? [] : [`PEER=$<${peer}:container-id>`])]),
    list(
      "networks",
      networks.map((network) => `$<${network}:name>`),
    ),
    list(
      "volumes",
      volumes.map((volume) => `$<${volume}:name>:/${volume}`),
    ),
  ].join("");
}

/** What somebody does to it by hand. */
async function disturb(draw: Draw, { containers }: World): Promise<void> {
  const name = draw.pick(containers)?.name;
  if (name === undefined) return;
  const deeds = ["kill", "pause", "remove", "leave"] as const;
  const deed = draw.pick(deeds)!;
  if (deed === "remove") await engineRemove("containers", name);
  else if (deed !== "leave") await engineRequest({ method: "POST", path: `/containers/${name}/${deed}` });
}

async function expectRunning({ containers }: World): Promise<void> {
  for (const { name, value, networks } of containers) {
    const { State, Config, NetworkSettings } = await engineJson<{
      State: { Running: boolean; Paused: boolean };
      Config: { Env: string[] };
      NetworkSettings: { Networks: Record<string, unknown> };
    }>({ path: `/containers/${name}/json` });
    expect(State).to.include({ Running: true, Paused: false });
    expect(Config.Env).to.include(`V=${value}`);
    const attached = networks.length === 0 ? ["bridge"] : networks;
    expect(Object.keys(NetworkSettings.Networks).sort()).to.deep.equal([...attached].sort());
  }
}

describe("random edits on an engine", () => {
  const prefix = uniqueName("edit");
  let base: string;
  let buildout: TestBuildout;
  const names = new Set<string>();

  before(async () => {
    base = await ensureBaseImage();
    buildout = await testBuildout({ config: "" });
  });
  after(async () => {
    await buildout.dispose();
    for (const name of names) await engineRemove("containers", name);
    for (const kind of ["networks", "volumes", "images"] as const)
      for (const name of names) await engineRemove(kind, name);
  });

  async function expectPlanned(): Promise<void> {
    const plan = await buildout.plan();
    const { ok, parts } = await buildout.install({ jobs: 3 });
    expect(ok, JSON.stringify(parts)).to.equal(true);
    const did = new Map(parts.map(({ part, action }) => [part, action]));
    expect([...did.keys()].sort()).to.deep.equal(plan.steps.map(({ part }) => part).sort());
    for (const { part, action } of plan.steps)
      if (action === "maybe") expect(did.get(part)).to.be.oneOf(["none", "update", "reinstall"]);
      else expect(`${part} ${did.get(part)}`).to.equal(`${part} ${action}`);
    expect((await buildout.plan()).changes).to.equal(false);
  }

  it(`come out as the plan said, leave nothing to do, and can be taken away whole (seed ${SEED})`, async () => {
    const draw = new Draw(prefix, random(SEED));
    let world = draw.world();
    for (let round = 0; round < ROUNDS; round++) {
      for (const thing of Object.values(world).flat() as Thing[]) names.add(thing.name);
      await buildout.write(configOf(world, base));
      await expectPlanned();
      await expectRunning(world);
      await disturb(draw, world);
      world = draw.edit(world);
    }
    expect((await buildout.uninstall()).ok).to.equal(true);
    const left = await Promise.all([...names].map((name) => engineObjects(`org.tsbuildout.part=${name}`)));
    expect(left.flat()).to.deep.equal([]);
    expect(await buildout.list()).to.deep.equal(["buildout.cfg"]);
  });
});
