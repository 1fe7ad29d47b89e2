import { expect } from "chai";
import { existsSync } from "node:fs";
import { rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { engineHas, uniqueName } from "../../support/engine.js";
import { makeCertificates } from "../../support/certificates.js";
import { failing, imageBuildouts, installed } from "../../support/image-buildout.js";
import { baseImage, ensureBaseImage } from "../../support/images.js";
import { engineSocket, tlsProxy } from "../../support/proxies.js";
import { startRegistry, type Registry } from "../../support/registry.js";

const NOWHERE = "unix:///tsb-nowhere.sock";
const SAYS = [
  `engine/unreachable: cannot reach the Docker engine at ${NOWHERE} (option engine-url)`,
  "there is no such socket",
  "is the Docker engine running? Another one is named by engine-url, context or DOCKER_HOST",
];

describe("a part that is to move to an engine that does not answer", () => {
  const buildout = imageBuildouts();
  let registry: Registry;
  before(async () => {
    await ensureBaseImage();
    registry = await startRegistry();
  });
  after(async () => await registry.stop());

  const stays = async (
    options: string,
    isThere: (directory: string) => boolean | Promise<boolean>,
  ): Promise<void> => {
    const config = `[buildout]\nparts = moved\n[moved]\n${options}\n`;
    const made = await buildout({ config });
    await installed(made, "moved");
    await made.write(`${config}engine-url = ${NOWHERE}\n`);
    for (const line of SAYS) expect(await failing(made)).to.include(line);
    expect(await isThere(made.directory), "what it made").to.equal(true);
    await made.write(config);
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  };

  it("keeps its container", async () => {
    const name = uniqueName("tsb-move");
    const options = `recipe = docker.run\nname = ${name}\nimage = ${baseImage}\ncommand = sleep 1000\nstop-signal = SIGKILL`;
    await stays(options, async () => await engineHas(`/containers/${name}/json`));
  });

  it("keeps its image", async () => {
    const name = uniqueName("tsb-move");
    const options = `recipe = docker.build\nname = ${name}\ndockerfile-inline = FROM ${baseImage}`;
    await stays(options, async () => await engineHas(`/images/${name}/json`));
  });

  it("keeps the names of what it has pushed", async () => {
    const to = `${registry.host}/${uniqueName("tsb-move")}`;
    const options = `recipe = docker.push\nname = ${baseImage}\nrepository = ${to}`;
    await stays(options, async () => await engineHas(`/images/${to}/json`));
  });

  it("keeps its network", async () => {
    const name = uniqueName("tsb-move");
    await stays(`recipe = docker.network\nname = ${name}`, async () => await engineHas(`/networks/${name}`));
  });

  it("keeps its archive", async () => {
    const options = `recipe = docker.save\nimage = ${baseImage}\nfile = saved.tar`;
    await stays(options, (directory) => existsSync(join(directory, "saved.tar")));
  });
});

const RECIPES: Readonly<Record<string, string>> = {
  "docker.build": `dockerfile-inline = FROM ${baseImage}`,
  "docker.network": "",
  "docker.run": `image = ${baseImage}\ncommand = sleep 1000\nstop-signal = SIGKILL`,
  "docker.volume": "",
};

describe("a part on an engine that answers no more", () => {
  const buildout = imageBuildouts();
  before(async () => await ensureBaseImage());
  for (const [recipe, options] of Object.entries(RECIPES)) {
    it(`keeps no part from being looked at that is elsewhere: ${recipe}`, async () => {
      const [here, gone] = [uniqueName("tsb-here"), uniqueName("tsb-gone")];
      const made = await buildout({ config: "" });
      const section = `recipe = ${recipe}\n${options}`;
      const socket = join(made.directory, "engine.sock");
      await symlink(engineSocket(), socket);
      await made.write(
        `[buildout]\nparts = here gone\n[here]\n${section}\nname = ${here}\n[gone]\n${section}\nname = ${gone}\nengine-url = unix://${socket}\n`,
      );
      await installed(made, "here");
      await rm(socket);
      const { counts } = await made.install();
      await symlink(engineSocket(), socket);
      expect(counts).to.include({ unchanged: 1, failed: 1 });
    });
  }
});

describe("a part whose engine is the same, and spoken to otherwise", () => {
  const buildout = imageBuildouts();
  before(async () => await ensureBaseImage());

  for (const [recipe, options] of Object.entries(RECIPES)) {
    for (const section of ["buildout", "a"]) {
      it(`stays as it is: ${recipe}, said in [${section}]`, async () => {
        const name = uniqueName("tsb-tls");
        const config = `[buildout]\nparts = a\n[a]\nrecipe = ${recipe}\nname = ${name}\n${options}\n`;
        const made = await buildout({ config });
        await installed(made, "a");
        const before = (await made.records()).get("a");
        await made.write(config.replace(`[${section}]`, `[${section}]\nengine-tls-verify = false`));
        expect((await made.plan()).steps.map(({ action }) => action)).to.deep.equal(["update"]);
        await installed(made, "a");
        expect((await made.records()).get("a")?.resources).to.deep.equal(before?.resources);
        expect((await made.install()).counts).to.include({ unchanged: 1 });
      });
    }
    it(`is found by the certificates that the file names now, where those of the last run have gone: ${recipe}`, async () => {
      const certificates = await makeCertificates();
      const proxy = await tlsProxy(certificates);
      let at = certificates.client;
      const move = async (): Promise<void> => await rename(at, (at = `${at}-moved`));
      try {
        const name = uniqueName("tsb-tls");
        const config = (section: string, label = ""): string =>
          `[buildout]\nparts = a\nengine-url = tcp://127.0.0.1:${proxy.port}\n[a]\nrecipe = ${recipe}\nname = ${name}\n${options}\n${label}\n`.replace(
            `[${section}]`,
            `[${section}]\nengine-tls-cert-path = ${at}`,
          );
        const made = await buildout({ config: config("buildout") });
        await installed(made, "a");
        await move();
        expect((await made.install()).counts, "the old name").to.include({ failed: 1 });
        await made.write(config("a"));
        expect((await made.plan()).steps.map(({ action }) => action)).to.deep.equal(["update"]);
        await installed(made, "a");
        await move();
        await made.write(config("buildout", `replace = true\nlabels =\n  is=another`));
        expect((await made.plan()).steps.map(({ action }) => action)).not.to.deep.equal(["none"]);
        await installed(made, "a");
        expect((await made.install()).counts).to.include({ unchanged: 1 });
        await move();
        expect((await made.uninstall()).counts, "the old name").to.include({ failed: 1 });
        await made.write(config("buildout"));
        expect((await made.uninstall()).counts).to.include({ done: 1 });
      } finally {
        await proxy.close();
      }
    });
  }
});
