import { expect } from "chai";
import { connect, type Engine } from "../../../src/docker.js";
import type { PartRecord, Resource } from "../../../src/recipe.js";
import { dropName, forgetNames, pushUnder } from "../../../src/recipes/registry-push.js";
import { engineHas, engineHost, engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { inspectedImage } from "../../support/image-buildout.js";
import { loadImage } from "../../support/images.js";
import { startRegistry, type Registry } from "../../support/registry.js";

const there = async (image: string): Promise<boolean> => await engineHas(`/images/${image}/json`);
const tag = async (image: string, repository: string): Promise<unknown> =>
  await engineJson({ method: "POST", path: `/images/${image}/tag?repo=${repository}&tag=1` });

/** The names that an image has on the engine only while it is pushed. */
describe("a name that an image gets for a push", () => {
  const login = { username: "ann", password: "correct-horse" };
  let engine: Engine;
  let registry: Registry;
  let name: string;
  let reference: string;
  let id: string;
  let recorded: Map<string, Resource>;
  let said: string[];
  const shared = new Map<string, unknown>();
  before(async () => {
    engine = await connect({ url: engineHost() }, { env: {}, home: "/nonexistent" });
    registry = await startRegistry({ login });
  });
  after(async () => {
    await engine.close();
    await registry.stop();
  });
  beforeEach(async () => {
    name = uniqueName("tsb-under");
    reference = `${registry.host}/${name}:1`;
    [recorded, said] = [new Map(), []];
    await loadImage(`${name}:1`, { Labels: { name } });
    id = (await inspectedImage(`${name}:1`))?.Id ?? "";
  });
  afterEach(async () => {
    for (const image of [`${name}:1`, `${name}-mine:1`, reference]) await engineRemove("images", image);
  });

  const context = {
    created: async (resource: Resource) => await Promise.resolve(void recorded.set(resource.name, resource)),
    removed: async (resource: Resource) => await Promise.resolve(void recorded.delete(resource.name)),
    log: (line: string) => void said.push(line),
    progress: () => undefined,
    shared: async <T>(key: string, make: (signal: AbortSignal) => T | Promise<T>): Promise<T> => {
      if (!shared.has(key)) shared.set(key, make(context.signal));
      return (await shared.get(key)) as T;
    },
    signal: new AbortController().signal,
  };
  const tries = (): number => said.filter((line) => line.endsWith("trying a new one")).length;
  const push = async (passwords: readonly string[]): Promise<unknown> => {
    const left = [...passwords];
    const next = () => ({
      ...login,
      password: left.shift() ?? "none",
      serverAddress: registry.host,
      origin: "test",
    });
    const credentials = async () => await Promise.resolve(next());
    const under = {
      engine,
      image: { Id: id },
      reference,
      login: credentials,
    };
    const pushed = await pushUnder(context, under).catch((error: Error) => error.message);
    return { pushed, asked: passwords.length - left.length };
  };

  it("goes again, and what is in the registry stays", async () => {
    const { pushed } = (await push([login.password])) as { readonly pushed: string };
    expect(pushed).to.match(/^sha256:/);
    expect(await there(reference)).to.equal(false);
    expect((await inspectedImage(`${name}:1`))?.Id).to.equal(id);
    expect([...recorded]).to.deep.equal([]);
  });

  it("goes again also when the push fails, after one more try with another password", async () => {
    const wrong = await push(["old", "new"]);
    expect(wrong).to.deep.equal({ pushed: `the registry denies access to ${reference}`, asked: 2 });
    expect(tries()).to.equal(1);
    expect(await push(["old", "old"]), "there is no other").to.deep.equal(wrong);
    expect(tries()).to.equal(1);
    expect(await there(reference)).to.equal(false);
    expect([...recorded]).to.deep.equal([]);
    expect(await push(["old", login.password]))
      .to.have.property("pushed")
      .that.matches(/^sha256:/);
  });

  it("is one image's at a time, whoever else wants it", async () => {
    await loadImage(`${name}-mine:1`, { Labels: { name, other: "1" } });
    const other = (await inspectedImage(`${name}-mine:1`))?.Id ?? "";
    const credentials = { ...login, serverAddress: registry.host, origin: "test" };
    const under = (image: string, asked: () => Promise<void>) => ({
      engine,
      image: { Id: image },
      reference,
      login: async () => await asked().then(() => credentials),
    });
    let second: Promise<string> | undefined;
    const first = await pushUnder(
      context,
      under(id, async () => {
        second = pushUnder(
          context,
          under(other, async () => await Promise.resolve()),
        );
        // Time enough for it to take the name.
        for (let times = 0; times < 5; times += 1) await there(reference);
      }),
    );
    expect(await second).not.to.equal(first);
    expect(await there(reference)).to.equal(false);
    expect([...recorded]).to.deep.equal([]);
  });

  it("stays where the image had it before", async () => {
    await tag(`${name}:1`, reference.slice(0, -2));
    await push([login.password]);
    expect((await inspectedImage(reference))?.Id).to.equal(id);
    expect([...recorded]).to.deep.equal([]);
  });

  it("is recorded as long as it is there, and stays where it is the image's last", async () => {
    const begun: Resource[] = [];
    const made = context.created;
    context.created = async (resource) => {
      begun.push(resource);
      expect(await there(reference), "recorded before it is there").to.equal(false);
      await made(resource);
      // Somebody takes the image's own name away while it is pushed.
      await tag(`${name}:1`, reference.slice(0, -2));
      await engineRemove("images", `${name}:1`);
    };
    try {
      await push([login.password]);
    } finally {
      context.created = made;
    }
    expect(begun).to.deep.equal([{ kind: "image-name", name: reference, id }]);
    expect((await inspectedImage(reference))?.Id).to.equal(id);
    expect([...recorded.keys()]).to.deep.equal([reference]);
  });

  it("that a push was cut off from taking away goes with the next run, and nothing else", async () => {
    await tag(`${name}:1`, reference.slice(0, -2));
    await tag(`${name}:1`, `${name}-mine`);
    const resources: readonly Resource[] = [
      { kind: "image-name", name: reference, id },
      { kind: "image", name: `${name}-mine:1` },
      { kind: "image-name", name: `${name}:1`, id: `sha256:${"0".repeat(64)}` },
    ];
    for (const resource of resources) recorded.set(resource.name, resource);
    const record = { resources } as PartRecord;
    await forgetNames({ ...context, record }, engine);
    expect(await there(reference)).to.equal(false);
    expect(await there(`${name}-mine:1`)).to.equal(true);
    expect(await there(`${name}:1`), "another image's by now").to.equal(true);
    expect([...recorded.keys()]).to.deep.equal([`${name}-mine:1`]);
  });

  it("goes back to the image that had it before", async () => {
    await loadImage(reference, { Labels: { name: "somebody's" } });
    const theirs = (await inspectedImage(reference))?.Id ?? "";
    await push([login.password]);
    expect((await inspectedImage(reference))?.Id).to.equal(theirs);
    expect([...recorded]).to.deep.equal([]);
    // What a push was cut off from giving back comes back with the next run.
    await tag(`${name}:1`, reference.slice(0, -2));
    await tag(theirs, `${name}-mine`);
    const cutOff = { kind: "image-name", name: reference, id, before: theirs };
    await forgetNames({ ...context, record: { resources: [cutOff] } as unknown as PartRecord }, engine);
    expect((await inspectedImage(reference))?.Id).to.equal(theirs);
    expect(
      await dropName(engine, { ...cutOff, id: theirs, before: `sha256:${"0".repeat(64)}` }),
      "has gone",
    ).to.equal(true);
    expect(await there(reference)).to.equal(false);
  });

  it("is dropped only from the image that is meant, and not as its last", async () => {
    expect(await dropName(engine, { kind: "image-name", name: reference }), "not there").to.equal(true);
    expect(await dropName(engine, { kind: "image-name", name: `${name}:1` }), "its last").to.equal(false);
    expect((await inspectedImage(`${name}:1`))?.Id).to.equal(id);
  });
});
