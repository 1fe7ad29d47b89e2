import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { extract } from "tar-stream";
import { testBuildout } from "../../../src/testing.js";
import volume from "../../../src/recipes/docker.volume.js";
import {
  engineHas,
  engineHost,
  engineJson,
  engineObjects,
  engineRemove,
  engineRequest,
  uniqueName,
} from "../../support/engine.js";
import { everyOption } from "../../support/every-option.js";
import { ensureBaseImage } from "../../support/images.js";
import { ownParts } from "../../support/own-parts.js";
import { failureOf } from "../../support/recipe-part.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

const inspect = async (name: string) =>
  await engineJson<{ Labels: object; Options: object; Driver: string; Mountpoint: string }>({
    path: `/volumes/${name}`,
  });

/** Path -> `uid gid content`, as the engine's archive of a container that mounts the volume has it. */
async function contentOf(volume: string): Promise<Record<string, string>> {
  const name = uniqueName("tsb-look");
  const body = { Image: await ensureBaseImage(), HostConfig: { Binds: [`${volume}:/look`] } };
  await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body });
  try {
    const answer = await engineRequest({ path: `/containers/${name}/archive?path=/look/.` });
    const found: Record<string, string> = {};
    for await (const entry of Readable.from([answer.body]).pipe(extract())) {
      const text = (await buffer(entry)).toString();
      const path = entry.header.name.replace(/^\.\/|\/$/g, "").replace(/^\.?\/?/, "");
      const said = `${entry.header.uid} ${entry.header.gid}`;
      if (path !== "") found[path] = text === "" ? said : `${said} ${text}`;
    }
    return found;
  } finally {
    await engineRemove("containers", name);
  }
}

/** Every option but those that a test of their own looks after. */
const ASKED = {
  driver: "local",
  "driver-options": "type=tmpfs\ndevice=tmpfs\no=size=1m",
  labels: "a=b=c\nd",
};

const ELSEWHERE = ["name", "layout", "layout-uid", "layout-gid"];

const file = (part: string, name: string): string =>
  `[buildout]\nparts = ${part}\nengine-url = ${engineHost()}\n[${part}]\nrecipe = docker.volume\nname = ${name}\n`;

describe("docker.volume", () => {
  const { part, ownName, expectOneLook } = ownParts(volume, "volumes");

  it("makes a volume with the options asked for, and takes it away", async () => {
    const rig = part(ASKED);
    const outputs = await rig.install();
    const is = await inspect(rig.part);
    expect(is.Driver).to.equal("local");
    expect(is.Options).to.deep.equal({ type: "tmpfs", device: "tmpfs", o: "size=1m" });
    expect(is.Labels).to.deep.equal({
      a: "b=c",
      d: "",
      "org.tsbuildout.buildout": "recipe-test",
      "org.tsbuildout.part": rig.part,
    });
    expect(outputs).to.deep.equal({ mountpoint: is.Mountpoint, "actual-driver": "local" });
    expect(rig.provides).to.deep.equal([`volume:${rig.part}`]);
    await rig.uninstall();
    expect(await engineHas(`/volumes/${rig.part}`)).to.be.false;
    await rig.uninstall();
  });

  everyOption(volume.options, [...Object.keys(ASKED), ...ELSEWHERE]);

  it("is filled from a folder when it is new, with the owner asked for, and no later", async () => {
    const layout = await temporaryFolder({ "conf/app.ini": "first\n", top: "level\n" });
    const rig = part({ layout, "layout-uid": "70000", "layout-gid": "80000" });
    await rig.install();
    expect(await contentOf(rig.part)).to.deep.equal({
      conf: "70000 80000",
      "conf/app.ini": "70000 80000 first\n",
      top: "70000 80000 level\n",
    });
    expect(await engineObjects(`org.tsbuildout.part=${rig.part}`)).to.deep.equal([`volume ${rig.part}`]);
    expect(rig.resources).to.deep.equal([{ kind: "volume", name: rig.part }]);
    await writeFiles(layout, { top: "changed\n" });
    await rig.update();
    expect((await contentOf(rig.part))["top"]).to.equal("70000 80000 level\n");
    const name = uniqueName("tsb-volume");
    await engineJson({ method: "POST", path: "/volumes/create", body: { Name: name } });
    await part({ name, layout }).install();
    expect(await contentOf(name)).to.deep.equal({});
  });

  it("is filled by the next run where it was made again and could not be filled", async () => {
    const name = ownName();
    const config = `${file("data", name)}layout = ./layout\n`;
    await using buildout = await testBuildout({ config, env: {}, files: { "layout/top": "level\n" } });
    await buildout.install();
    await engineRemove("volumes", name);
    await rename(join(buildout.directory, "layout"), join(buildout.directory, "away"));
    expect((await buildout.install()).counts.failed).to.equal(1);
    expect(await contentOf(name)).to.deep.equal({});
    await rename(join(buildout.directory, "away"), join(buildout.directory, "layout"));
    expect((await buildout.install()).ok).to.equal(true);
    expect(Object.keys(await contentOf(name))).to.deep.equal(["top"]);
    expect((await buildout.records()).get("data")?.resources).to.deep.equal([{ kind: "volume", name }]);
    await buildout.uninstall();
    expect(await engineHas(`/volumes/${name}`)).to.equal(false);
  });

  it("uses a volume that was there, and leaves it", async () => {
    const name = uniqueName("tsb-volume");
    await engineJson({
      method: "POST",
      path: "/volumes/create",
      body: { Name: name, Labels: { who: "else" } },
    });
    const rig = part({ name });
    await rig.install();
    expect(rig.resources).to.deep.equal([]);
    await rig.uninstall();
    expect((await inspect(name)).Labels).to.deep.equal({ who: "else" });
  });

  it("uses another one that was there where it is asked for that, and leaves both", async () => {
    const [name, other] = [ownName(), ownName()];
    for (const Name of [name, other])
      await engineJson({ method: "POST", path: "/volumes/create", body: { Name } });
    try {
      await using buildout = await testBuildout({ config: file("data", name), env: {} });
      await buildout.install();
      await buildout.write(file("data", other));
      expect((await buildout.install()).ok).to.equal(true);
      expect((await buildout.records()).get("data")?.options["name"]).to.equal(other);
      await buildout.uninstall();
      for (const one of [name, other]) expect(await engineHas(`/volumes/${one}`)).to.equal(true);
    } finally {
      for (const one of [name, other]) await engineRemove("volumes", one);
    }
  });

  it("keeps its data when its section gets another name, and goes with that part then", async () => {
    const name = ownName();
    await using buildout = await testBuildout({ config: file("visits", name), env: {} });
    await buildout.install();
    await writeFile(join(buildout.directory, "other.cfg"), file("store", name));
    const { steps } = await buildout.open([], "other.cfg").plan();
    expect(steps[0]?.notes).to.deep.equal([`volume ${name} goes over to store`]);
    await buildout.write(file("store", name));
    await buildout.install();
    expect((await inspect(name)).Labels).to.include({ "org.tsbuildout.part": "visits" });
    expect([...(await buildout.records()).keys()]).to.deep.equal(["store"]);
    expect(buildout.log()).to.deep.equal([`volume ${name} goes over to store`]);
    await buildout.uninstall();
    expect(await engineHas(`/volumes/${name}`)).to.be.false;
  });

  it("is named in the plan of a run that takes its data away", async () => {
    const name = ownName();
    await using buildout = await testBuildout({ config: file("data", name), env: {} });
    await buildout.install();
    await buildout.write(`[buildout]\nparts =\nengine-url = ${engineHost()}\n`);
    const goes = async () =>
      (await buildout.plan()).steps.map(({ part, action, notes }) => ({ part, action, notes }));
    expect(await goes()).to.deep.equal([
      { part: "data", action: "uninstall", notes: [`the data in the volume ${name} goes with it`] },
    ]);
    // Removed by hand, and another's now, it stays.
    await engineRemove("volumes", name);
    await engineJson({ method: "POST", path: "/volumes/create", body: { Name: name } });
    expect(await goes()).to.deep.equal([{ part: "data", action: "uninstall", notes: undefined }]);
    await buildout.install();
    expect(await engineHas(`/volumes/${name}`)).to.be.true;
    await engineRemove("volumes", name);
  });

  it("stays when of two parts that have it the one goes that did not make it", async () => {
    const name = ownName();
    const file = (...parts: readonly string[]): string =>
      [
        `[buildout]\nparts = ${parts.join(" ")}\nengine-url = ${engineHost()}`,
        ...parts.map((one) => `[${one}]\nrecipe = docker.volume\nname = ${name}`),
        "",
      ].join("\n");
    await using buildout = await testBuildout({ config: file("maker", "user"), env: {} });
    await buildout.install();
    const records = await buildout.records();
    expect([...records.values()].map(({ part, resources }) => [part, resources.length])).to.deep.equal([
      ["maker", 1],
      ["user", 0],
    ]);
    await buildout.uninstall({ parts: ["user"] });
    expect(await engineHas(`/volumes/${name}`)).to.be.true;
    await buildout.uninstall();
    expect(await engineHas(`/volumes/${name}`)).to.be.false;
  });

  it("says in what a volume that was there differs", async () => {
    const name = uniqueName("tsb-volume");
    await engineJson({
      method: "POST",
      path: "/volumes/create",
      body: { Name: name, Labels: { who: "else" } },
    });
    const rig = part({ name, driver: "nfs", "driver-options": "o=ro", labels: "who=me\nwhat=data" });
    expect(await failureOf(rig.install())).to.deep.equal({
      code: "volume/differs",
      message: `volume ${name} is there already and differs from what is asked for`,
      notes: [
        "its driver is local, not nfs",
        "driver option o is not set",
        'label who is "else", not "me"',
        "label what is not set",
        "this part did not make it, and leaves it as it is",
      ],
      help: ["ask for what is there, take another name, or remove the volume if its data may go"],
      option: "name",
    });
  });

  it("names the containers that keep it from going", async () => {
    const rig = part();
    await rig.install();
    const holder = uniqueName("tsb-holder");
    const Image = await ensureBaseImage();
    const body = { Image, HostConfig: { Binds: [`${rig.part}:/data`] } };
    await engineJson({ method: "POST", path: `/containers/create?name=${holder}`, body });
    const { resources, record } = rig;
    try {
      const problem = await failureOf(rig.uninstall());
      expect(problem.message).to.equal(`volume ${rig.part} cannot be removed: it is in use`);
      expect(problem.notes).to.deep.equal([`container ${holder} mounts it`]);
    } finally {
      await engineRemove("containers", holder);
    }
    Object.assign(rig, { resources, record });
    await rig.uninstall();
    expect(await engineHas(`/volumes/${rig.part}`)).to.be.false;
  });

  it("sees that it is gone, and makes it again", async () => {
    const rig = part();
    await rig.install();
    expect(await rig.look()).to.deep.equal([]);
    await engineRemove("volumes", rig.part);
    expect(await rig.look()).to.deep.equal([{ kind: "missing", message: `volume ${rig.part} is gone` }]);
    await rig.update();
    expect(await engineHas(`/volumes/${rig.part}`)).to.be.true;
    expect(await rig.look()).to.deep.equal([]);
  });

  it("sees that somebody has put another one in its place, uses that, and leaves it", async () => {
    const rig = part();
    await rig.install();
    await engineRemove("volumes", rig.part);
    await engineJson({ method: "POST", path: "/volumes/create", body: { Name: rig.part } });
    expect(await rig.look()).to.deep.equal([
      { kind: "changed", message: `volume ${rig.part} is another one than this part made` },
    ]);
    await rig.update();
    expect(await rig.look()).to.deep.equal([]);
    await rig.uninstall();
    expect(await engineHas(`/volumes/${rig.part}`)).to.be.true;
  });

  it("is harmless when a run ended between the record and the call", async () => {
    const rig = part();
    rig.resources = [{ kind: "volume", name: rig.part }];
    await rig.uninstall();
    await engineJson({ method: "POST", path: "/volumes/create", body: { Name: rig.part } });
    rig.resources = [{ kind: "volume", name: rig.part }];
    await rig.uninstall();
    expect(await engineHas(`/volumes/${rig.part}`)).to.be.true;
  });

  it("refuses a name that no volume can have", async () => {
    const rig = part({ name: "a b" });
    expect((await rig.configure()).map(({ message }) => message)).to.deep.equal([
      '"a b" cannot be the name of a volume',
    ]);
  });

  it("asks no more of the engine for many parts than for one", async () => {
    const rigs = [part(), part(), part()];
    for (const rig of rigs) await rig.install();
    await expectOneLook(rigs);
  });
});
