import { expect } from "chai";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHas, engineRemove, uniqueName } from "../../support/engine.js";
import { failing, imageBuildouts, installed } from "../../support/image-buildout.js";
import { loadImage } from "../../support/images.js";
import { type Clerk, startTokenRegistry, type TokenRegistry } from "../../support/token-registry.js";

const login = "ann:correct-horse";

/** A real registry that wants tokens, as Docker Hub and most others do. */
describe("a registry that takes tokens", () => {
  let registry: TokenRegistry;
  let clerk: Clerk;
  let name: string;
  // Before the buildouts go, which is when they may ask the registry again.
  afterEach(() => void (clerk = () => 300));
  const make = imageBuildouts();
  before(async () => void (registry = await startTokenRegistry((...asked) => clerk(...asked))));
  after(async () => await registry.stop());
  beforeEach(async () => {
    name = uniqueName("tsb-token");
    clerk = (shown) => (shown === login ? 300 : undefined);
    registry.asked.length = 0;
    await loadImage(`${name}:1`, { Labels: { name } });
  });
  afterEach(async () => await engineRemove("images", `${name}:1`));
  const buildout = async (recipe: string, options: string, env = {}): Promise<TestBuildout> => {
    const part = `[it]\nrecipe = docker.${recipe}\nname = ${name}:1\nregistry = ${registry.host}\n${options}`;
    return await make({ config: `[buildout]\nparts = it\n${part}\n`, env });
  };
  const reference = (): string => `${registry.host}/${name}:1`;
  const who = "username = ann\npassword = correct-horse";
  const settings = (auth: object): object => ({
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: auth } }),
  });

  it("gives one for name and password, and nobody sees the password", async () => {
    const pushed = await buildout("push", who);
    await installed(pushed, "it");
    expect((await pushed.install()).counts).to.include({ unchanged: 1 });
    await pushed.uninstall();
    expect(await engineHas(`/images/${reference()}/json`)).to.equal(false);
    const pulled = await buildout("pull", `${who}\npull-policy = newer`);
    expect(await installed(pulled, "it")).to.include({ reference: reference() });
    expect((await pulled.install()).counts).to.include({ unchanged: 1 });
    expect(JSON.stringify([pushed.events, pulled.events])).not.to.contain("correct-horse");
  });

  it("gives one for an identity token, which a login or a helper has kept", async () => {
    clerk = (shown) => (shown === "refresh kept" ? 300 : undefined);
    const env = settings({ identitytoken: "kept" });
    await installed(await buildout("push", "", env), "it");
    expect([...new Set(registry.asked.filter(Boolean))]).to.deep.equal(["refresh kept"]);
  });

  it("gives none to somebody else: that is said, as whom it was asked", async () => {
    const said = await failing(await buildout("push", "username = ann\npassword = wrong-horse"));
    expect(said).to.match(new RegExp(`^registry/denied: the registry denies access to ${reference()}\n`));
    expect(said).to.contain("note: asked as ann (options)");
    const ended = await failing(await buildout("push", "", settings({ identitytoken: "ended" })));
    expect(ended).to.contain("note: asked as the holder of a token (DOCKER_AUTH_CONFIG)");
    expect(await engineHas(`/images/${reference()}/json`), "the name is taken back").to.equal(false);
  });

  it("gives no second one in the middle of a push: that is said, and the next run pushes", async () => {
    // Whoever only wants to look gets it, and the one that would write does not.
    clerk = (shown, scopes) =>
      shown === login && !scopes.some((scope) => scope.includes("push")) ? 300 : undefined;
    const made = await buildout("push", who);
    expect(await failing(made)).to.match(/^registry\/denied: /);
    expect((await made.records()).size).to.equal(0);
    clerk = (shown) => (shown === login ? 300 : undefined);
    await installed(made, "it");
  });

  it("gives tokens that have ended: that is said, and the next run pushes", async () => {
    clerk = (shown) => (shown === login ? -3600 : undefined);
    const made = await buildout("push", who);
    expect(await failing(made)).to.match(/^registry\/denied: /);
    clerk = (shown) => (shown === login ? 300 : undefined);
    await installed(made, "it");
  });

  it("goes away with its tokens: a part that is installed stays as it is", async () => {
    const made = await buildout("push", who);
    await installed(made, "it");
    clerk = () => undefined;
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });
});
