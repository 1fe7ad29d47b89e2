import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { packFiles } from "../../../src/docker.js";
import type { Event } from "../../../src/engine/events.js";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHas, engineRemove, engineRequest, uniqueName } from "../../support/engine.js";
import { diagnostics, imageBuildout } from "../../support/image-buildout.js";
import { startRegistry, type Registry } from "../../support/registry.js";

const SIZE = 48 * 1024 * 1024;

/** What the user is told while the engine waits. */
const waits = (event: Event): boolean =>
  event.type === "part-log" &&
  /^[0-9a-f]{12}: the transfer broke off; the engine is retrying in (5|10|15|20) seconds$/.test(event.line);

/** A real registry that ends while a layer is on its way to it. The engine tries again after 5, 10, 15 and 20 seconds. */
describe("docker.push to a registry that goes away in the middle", () => {
  let registry: Registry;
  let name: string;
  let made: TestBuildout;
  beforeEach(async () => {
    registry = await startRegistry();
    name = uniqueName("tsb-gone");
    const body = packFiles([{ name: "data", content: randomBytes(SIZE) }]);
    const path = `/images/create?fromSrc=-&repo=${name}&tag=1`;
    expect((await engineRequest({ method: "POST", path, body })).status).to.equal(200);
  });
  afterEach(async () => {
    await made.uninstall();
    await made.dispose();
    await registry.stop();
    await engineRemove("images", `${name}:1`);
  });
  const buildout = async (options = ""): Promise<void> => {
    const part = `[pushed]\nrecipe = docker.push\nname = ${name}:1\nregistry = ${registry.host}\n${options}`;
    made = await imageBuildout({ config: `[buildout]\nparts = pushed\n${part}` });
  };
  /** Installs; the registry ends as soon as bytes of the layer move, and `waiting` is called when the engine waits. */
  const install = async (waiting: () => void, signal?: AbortSignal): Promise<boolean> => {
    let gone = false;
    const report = (event: Event): void => {
      made.events.push(event);
      const moves =
        event.type === "part-progress" && (event.current ?? 0) > 0 && event.step.startsWith("Pushing ");
      if (moves && !gone) {
        gone = true;
        void registry.stop();
      } else if (waits(event)) waiting();
    };
    const summary = await made.install({ report, ...(signal && { signal }) });
    expect(gone, "it went while the layer moved").to.equal(true);
    return summary.ok;
  };
  const tags = async (): Promise<unknown> =>
    await (await fetch(`http://${registry.host}/v2/${name}/tags/list`)).json();

  it("says that the engine waits, and is done when the registry is back in time", async () => {
    await buildout();
    let back: Promise<Registry> | undefined;
    expect(await install(() => void (back ??= startRegistry({ instead: registry })))).to.equal(true);
    registry = await back!;
    expect(made.events.filter(waits).length).to.be.at.least(1);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });

  it("gives up after the part's timeout, and the next run pushes", async () => {
    await buildout("timeout = 4\n");
    expect(await install(() => undefined)).to.equal(false);
    expect(diagnostics(made)).to.deep.equal([
      "part/timeout: not done within 4 seconds\nhelp: give it more time with the option timeout",
    ]);
    expect(await engineHas(`/images/${registry.host}/${name}:1/json`), "our tag is gone").to.equal(false);
    expect((await made.records()).size).to.equal(0);
    registry = await startRegistry({ instead: registry });
    expect((await made.install()).ok).to.equal(true);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
  });

  it("says what the engine says at last when the registry stays away, and the next run pushes", async () => {
    await buildout();
    expect(await install(() => undefined)).to.equal(false);
    expect(made.events.filter(waits)).to.have.lengthOf(4);
    expect(diagnostics(made)).to.deep.equal([
      `registry/failed: ${registry.host}/${name}:1: dial tcp ${registry.host}: connect: connection refused\nhelp: is the registry running, and can the engine's host reach it? The next run tries again`,
    ]);
    expect(await engineHas(`/images/${registry.host}/${name}:1/json`), "our tag is gone").to.equal(false);
    expect((await made.records()).size).to.equal(0);
    registry = await startRegistry({ instead: registry });
    expect((await made.install()).ok).to.equal(true);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
  });

  it("stops at once when it is told to while the engine waits", async () => {
    await buildout();
    const stop = new AbortController();
    expect(await install(() => stop.abort(), stop.signal)).to.equal(false);
    registry = await startRegistry({ instead: registry });
    expect((await made.install()).ok).to.equal(true);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
  });
});
