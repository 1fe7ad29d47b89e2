import { expect } from "chai";
import { EventEmitter, once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { uniqueName } from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { failing, imageBuildouts, installed } from "../../support/image-buildout.js";

/** A registry that wants to know who asks, and notes what it is told. */
class AskingRegistry {
  readonly told: string[] = [];
  readonly #logins = new EventEmitter();
  /** Resolves when somebody has logged in. */
  readonly loggedIn: Promise<unknown> = once(this.#logins, "login");
  /** Whoever does not log in is refused once that resolves. */
  refuses: Promise<unknown> = Promise.resolve();
  readonly #server: http.Server;

  constructor() {
    this.#server = http.createServer((request, response) => {
      const { authorization } = request.headers;
      if (authorization) {
        const [, text = ""] = authorization.split(" ");
        this.told.push(Buffer.from(text, "base64").toString());
        // Not answered: the build is to end by the refusal of another registry.
        this.#logins.emit("login");
        return;
      }
      const refuse = (): void =>
        void response.writeHead(401, { "WWW-Authenticate": 'Basic realm="test"' }).end();
      void this.refuses.then(refuse);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const auth = (text: string): object => ({ auth: Buffer.from(text).toString("base64") });

describe("docker.build from images of several registries", () => {
  const buildouts = imageBuildouts();
  const [ann, bob, nobody] = [new AskingRegistry(), new AskingRegistry(), new AskingRegistry()];
  before(async () => {
    for (const registry of [ann, bob, nobody]) await registry.start();
  });
  after(async () => {
    for (const registry of [ann, bob, nobody]) await registry.stop();
  });

  // Podman asks one after the other, so that nobody refuses: the timeout ends that.
  it("shows each its own login and none another's, by the session of BuildKit", async () => {
    nobody.refuses = Promise.all([ann.loggedIn, bob.loggedIn]);
    const image = uniqueName("tsb-login");
    const froms = [ann, bob, nobody].map(({ host }, at) => `  FROM ${host}/${image} AS s${at}`);
    const copies = [0, 1].map((at) => `  COPY --from=s${at} / /`);
    const auths = { [ann.host]: auth("ann:ann-horse"), [bob.host]: auth("bob:bob-horse") };
    const part = `recipe = docker.build\nname = ${image}\nbuilder = buildkit\ntimeout = 30\ndockerfile-inline =\n`;
    const made = await buildouts({
      config: `[buildout]\nparts = app\n[app]\n${part}${[...froms, ...copies].join("\n")}\n`,
      env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) },
    });
    expect(await failing(made)).to.contain(nobody.host);
    expect([...new Set(ann.told)]).to.deep.equal(["ann:ann-horse"]);
    expect([...new Set(bob.told)]).to.deep.equal(["bob:bob-horse"]);
    expect(nobody.told).to.deep.equal([]);
  });

  it("shows no log the token of one", async () => {
    const image = uniqueName("tsb-token");
    const auths = { "registry.test": { identitytoken: "hush-hush" } };
    const build = [`FROM ${await ensureBaseImage()}`, `RUN echo it is hush-hush # ${image}`];
    const made = await buildouts({
      config: `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${image}\nbuilder = classic\ncache-from = registry.test/${image}\ndockerfile-inline =\n${build.map((line) => `  ${line}\n`).join("")}`,
      env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) },
    });
    await installed(made, "app");
    expect(made.log("app").join("\n")).to.contain("it is ***").and.not.to.contain("hush-hush");
  });
});
