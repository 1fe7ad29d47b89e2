import { expect } from "chai";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHas, engineRemove, uniqueName } from "../../support/engine.js";
import { type Answer, fakeEngine, handOn, spoilt } from "../../support/fake-engine.js";
import { countingProxy } from "../../support/counting-proxy.js";
import { baseImage, ensureBaseImage, loadImage } from "../../support/images.js";
import {
  blamed,
  diagnostics,
  failing,
  imageBuildout,
  imagesOf,
  inspectedImage,
  installed,
  type ImageBuildout,
} from "../../support/image-buildout.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { manifestIn, putImage, tagsIn } from "../../support/registry-content.js";
import { temporaryFolder } from "../../support/tmp.js";

const login = { username: "ann", password: "correct-horse" };

const config = (options: string): string =>
  `[buildout]\nparts = pushed\n[pushed]\nrecipe = docker.push\n${options}\n`;

describe("docker.push", () => {
  let registry: Registry;
  let other: Registry;
  let closed: Registry;
  let name: string;
  const open: TestBuildout[] = [];
  before(async () => {
    await ensureBaseImage();
    registry = await startRegistry();
    other = await startRegistry();
    closed = await startRegistry({ login });
  });
  after(async () => {
    await registry.stop();
    await other.stop();
    await closed.stop();
  });
  beforeEach(async () => {
    name = uniqueName("tsb-push");
    await loadImage(`${name}:1`, { Labels: { name } });
  });
  afterEach(async () => {
    for (const buildout of open.splice(0)) {
      await buildout.uninstall().catch(() => undefined);
      await buildout.dispose();
    }
    await engineRemove("images", `${name}:1`);
  });
  const push = async (options: string, more: Partial<ImageBuildout> = {}): Promise<TestBuildout> => {
    const made = await imageBuildout({ config: config(options), ...more });
    open.push(made);
    return made;
  };
  const target = (tag = "1"): string => `${registry.host}/${name}:${tag}`;
  const tagsAt = async (host: string): Promise<string[]> => await tagsIn(host, name);

  it("asks for its image by a name once, beside what its inputs ask", async () => {
    const proxy = await countingProxy();
    try {
      await loadImage(target(), { Labels: { name } });
      await installed(await push(`name = ${target()}\nengine-url = ${proxy.url}`), "pushed");
      const asked = proxy.requests.map((line) => decodeURIComponent(line.replace(/ \/v[\d.]+/, " ")));
      expect(asked.filter((line) => line === `GET /images/${target()}/json`)).to.have.length(2);
    } finally {
      proxy.close();
      await engineRemove("images", target());
    }
  });

  it("tags the image for the registry, pushes it, and does nothing the second time", async () => {
    const made = await push(`name = ${name}\ntag = 1\ntags = latest stable\nregistry = ${registry.host}`);
    const outputs = await installed(made, "pushed");
    expect(await tagsAt(registry.host)).to.deep.equal(["1", "latest", "stable"]);
    expect(outputs["digest"]).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(outputs).to.include({
      image: `${registry.host}/${name}@${outputs["digest"]}`,
      reference: `${registry.host}/${name}:1`,
    });
    made.events.length = 0;
    expect((await made.install()).counts).to.include({ unchanged: 1 });

    await made.uninstall();
    for (const tag of ["1", "latest", "stable"])
      expect(await engineHas(`/images/${registry.host}/${name}:${tag}/json`), tag).to.equal(false);
    expect(await engineHas(`/images/${name}:1/json`), "its own name stays").to.equal(true);
    expect(await tagsAt(registry.host), "so does what is in the registry").to.have.length(3);
  });

  for (const done of [false, true])
    for (const further of ["uninstall", "install"] as const)
      it(`takes the name away that it was moving when it was cut off: ${done ? "moved" : "not yet"}, ${further}`, async () => {
        let cut = false;
        const tagging: Answer = (request, response) => {
          if (!cut) handOn(request, response);
          else if (done) spoilt("")(request, Object.assign(response, { end: () => response.destroy() }));
          else response.destroy();
        };
        const engine = await fakeEngine({}, (request, response) =>
          (/\/tag\?/.test(request.url ?? "") ? tagging : handOn)(request, response),
        );
        try {
          const made = await push(
            `name = ${name}:1\nregistry = ${registry.host}\nengine-url = ${engine.url}`,
          );
          await installed(made, "pushed");
          const first = (await inspectedImage(target()))?.Id;
          await loadImage(`${name}:1`, { Labels: { second: name } });
          cut = true;
          await failing(made);
          expect((await inspectedImage(target()))?.Id === first).to.equal(!done);
          cut = false;
          if (further === "install") await installed(made, "pushed");
          await made.uninstall();
          expect(await engineHas(`/images/${target()}/json`)).to.equal(false);
        } finally {
          await engine.close();
        }
      });

  for (const changed of ["repository", "registry"])
    it(`takes a name of before away in the end that had to stay for another part's sake: another ${changed}`, async () => {
      const pushing = (at: string, more = ""): string =>
        `[buildout]\nparts = pushed ${more && "pinned"}\n[pushed]\nrecipe = docker.push\nname = ${name}:1\n${changed} = ${at}\n${more}`;
      const [first, moved] =
        changed === "repository"
          ? [target(), `${registry.host}/${name}-moved:1`]
          : [registry.host, other.host];
      const made = await push("", { config: pushing(first) });
      const { image } = await installed(made, "pushed");
      const pinned = `[pinned]\nrecipe = docker.pull\nname = ${image}\n`;
      await made.write(pushing(first, pinned));
      await installed(made, "pinned");
      await made.write(pushing(moved, pinned));
      await installed(made, "pushed");
      const stayed = await engineHas(`/images/${target()}/json`);
      expect(made.log("pushed").some((line) => line.startsWith(`image ${target()} stays: `))).to.equal(
        stayed,
      );
      await made.write(pushing(moved));
      await installed(made, "pushed");
      await made.uninstall();
      for (const one of [target(), image])
        expect(await engineHas(`/images/${one}/json`), one).to.equal(false);
    });

  it("to several repositories leaves nothing behind of what is built again", async () => {
    const to = (part: string): string =>
      `[${part}]\nrecipe = docker.push\nname = ${name}-built\nrepository = ${registry.host}/${name}-${part}\n`;
    const build = `[built]\nrecipe = docker.build\nname = ${name}-built\ndockerfile-inline =\n  FROM scratch\n  LABEL x=${name}`;
    const config = `[buildout]\nparts = built one two\n${to("one")}${to("two")}${build}`;
    const made = await push("", { config });
    const { "image-id": first } = await installed(made, "built");
    await made.write(`${config} y=2`);
    const { "image-id": second } = await installed(made, "built");
    expect(await engineHas(`/images/${first}/json`)).to.equal(false);
    await made.uninstall();
    expect(await engineHas(`/images/${second}/json`)).to.equal(false);
  });

  it("to another repository leaves nothing behind of what is pulled anew", async () => {
    const from = `${registry.host}/${name}-from:1`;
    const made = await push("", {
      config: [
        "[buildout]\nparts = pulled pushed",
        `[pulled]\nrecipe = docker.pull\nname = ${from}\npull-policy = newer`,
        `[pushed]\nrecipe = docker.push\nimage = $<pulled:image>\nrepository = ${target()}\n`,
      ].join("\n"),
    });
    const ids: (string | undefined)[] = [];
    for (const content of ["1", "2", "3"]) {
      await putImage(from, [`linux/amd64/${content}`]);
      ids.push((await installed(made, "pulled"))["image-id"]);
    }
    expect(new Set(ids).size).to.equal(3);
    const there = await Promise.all(ids.map(async (id) => await engineHas(`/images/${id}/json`)));
    expect(there).to.deep.equal([false, false, true]);
    await made.uninstall();
    expect(await engineHas(`/images/${ids[2]}/json`)).to.equal(false);
  });

  it("leaves what is built again to the part that has it by its digest, and takes it away with that", async () => {
    const both = `[pushed]\nrecipe = docker.push\nname = ${name}-built\nrepository = ${target()}\n[built]\nrecipe = docker.build\nname = ${name}-built\ndockerfile-inline =\n  FROM scratch\n  LABEL x=${name}`;
    const alone = `[buildout]\nparts = built pushed\n${both}`;
    const made = await push("", { config: alone });
    const { image } = await installed(made, "pushed");
    const three = `[buildout]\nparts = built pushed pinned\n[pinned]\nrecipe = docker.pull\nname = ${image}\n${both}`;
    await made.write(three);
    const { "image-id": first } = await installed(made, "pinned");
    await made.write(`${three} y=2`);
    await installed(made, "pushed");
    expect(await engineHas(`/images/${first}/json`)).to.equal(true);
    await made.write(`${alone} y=2`);
    await installed(made, "pushed");
    expect(await engineHas(`/images/${first}/json`)).to.equal(false);
  });

  it("promotes what was pulled: by its digest, under the tags that are asked for", async () => {
    await putImage(`${registry.host}/${name}:rc`);
    const made = await imageBuildout({
      config: [
        "[buildout]\nparts = pushed",
        `[pulled]\nrecipe = docker.pull\nname = ${registry.host}/${name}\ntag = rc`,
        "[pushed]\nrecipe = docker.push\nimage = $<pulled:image>",
        `repository = ${registry.host}/${name}-live\ntags = 1 now\n`,
      ].join("\n"),
    });
    open.push(made);
    const outputs = await installed(made, "pushed");
    expect(outputs["image-id"]).to.equal((await installed(made, "pulled"))["image-id"]);
    expect(outputs["reference"]).to.equal(`${registry.host}/${name}-live:1`);
    expect(await tagsIn(registry.host, `${name}-live`)).to.deep.equal(["1", "now"]);
    expect((await made.install()).counts).to.include({ unchanged: 2 });
  });

  it("sends nothing where the registry has the image already", async () => {
    await installed(await push(`name = ${name}:1\nregistry = ${registry.host}`), "pushed");
    const second = await push(`name = ${name}:1\nregistry = ${registry.host}`);
    const { digest } = await installed(second, "pushed");
    expect(second.log("pushed")).to.deep.equal([
      `${registry.host}/${name}:1: the registry has ${digest} already`,
    ]);
  });

  it("pushes again what the registry has lost, or has under another digest", async () => {
    const made = await push(`name = ${name}:1\nregistry = ${registry.host}`);
    const { digest } = await installed(made, "pushed");
    await fetch(`http://${registry.host}/v2/${name}/manifests/${digest}`, { method: "DELETE" });
    expect((await made.plan()).steps[0]).to.include({ action: "update" });
    await installed(made, "pushed");
    expect(await tagsAt(registry.host)).to.deep.equal(["1"]);
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });

  it("pushes again what somebody else has put another image under", async () => {
    const made = await push(`name = ${name}:1\nregistry = ${registry.host}`);
    const { digest } = await installed(made, "pushed");
    await putImage(target());
    expect((await manifestIn(target())).digest).not.to.equal(digest);
    expect((await made.plan()).steps[0]).to.include({ action: "update" });
    await installed(made, "pushed");
    expect((await manifestIn(target())).digest).to.equal(digest);
  });

  it("asks no registry without network, nor for nothing newer", async () => {
    const options = `name = ${name}:1\nregistry = ${registry.host}`;
    const made = await push(options);
    const { digest } = await installed(made, "pushed");
    await fetch(`http://${registry.host}/v2/${name}/manifests/${digest}`, { method: "DELETE" });
    for (const how of ["offline = true", "newest = false"]) {
      await made.write(config(options).replace("[buildout]", `[buildout]\n${how}`));
      expect((await made.install()).counts, how).to.include({ unchanged: 1 });
    }
  });

  it("takes its names along to another image, and those away that it is not to give any more", async () => {
    const made = await push(`name = ${name}:1\ntags = 2\nregistry = ${registry.host}`);
    const first = await installed(made, "pushed");
    await loadImage(`${name}:1`, { Labels: { name, second: "1" } });
    await made.write(config(`name = ${name}:1\nregistry = ${registry.host}`));
    const second = await installed(made, "pushed");
    expect(second["image-id"]).not.to.equal(first["image-id"]);
    expect((await inspectedImage(target()))?.Id).to.equal(second["image-id"]);
    expect(await engineHas(`/images/${target("2")}/json`)).to.equal(false);
    expect(await tagsAt(registry.host), "the registry's stay").to.deep.equal(["1", "2"]);
    const names = (await made.records()).get("pushed")?.resources.map((resource) => resource.name);
    expect(names).to.deep.equal([target()]);
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.uninstall();
    expect(await engineHas(`/images/${target()}/json`)).to.equal(false);
    await engineRemove("images", first["image-id"] ?? "");
  });

  it("leaves a name that was there before, and one that somebody else has put another image under", async () => {
    const others = async (): Promise<void> => await loadImage(target(), { Labels: { other: name } });
    const made = await push(`name = ${name}:1\nregistry = ${registry.host}`);
    await others();
    const theirs = (await inspectedImage(target()))?.Id ?? "";
    await installed(made, "pushed");
    expect(diagnostics(made)).to.deep.equal([
      `push/name-taken: ${target()} was the only name of an image that no buildout has made, ${theirs}: the image that is pushed has it now\nhelp: where such an image is to stay, give it a second name, or the part another repository or tag`,
    ]);
    await made.uninstall();
    expect(await engineHas(`/images/${target()}/json`), "before").to.equal(true);
    await engineRemove("images", target());
    await engineRemove("images", theirs);
    await installed(made, "pushed");
    await others();
    await loadImage(`${name}:1`, { Labels: { name, second: "1" } });
    await installed(made, "pushed");
    await made.uninstall();
    expect(await engineHas(`/images/${target()}/json`), "theirs from then on").to.equal(true);
    await engineRemove("images", target());
  });

  it("takes its name away where another part has the image by a digest, in another repository", async () => {
    const there = `${registry.host}/${name}-there`;
    const pushed = config(`name = ${name}:1\nregistry = ${registry.host}`);
    const pinned = `[there]\nrecipe = docker.push\nname = ${name}:1\nrepository = ${there}\n[pinned]\nrecipe = docker.pull\nname = $<there:image>\n`;
    const made = await push("", { config: `${pushed}${pinned}`.replace("parts = ", "parts = pinned ") });
    await installed(made, "pushed");
    await made.write(`[buildout]\nparts = pinned\n${pinned}`);
    await installed(made, "pinned");
    expect(await engineHas(`/images/${target()}/json`), "gone with its part").to.equal(false);
    expect(await engineHas(`/images/${there}:1/json`), "that of the other one").to.equal(true);
    await made.uninstall();
    expect(await engineHas(`/images/${there}:1/json`), "with all").to.equal(false);
  });

  it("follows the image that another part builds, and leaves nothing of the old one", async () => {
    const app = uniqueName("tsb-pushed");
    const made = await push("", {
      config:
        `[buildout]\nparts = pushed\n[pushed]\nrecipe = docker.push\nname = ${app}\nregistry = ${registry.host}\n[app]\nrecipe = docker.build\nname = ${app}\nsource = src\n`.replace(
          "parts = pushed",
          "parts = pushed app",
        ),
      files: { "src/Dockerfile": `FROM ${baseImage}\nCOPY v /v\n`, "src/v": "1" },
    });
    const first = await installed(made, "pushed");
    expect(made.begun()).to.deep.equal(["install app", "install pushed"]);
    await writeFile(join(made.directory, "src/v"), "2");
    const second = await installed(made, "pushed");
    expect(second["digest"]).not.to.equal(first["digest"]);
    const id = (await inspectedImage(app))?.Config.Labels?.["org.tsbuildout.buildout"] ?? "";
    expect(await imagesOf("app", id)).to.deep.equal([second["image-id"]]);
  });

  it("pushes every tag of a repository", async () => {
    await loadImage(`${name}:2`, { Labels: { two: name } });
    const made = await push(`name = ${name}:1\nall-tags = true\nregistry = ${registry.host}`);
    const { digest } = await installed(made, "pushed");
    expect(await tagsAt(registry.host)).to.deep.equal(["1", "2"]);
    expect((await manifestIn(target())).digest).to.equal(digest);
    const two = await push(`name = ${name}:2\nall-tags = true\nregistry = ${registry.host}`);
    expect((await manifestIn(target("2"))).digest).to.equal((await installed(two, "pushed"))["digest"]);
    await engineRemove("images", `${name}:2`);
    await made.uninstall();
    for (const tag of ["1", "2"])
      expect(await engineHas(`/images/${registry.host}/${name}:${tag}/json`), tag).to.equal(false);
  });

  it("pushes every tag that comes, and takes the names away of those that go, and of an earlier repository", async () => {
    const options = (repository: string, more = "") =>
      `name = ${name}:1\nall-tags = true\nrepository = ${registry.host}/${repository}${more}`;
    const names = async () => (await made.records()).get("pushed")?.resources.map((one) => one.name);
    const made = await push(options(name));
    await installed(made, "pushed");
    await loadImage(`${name}:2`, { Labels: { two: name } });
    await installed(made, "pushed");
    expect(await tagsAt(registry.host)).to.deep.equal(["1", "2"]);
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.write(config(options(`${name}-new`, `\ntags = ${registry.host}/${name}-more:x`)));
    await installed(made, "pushed");
    expect(await tagsIn(registry.host, `${name}-new`)).to.deep.equal(["1", "2"]);
    expect(await tagsIn(registry.host, `${name}-more`)).to.deep.equal(["x"]);
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    for (const tag of ["1", "2"]) expect(await engineHas(`/images/${target(tag)}/json`), tag).to.equal(false);
    await engineRemove("images", `${name}:2`);
    await installed(made, "pushed");
    expect(await names()).to.have.members(
      [`${name}-new:1`, `${name}-more:x`].map((one) => `${registry.host}/${one}`),
    );
  });

  const closedTarget = () => `${closed.host}/${name}:1`;

  describe("to a registry that asks who is there", () => {
    it("takes name and password, and lets nobody see the password", async () => {
      const made = await push(
        `name = ${name}:1\nregistry = ${closed.host}\nusername = ann\npassword = ${login.password}`,
      );
      await installed(made, "pushed");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      const { readFile } = await import("node:fs/promises");
      const seen =
        JSON.stringify(made.events) + (await readFile(join(made.directory, ".installed.cfg"), "utf8"));
      expect(seen).not.to.contain(login.password);
    });

    it("says as whom it was turned away", async () => {
      const wrong = await push(
        `name = ${name}:1\nregistry = ${closed.host}\nusername = ann\npassword = wrong-horse`,
      );
      // What the registry said differs from engine to engine.
      expect((await failing(wrong)).replace(/^note: the engine says: .*\n/m, "")).to.equal(
        [
          `registry/denied: the registry denies access to ${closedTarget()}`,
          "note: asked as ann (options)",
          "help: check username and password, and what that user may do there",
        ].join("\n"),
      );
      expect(blamed(wrong)).to.deep.equal(["username = ann"]);
      const nobody = await push(`name = ${name}:1\nregistry = ${closed.host}`);
      expect(await failing(nobody)).to.contain("note: asked without a login");
      expect(blamed(nobody)).to.deep.equal([`registry = ${closed.host}`]);
      expect(await engineHas(`/images/${closedTarget()}/json`), "the name is taken back").to.equal(false);
    });

    it("asks a credential helper on the PATH", async () => {
      const folder = await temporaryFolder({
        "config/config.json": JSON.stringify({ credHelpers: { [closed.host]: "tsbtest" } }),
        "bin/docker-credential-tsbtest": `#!/bin/sh\nread server\n[ "$1 $server" = "get ${closed.host}" ] && echo '{"ServerURL":"'$server'","Username":"ann","Secret":"${login.password}"}'\n`,
      });
      await chmod(join(folder, "bin/docker-credential-tsbtest"), 0o755);
      const made = await push(`name = ${name}:1\nregistry = ${closed.host}`, {
        env: { DOCKER_CONFIG: join(folder, "config"), PATH: `${join(folder, "bin")}:${process.env["PATH"]}` },
      });
      await installed(made, "pushed");
      expect(JSON.stringify(made.events)).not.to.contain(login.password);
    });

    for (const builder of ["classic", "buildkit"])
      it(`gives an image that is built from, by the builder ${builder}`, async () => {
        const auth = Buffer.from(`ann:${login.password}`).toString("base64");
        const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [closed.host]: { auth } } }) };
        const base = `${closed.host}/${name}-base:1`;
        const pushed = await push(`name = ${name}:1\nregistry = ${closed.host}\nrepository = ${name}-base`, {
          env,
        });
        await installed(pushed, "pushed");
        await pushed.uninstall();
        expect(await engineHas(`/images/${base}/json`)).to.equal(false);
        const part = `recipe = docker.build\nname = ${name}-built\nbuilder = ${builder}\ndockerfile-inline =\n  FROM ${base}\n  RUN true`;
        const made = await imageBuildout({ config: `[buildout]\nparts = app\n[app]\n${part}\n`, env });
        open.push(made);
        await installed(made, "app");
        await engineRemove("images", base);
      });

    it("takes DOCKER_AUTH_CONFIG", async () => {
      const auth = Buffer.from(`ann:${login.password}`).toString("base64");
      const made = await push(`name = ${name}:1\nregistry = ${closed.host}`, {
        env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [closed.host]: { auth } } }) },
      });
      await installed(made, "pushed");
    });
  });

  it("speaks TLS with a registry that has a certificate of its own making", async () => {
    const secure = await startRegistry({ tls: true });
    try {
      const { digest } = await installed(await push(`name = ${name}:1\nregistry = ${secure.host}`), "pushed");
      expect(digest).to.match(/^sha256:/);
    } finally {
      await secure.stop();
    }
  });

  it("says that there is no such image", async () => {
    const made = await push(`name = ${name}:none\nregistry = ${registry.host}`);
    expect(await failing(made)).to.equal(`image/missing: the engine has no image ${name}:none`);
  });
});
