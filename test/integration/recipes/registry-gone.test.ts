import { expect } from "chai";
import { randomBytes } from "node:crypto";
import net from "node:net";
import { packFiles } from "../../../src/docker.js";
import type { Event } from "../../../src/engine/events.js";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHas, engineRemove, engineRequest, uniqueName } from "../../support/engine.js";
import { freePort } from "../../support/free-port.js";
import { diagnostics, imageBuildout } from "../../support/image-buildout.js";
import { startRegistry, type Registry } from "../../support/registry.js";

const SIZE = 8 * 1024 * 1024;
/** So many bytes on, something of the layer has gone through and most of it has not. */
const HALFWAY = 1024 * 1024;

/** A way to a registry that the test can shut, and that shuts by itself in the middle of a layer. */
class Door {
  readonly host: string;
  shut = false;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #registry: Registry;
  #passed = 0;

  constructor(registry: Registry, port: number) {
    this.host = `127.0.0.1:${port}`;
    this.#registry = registry;
    this.#server = net.createServer((client) => this.#pass(client));
  }

  static async to(registry: Registry): Promise<Door> {
    const door = new Door(registry, await freePort());
    await door.open();
    return door;
  }

  async open(): Promise<void> {
    const [host, port] = this.host.split(":");
    await new Promise<void>((resolve) => this.#server.listen(Number(port), host, resolve));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(client: net.Socket): void {
    const [host, port] = this.#registry.host.split(":");
    const registry = net.connect(Number(port), host);
    for (const socket of [client, registry]) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => this.#sockets.delete(socket));
    }
    client.on("data", (chunk: Buffer) => {
      this.#passed += chunk.length;
      if (this.shut || this.#passed < HALFWAY) return;
      this.shut = true;
      this.close();
    });
    client.pipe(registry).pipe(client);
  }
}

/** What the user is told while the engine waits. */
const waits = (event: Event): boolean =>
  event.type === "part-log" &&
  /^[0-9a-f]{12}: the transfer broke off; the engine is retrying in (5|10|15|20) seconds$/.test(event.line);

/** A real registry that cannot be reached any more while a layer is on its way to it. The engine tries again after 5, 10, 15 and 20 seconds. */
describe("docker.push to a registry that goes away in the middle", () => {
  let registry: Registry;
  let door: Door;
  let name: string;
  let made: TestBuildout;
  beforeEach(async () => {
    registry = await startRegistry();
    door = await Door.to(registry);
    name = uniqueName("tsb-gone");
    const body = packFiles([{ name: "data", content: randomBytes(SIZE) }]);
    const path = `/images/create?fromSrc=-&repo=${name}&tag=1`;
    expect((await engineRequest({ method: "POST", path, body })).status).to.equal(200);
  });
  afterEach(async () => {
    await made.uninstall();
    await made.dispose();
    door.close();
    await registry.stop();
    await engineRemove("images", `${name}:1`);
  });
  const config = (options = ""): string =>
    `[buildout]\nparts = pushed\n[pushed]\nrecipe = docker.push\nname = ${name}:1\nregistry = ${door.host}\n${options}`;
  const buildout = async (options = ""): Promise<void> => {
    made = await imageBuildout({ config: config(options) });
  };
  /** Installs; the registry is gone in the middle of the layer, and `waiting` is called when the engine waits. */
  const install = async (waiting: () => void, signal?: AbortSignal): Promise<boolean> => {
    const report = (event: Event): void => {
      made.events.push(event);
      if (waits(event)) waiting();
    };
    const summary = await made.install({ report, ...(signal && { signal }) });
    expect(door.shut, "it went while the layer moved").to.equal(true);
    return summary.ok;
  };
  const tags = async (): Promise<unknown> =>
    await (await fetch(`http://${door.host}/v2/${name}/tags/list`)).json();

  it("says that the engine waits, and is done when the registry is back in time", async () => {
    await buildout();
    let back: Promise<void> | undefined;
    expect(await install(() => void (back ??= door.open()))).to.equal(true);
    await back;
    expect(made.events.filter(waits).length).to.be.at.least(1);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });

  it("gives up after the part's timeout, and the next run pushes", async () => {
    // Long enough for a slow machine to have begun by then; the engine would try for 50 seconds.
    await buildout("timeout = 15\n");
    expect(await install(() => undefined)).to.equal(false);
    expect(diagnostics(made)).to.deep.equal([
      "part/timeout: not done within 15 seconds\nhelp: give it more time with the option timeout",
    ]);
    expect(await engineHas(`/images/${door.host}/${name}:1/json`), "our tag is gone").to.equal(false);
    expect((await made.records()).size).to.equal(0);
    await door.open();
    await made.write(config());
    expect((await made.install()).ok).to.equal(true);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
  });

  it("says what is wrong when the registry stays away, and the next run pushes", async () => {
    await buildout();
    expect(await install(() => undefined)).to.equal(false);
    // An engine that tries again at all does so as often.
    expect(made.events.filter(waits).length).to.be.oneOf([0, 4]);
    const [said = "", ...more] = diagnostics(made);
    expect(more).to.deep.equal([]);
    expect(said.startsWith(`registry/failed: ${door.host}/${name}:1: `), said).to.equal(true);
    const help = "is the registry running, and can the engine's host reach it? The next run tries again";
    expect(said.endsWith(`\nhelp: ${help}`), said).to.equal(true);
    expect(await engineHas(`/images/${door.host}/${name}:1/json`), "our tag is gone").to.equal(false);
    expect((await made.records()).size).to.equal(0);
    await door.open();
    expect((await made.install()).ok).to.equal(true);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
  });

  it("stops at once when it is told to while the engine waits", async () => {
    await buildout();
    const stop = new AbortController();
    expect(await install(() => stop.abort(), stop.signal)).to.equal(false);
    expect(stop.signal.aborted, "the engine waited").to.equal(true);
    await door.open();
    expect((await made.install()).ok).to.equal(true);
    expect(await tags()).to.deep.equal({ name, tags: ["1"] });
  });
});
