import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { packFiles } from "../../../src/docker.js";
import type { TestBuildout } from "../../../src/testing.js";
import { engineHas, engineJson, engineRemove, engineRequest, uniqueName } from "../../support/engine.js";
import { countingProxy } from "../../support/counting-proxy.js";
import { type Answer, fakeEngine, handOn, lines, spoilt } from "../../support/fake-engine.js";
import { loadImage } from "../../support/images.js";
import {
  blamed,
  failing,
  imageBuildout,
  inspectedImage,
  installed,
  type ImageBuildout,
} from "../../support/image-buildout.js";
import { putImage } from "../../support/registry-content.js";
import { startRegistry, type Registry } from "../../support/registry.js";

const config = (options: string): string =>
  `[buildout]\nparts = pulled\n[pulled]\nrecipe = docker.pull\n${options}\n`;

describe("docker.pull", () => {
  let registry: Registry;
  let name: string;
  const open: TestBuildout[] = [];
  before(async () => void (registry = await startRegistry()));
  after(async () => await registry.stop());
  beforeEach(async () => {
    name = `${registry.host}/${uniqueName("tsb-pull")}`;
    await publish("1", "first");
  });
  afterEach(async () => {
    for (const buildout of open.splice(0)) {
      await buildout.uninstall().catch(() => undefined);
      await buildout.dispose();
    }
    for (const tag of ["1", "2", "latest"]) await engineRemove("images", `${name}:${tag}`);
  });
  /** Puts an image into the registry, and nothing on the engine. */
  const publish = async (tag: string, label: string): Promise<void> => {
    const held = await inspectedImage(`${name}:${tag}`);
    const files = [
      { name: "Dockerfile", content: Buffer.from(`FROM scratch\nCOPY data /data\nLABEL label=${label}\n`) },
      { name: "data", content: randomBytes(200_000) },
    ];
    const body = await buffer(packFiles(files));
    await engineRequest({ method: "POST", path: `/build?version=1&t=${name}:${tag}`, body });
    // With its padding: podman reads no base64 without.
    const headers = { "X-Registry-Auth": Buffer.from("{}").toString("base64") };
    await engineJson({ method: "POST", path: `/images/${name}/push?tag=${tag}`, headers }).catch(
      () => undefined,
    );
    await engineRemove("images", `${name}:${tag}`);
    if (held) await engineJson({ method: "POST", path: `/images/${held.Id}/tag?repo=${name}&tag=${tag}` });
  };
  const pull = async (options: string, more: Partial<ImageBuildout> = {}): Promise<TestBuildout> => {
    const made = await imageBuildout({ config: config(options), ...more });
    open.push(made);
    return made;
  };

  it("brings an image, does nothing the second time, and takes it away", async () => {
    const made = await pull(`image = ${name}:1`);
    const outputs = await installed(made, "pulled");
    const image = await inspectedImage(`${name}:1`);
    expect(outputs).to.include({
      "image-id": image?.Id,
      reference: `${name}:1`,
      image: `${name}@${outputs["digest"]}`,
    });
    expect(image?.RepoDigests).to.deep.equal([`${name}@${outputs["digest"]}`]);
    const layers = made.events.flatMap((event) => (event.type === "part-progress" ? [event.id ?? ""] : []));
    expect(
      layers.filter((id) => /^[0-9a-f]{12}$/.test(id)),
      "progress by layer",
    ).not.to.deep.equal([]);
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`)).to.equal(false);
    expect(await engineHas(`/images/${image?.Id}/json`)).to.equal(false);
  });

  it("asks for its image once before the pull and once after it", async () => {
    const proxy = await countingProxy();
    try {
      await installed(await pull(`name = ${name}:1\nengine-url = ${proxy.url}`), "pulled");
      const asked = proxy.requests.map((line) => decodeURIComponent(line.replace(/ \/v[\d.]+/, " ")));
      expect(asked.filter((line) => line === `GET /images/${name}:1/json`)).to.have.length(2);
    } finally {
      proxy.close();
    }
  });

  it("gives others the image by its digest, by whichever name its own name is written", async () => {
    for (const written of ["name", "image"]) {
      const made = await imageBuildout({
        config: `[buildout]\nparts = other\n[other]\nrecipe = docker.pull\nname = $<pulled:image>\n[pulled]\nrecipe = docker.pull\n${written} = ${name}\ntag = 1\n`,
      });
      open.push(made);
      await made.install();
      const records = await made.records();
      expect(records.get("other")?.options["name"]).to.equal(
        `${name}@${records.get("pulled")?.outputs["digest"]}`,
      );
      await made.uninstall();
      expect(await inspectedImage(`${name}:1`)).to.equal(undefined);
    }
  });

  it("leaves a tag that was there before", async () => {
    await loadImage(`${name}:1`, { Labels: { mine: name } });
    for (const policy of ["missing", "newer"]) {
      const made = await pull(`name = ${name}\ntag = 1\npull-policy = ${policy}`);
      await installed(made, "pulled");
      await made.uninstall();
      expect(await engineHas(`/images/${name}:1/json`), policy).to.equal(true);
    }
  });

  it("pulls a newer image when the policy says so, and removes the one that it replaces", async () => {
    const made = await pull(`name = ${name}:1\npull-policy = newer`);
    const first = await installed(made, "pulled");
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await publish("1", "second");
    made.events.length = 0;
    const second = await installed(made, "pulled");
    expect(made.begun()).to.deep.equal(["update pulled"]);
    expect(second["digest"]).not.to.equal(first["digest"]);
    expect(await engineHas(`/images/${first["image-id"]}/json`)).to.equal(false);
  });

  it("does not remove somebody else's image whose name a newer one takes", async () => {
    const made = await pull(`name = ${name}:1\npull-policy = always`);
    await installed(made, "pulled");
    await loadImage(`${name}:1`, { Labels: { other: name } });
    const theirs = (await inspectedImage(`${name}:1`))?.Id ?? "";
    const second = await installed(made, "pulled");
    expect(second["image-id"]).not.to.equal(theirs);
    expect(await engineHas(`/images/${theirs}/json`)).to.equal(true);
    await engineRemove("images", theirs);
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`), "theirs from then on").to.equal(true);
  });

  for (const policy of ["always", "newer"])
    it(`takes away the old image of every tag that has moved, and brings new ones: ${policy}`, async () => {
      const made = await pull(`name = ${name}\nall-tags = true\npull-policy = ${policy}`);
      await installed(made, "pulled");
      const old = (await inspectedImage(`${name}:1`))?.Id;
      await publish("1", "second");
      await publish("2", "further");
      await installed(made, "pulled");
      expect((await inspectedImage(`${name}:1`))?.Id).not.to.equal(old);
      expect(await engineHas(`/images/${old}/json`)).to.equal(false);
      expect(await engineHas(`/images/${name}:2/json`)).to.equal(true);
    });

  it("pulls at every run, or on the first one of a day", async () => {
    const made = await pull(`name = ${name}:1\npull-policy = always`);
    await installed(made, "pulled");
    made.events.length = 0;
    await installed(made, "pulled");
    expect(made.begun()).to.deep.equal(["update pulled"]);
    await made.write(config(`name = ${name}:1\npull-policy = daily`));
    await installed(made, "pulled");
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });

  it("pulls again what has gone", async () => {
    const made = await pull(`name = ${name}:1`);
    await installed(made, "pulled");
    await engineRemove("images", `${name}:1`);
    expect((await made.plan()).steps[0]?.reasons).to.deep.equal([`image ${name}:1 is gone`]);
    await installed(made, "pulled");
    expect(await engineHas(`/images/${name}:1/json`)).to.equal(true);
  });

  it("pulls by digest", async () => {
    const { digest } = await installed(await pull(`name = ${name}:1`), "pulled");
    await engineRemove("images", `${name}:1`);
    const made = await pull(`name = ${name}@${digest}`);
    const outputs = await installed(made, "pulled");
    expect(outputs).to.include({ digest, image: `${name}@${digest}` });
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.uninstall();
    expect(await engineHas(`/images/${outputs["image-id"]}/json`)).to.equal(false);
  });

  it("pulls all tags, and takes away those that it brought", async () => {
    await publish("2", "other");
    await loadImage(`${name}:latest`, { Labels: { mine: name } });
    const made = await pull(`name = ${name}\nall-tags = true`);
    await installed(made, "pulled");
    for (const tag of ["1", "2"]) expect(await engineHas(`/images/${name}:${tag}/json`), tag).to.equal(true);
    await engineJson({ method: "POST", path: `/images/${name}:1/tag?repo=${name}&tag=mine` });
    await made.uninstall();
    expect(await engineHas(`/images/${name}:mine/json`), "of later").to.equal(true);
    await engineRemove("images", `${name}:mine`);
    for (const tag of ["1", "2"]) expect(await engineHas(`/images/${name}:${tag}/json`), tag).to.equal(false);
    expect(await engineHas(`/images/${name}:latest/json`)).to.equal(true);
  });

  it("says that there is no such tag, and leaves nothing behind", async () => {
    const made = await pull(`name = ${name}:none`);
    expect(await failing(made)).to.match(new RegExp(`^registry/missing: there is no image ${name}:none\n`));
    expect(blamed(made)).to.deep.equal([`name = ${name}:none`]);
    expect((await made.records()).size).to.equal(0);
  });

  it("says that nobody answers", async () => {
    const made = await pull("name = 127.0.0.1:1/nothing:1");
    expect(await failing(made)).to.match(/connection refused/);
  });

  for (const options of ["", "\nall-tags = true"])
    it(`is content with what is there, on a first run too, where the registry does not answer${options && ": all-tags"}`, async () => {
      const gone = `127.0.0.1:1/${uniqueName("tsb-pull")}`;
      const made = await pull(`name = ${gone}\npull-policy = newer${options}`);
      expect(await failing(made)).to.match(/connection refused/);
      await loadImage(`${gone}:latest`, { Labels: { mine: gone } });
      expect(await installed(made, "pulled")).to.include({ reference: `${gone}:latest` });
      expect(made.log("pulled").join("\n")).to.contain("the registry does not answer, what is here stays: ");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      await made.uninstall();
      expect(await engineHas(`/images/${gone}:latest/json`), "not this part's").to.equal(true);
      await engineRemove("images", `${gone}:latest`);
    });

  it("asks the registry by each engine: that one does not reach it is nothing to the other", async () => {
    let cut = false;
    const engine = await fakeEngine({}, (request, response) => {
      if (!cut || !request.url?.includes("/distribution/")) return handOn(request, response);
      response.writeHead(500).end(JSON.stringify({ message: "dial tcp: connection refused" }));
    });
    const section = `recipe = docker.pull\nname = ${name}:1\npull-policy = newer`;
    try {
      const config = `[buildout]\nparts = far near\n[far]\n${section}\nengine-url = ${engine.url}\n[near]\n${section}\n`;
      const made = await pull("", { config });
      const { "image-id": first } = await installed(made, "near");
      await publish("1", "second");
      cut = true;
      expect((await installed(made, "near"))["image-id"]).not.to.equal(first);
      expect(made.log("far").join("\n")).to.contain("the registry does not answer, what is here stays: ");
    } finally {
      await engine.close();
    }
  });

  it("leaves an image that was there by its digest, which an engine would take with the tag", async () => {
    const { digest } = await installed(await pull(`name = ${name}:1`), "pulled");
    await engineRemove("images", `${name}:1`);
    for (const options of [
      `name = ${name}:1`,
      `name = ${name}:1\npull-policy = always`,
      `name = ${name}\nall-tags = true`,
    ]) {
      await engineRequest({ method: "POST", path: `/images/create?fromImage=${name}&tag=${digest}` });
      const made = await pull(options);
      await installed(made, "pulled");
      await installed(made, "pulled");
      await made.uninstall();
      expect(await engineHas(`/images/${name}@${digest}/json`)).to.equal(true);
      // Where an engine takes no such name away, the tag goes.
      const said = `image ${name}:1 stays: the engine would take ${name}@${digest} with it, which was there before`;
      expect(await engineHas(`/images/${name}:1/json`)).to.equal(made.log("pulled").includes(said));
      for (const left of [`${name}:1`, `${name}@${digest}`]) await engineRemove("images", left);
    }
    // Podman keeps it without the tag.
    await engineRemove("images", `${name}@${digest}`);
    const made = await pull(`name = ${name}:1`);
    await installed(made, "pulled");
    await made.uninstall();
    expect(await engineHas(`/images/${name}@${digest}/json`)).to.equal(false);
  });

  it("leaves it also where it has names elsewhere, and takes the tag where another one keeps it", async () => {
    const { digest } = await installed(await pull(`name = ${name}:1`), "pulled");
    await engineRemove("images", `${name}:1`);
    for (const [other, stays] of [
      [`${name}-mine:1`, true],
      [`${name}:2`, false],
    ] as const) {
      await engineRequest({ method: "POST", path: `/images/create?fromImage=${name}&tag=${digest}` });
      const tag = async (): Promise<void> => {
        const [repo, of] = [other.slice(0, -2), other.slice(-1)];
        const path = `/images/${name}@${digest}/tag?repo=${repo}&tag=${of}`;
        await engineJson({ method: "POST", path });
      };
      if (stays) await tag();
      const made = await pull(`name = ${name}:1`);
      await installed(made, "pulled");
      if (!stays) await tag();
      await made.uninstall();
      expect(await engineHas(`/images/${name}@${digest}/json`), other).to.equal(true);
      const said = made.log("pulled").some((line) => line.startsWith(`image ${name}:1 stays: `));
      expect(await engineHas(`/images/${name}:1/json`), other).to.equal(said);
      if (!stays) expect(said).to.equal(false);
      for (const left of [other, `${name}:1`, `${name}@${digest}`]) await engineRemove("images", left);
    }
  });

  it("leaves an image that it moves on from to who has it by its digest", async () => {
    const always = `name = ${name}:1\npull-policy = always`;
    const before = await pull(always);
    const { digest } = await installed(before, "pulled");
    await before.uninstall();
    await engineRequest({ method: "POST", path: `/images/create?fromImage=${name}&tag=${digest}` });
    const byDigest = `${name}@${digest}`;
    const made = await pull(always);
    await installed(made, "pulled");
    await publish("1", "second");
    await installed(made, "pulled");
    expect(await engineHas(`/images/${byDigest}/json`), "somebody's").to.equal(true);
    await made.uninstall();
    expect(await engineHas(`/images/${byDigest}/json`), "somebody's, in the end").to.equal(true);
    await engineRemove("images", byDigest);
  });

  for (const first of ["pulled", "pinned"])
    it(`leaves it to another part that has it by its digest: ${first} first`, async () => {
      const { digest } = await installed(await pull(`name = ${name}:1`), "pulled");
      await open.pop()?.uninstall();
      const byDigest = `${name}@${digest}`;
      const [afterTag, afterDigest] = first === "pulled" ? ["", "=> pulled\n"] : ["=> pinned\n", ""];
      const pinned = `[pinned]\nrecipe = docker.pull\nname = ${byDigest}\n`;
      const tagged = `[pulled]\nrecipe = docker.pull\nname = ${name}:1\npull-policy = always\n`;
      const config = `[buildout]\nparts = pulled pinned\n${tagged}${afterTag}${pinned}${afterDigest}`;
      const made = await pull("", { config });
      await installed(made, "pinned");
      await publish("1", "second");
      await installed(made, "pinned");
      expect(await engineHas(`/images/${byDigest}/json`)).to.equal(true);
      await made.write(`[buildout]\nparts = pinned\n${pinned}`);
      await installed(made, "pinned");
      expect(await engineHas(`/images/${byDigest}/json`), "alone").to.equal(true);
      await made.uninstall();
      for (const one of [byDigest, `${name}:1`])
        expect(await engineHas(`/images/${one}/json`), one).to.equal(false);
    });

  it("takes its name by a digest away though another part has the image in another repository, not somebody's", async () => {
    const { digest } = await installed(await pull(`name = ${name}:1`), "pulled");
    await open.pop()?.uninstall();
    const byDigest = `${name}@${digest}`;
    const pulled = `[pulled]\nrecipe = docker.pull\nname = ${byDigest}\n`;
    const made = await pull("", { config: `[buildout]\nparts = pulled\n${pulled}` });
    const { "image-id": id } = await installed(made, "pulled");
    const pushed = `[pushed]\nrecipe = docker.push\nname = ${id}\nrepository = ${name}-elsewhere:1\n`;
    for (const whose of ["its own", "somebody's"]) {
      await made.write(`[buildout]\nparts = pulled pushed\n${pulled}${pushed}`);
      await installed(made, "pulled");
      await made.write(`[buildout]\nparts = pushed\n${pushed}`);
      await installed(made, "pushed");
      expect(await engineHas(`/images/${byDigest}/json`), whose).to.equal(whose !== "its own");
      await engineRequest({ method: "POST", path: `/images/create?fromImage=${name}&tag=${digest}` });
    }
    await made.uninstall();
    await engineRemove("images", byDigest);
  });

  it("has what it pulled, though that is for another platform", async () => {
    const options = `name = ${name}:1\npull-policy = always\nplatform = linux/amd64`;
    const made = await pull(options);
    await installed(made, "pulled");
    await putImage(`${name}:1`, ["linux/s390x"]);
    expect(await failing(made)).to.match(/^image\/other-platform: /);
    await putImage(`${name}:1`);
    await installed(made, "pulled");
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`)).to.equal(false);
  });

  it("takes away what has lost its name to a pull that failed, with the next one", async () => {
    let bad = false;
    const pulling: Answer = (...call) => (bad ? spoilt("no space left on device") : handOn)(...call);
    const engine = await fakeEngine({ "POST /images/create": pulling });
    try {
      const made = await pull(`name = ${name}:1\npull-policy = always\nengine-url = ${engine.url}`);
      const { "image-id": first } = await installed(made, "pulled");
      await publish("1", "second");
      bad = true;
      expect(await failing(made)).to.contain("no space left on device");
      expect((await inspectedImage(`${name}:1`))?.Id).not.to.equal(first);
      bad = false;
      await installed(made, "pulled");
      expect(await engineHas(`/images/${first}/json`)).to.equal(false);
      await made.uninstall();
      expect(await engineHas(`/images/${name}:1/json`), "what it had brought").to.equal(false);
    } finally {
      await engine.close();
    }
  });

  it("takes back the tags of a pull of all that failed, and no others", async () => {
    await publish("2", "other");
    await loadImage(`${name}:latest`, { Labels: { mine: name } });
    const said = "no space left on device";
    const engine = await fakeEngine({
      "POST /images/create": spoilt(said),
      "POST /libpod/images/pull": spoilt(said),
    });
    try {
      const made = await pull(`name = ${name}\nall-tags = true\nengine-url = ${engine.url}`);
      expect(await failing(made)).to.contain(said);
      for (const tag of ["1", "2"])
        expect(await engineHas(`/images/${name}:${tag}/json`), tag).to.equal(false);
      expect(await engineHas(`/images/${name}:latest/json`)).to.equal(true);
    } finally {
      await engine.close();
    }
  });

  /** A part on an engine whose pulls can be made to fail, without any doing. */
  const pullBadly = async (
    options: string,
  ): Promise<TestBuildout & { bad: boolean; close(): Promise<void> }> => {
    const message = "no space left on device";
    const refused = lines([{ errorDetail: { message }, error: message }]);
    const pulling: Answer = (...call) => (made.bad ? refused : handOn)(...call);
    const engine = await fakeEngine({ "POST /images/create": pulling, "POST /libpod/images/pull": pulling });
    const buildout = await pull(`${options}\nengine-url = ${engine.url}`);
    const made = Object.assign(buildout, { bad: false, close: async () => await engine.close() });
    return made;
  };

  it("leaves to somebody the name that a pull which failed did not bring back", async () => {
    const made = await pullBadly(`name = ${name}:1`);
    try {
      await installed(made, "pulled");
      await engineRemove("images", `${name}:1`);
      made.bad = true;
      expect(await failing(made)).to.contain("no space left on device");
      await loadImage(`${name}:1`, { Labels: { mine: name } });
      await made.uninstall();
      expect(await engineHas(`/images/${name}:1/json`)).to.equal(true);
    } finally {
      await made.close();
    }
  });

  it("leaves to somebody the tags that they have made since a pull of all failed", async () => {
    const made = await pullBadly(`name = ${name}\nall-tags = true\npull-policy = always`);
    try {
      await installed(made, "pulled");
      made.bad = true;
      expect(await failing(made)).to.contain("no space left on device");
      await loadImage(`${name}:2`, { Labels: { mine: name } });
      await made.uninstall();
      expect(await engineHas(`/images/${name}:1/json`)).to.equal(false);
      expect(await engineHas(`/images/${name}:2/json`)).to.equal(true);
    } finally {
      await made.close();
    }
  });

  it("does not wait for a tag that the registry has no more", async () => {
    await publish("2", "other");
    const made = await pull(`name = ${name}\nall-tags = true`);
    await installed(made, "pulled");
    const [host = "", ...path] = name.split("/");
    const digest = (await inspectedImage(`${name}:2`))?.RepoDigests?.[0]?.split("@")[1];
    await fetch(`http://${host}/v2/${path.join("/")}/manifests/${digest}`, { method: "DELETE" });
    await engineRemove("images", `${name}:2`);
    expect((await made.plan()).steps[0]?.reasons).to.deep.equal([`image ${name}:2 is gone`]);
    await installed(made, "pulled");
    expect((await made.install()).counts).to.include({ unchanged: 1 });
  });

  it("leaves an image that was replaced to who has given it a name", async () => {
    const made = await pull(`name = ${name}:1\npull-policy = always`);
    const first = await installed(made, "pulled");
    await engineJson({ method: "POST", path: `/images/${name}:1/tag?repo=${name}&tag=2` });
    await publish("1", "second");
    await installed(made, "pulled");
    expect((await inspectedImage(`${name}:2`))?.Id).to.equal(first["image-id"]);
    await made.uninstall();
    expect((await inspectedImage(`${name}:2`))?.Id).to.equal(first["image-id"]);
  });

  it("without network pulls no tags, and keeps those that are there", async () => {
    const made = await pull(`name = ${name}\nall-tags = true`);
    await made.write(
      config(`name = ${name}\nall-tags = true`).replace("[buildout]", "[buildout]\noffline = true"),
    );
    expect(await failing(made)).to.equal(
      `image/missing: the engine has no image ${name}, and this run is offline\nhelp: leave -o (offline) away`,
    );
    await loadImage(`${name}:1`, { Labels: { mine: name } });
    await installed(made, "pulled");
    await made.uninstall();
    expect(await engineHas(`/images/${name}:1/json`), "not the part's").to.equal(true);
  });

  it("uses what is there when offline, and says what is missing", async () => {
    const made = await pull(`name = ${name}:1`);
    await made.write(config(`name = ${name}:1`).replace("[buildout]", "[buildout]\noffline = true"));
    expect(await failing(made)).to.equal(
      `image/missing: the engine has no image ${name}:1, and this run is offline\nhelp: leave -o (offline) away`,
    );
  });
});
