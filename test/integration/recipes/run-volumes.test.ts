import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { engineHas, engineJson, engineObjects, uniqueName } from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";

/** Path -> the volume that a container has there. */
async function volumesOf(container: string): Promise<Record<string, string>> {
  const { Mounts } = await engineJson<{
    Mounts: readonly { readonly Destination: string; readonly Name: string }[];
  }>({ path: `/containers/${container}/json` });
  return Object.fromEntries(Mounts.map(({ Destination, Name }) => [Destination, Name]));
}

async function isThere(volumes: object): Promise<boolean[]> {
  return await Promise.all(Object.values(volumes).map(async (one) => await engineHas(`/volumes/${one}`)));
}

describe("docker.run: volumes without a name", () => {
  let base: string;
  let name: string;
  let buildout: TestBuildout;
  before(async () => (base = await ensureBaseImage()));
  beforeEach(async () => {
    name = uniqueName("tsb-nameless");
    buildout = await testBuildout({ config: "" });
  });
  afterEach(async () => {
    await buildout.uninstall();
    await buildout.dispose();
    for (const part of [name, `${name}-img`])
      expect(await engineObjects(`org.tsbuildout.part=${part}`)).to.deep.equal([]);
  });

  /** One volume is asked for by the image, the other by the part. */
  const file = ({ as = name, text = "", label = "1", volumes = "/data" } = {}): string => `[buildout]
parts = ${name}
[${name}-img]
recipe = docker.build
name = ${name}
dockerfile-inline =
    FROM ${base}
    LABEL number=${label}
    VOLUME /var/of-the-image/
[${name}]
recipe = docker.run
name = ${as}
image = $<${name}-img:image>
command = sleep 1000
stop-timeout = 0
volumes = ${volumes}
${text}
`;
  const install = async (settings?: Parameters<typeof file>[0]): Promise<boolean> => {
    await buildout.write(file(settings));
    return (await buildout.install()).ok;
  };

  it("stay when the container is made anew for an option, an image or a name, and go with the part", async () => {
    await install();
    const first = await volumesOf(name);
    expect(Object.keys(first).sort()).to.deep.equal(["/data", "/var/of-the-image"]);
    await install({ text: "hostname = other" });
    expect(await volumesOf(name)).to.deep.equal(first);
    await install({ text: "hostname = other", label: "2" });
    expect(await volumesOf(name)).to.deep.equal(first);
    await install({ as: `${name}-2` });
    expect(await volumesOf(`${name}-2`)).to.deep.equal(first);
    await buildout.uninstall();
    expect(await isThere(first)).to.deep.equal([false, false]);
  });

  it("stay where the new container cannot be made, for the one that can", async () => {
    await install();
    const first = await volumesOf(name);
    expect(await install({ text: "entrypoint = no-such-program" })).to.be.false;
    expect(await engineHas(`/containers/${name}/json`)).to.be.false;
    expect(await isThere(first)).to.deep.equal([true, true]);
    await install({ text: "hostname = other" });
    expect(await volumesOf(name)).to.deep.equal(first);
  });

  it("go with the part also where no container has them any more", async () => {
    await install();
    const first = await volumesOf(name);
    expect(await install({ text: "entrypoint = no-such-program" })).to.be.false;
    await buildout.uninstall();
    expect(await isThere(first)).to.deep.equal([false, false]);
  });

  it("make room for what the part mounts in their place, and come back", async () => {
    await install();
    const first = await volumesOf(name);
    await install({ volumes: `${name}-named:/data` });
    expect(await volumesOf(name)).to.deep.equal({ ...first, "/data": `${name}-named` });
    await install({ text: "hostname = other" });
    expect(await volumesOf(name)).to.deep.equal(first);
    await buildout.uninstall();
    expect(await isThere({ named: `${name}-named` })).to.deep.equal([true]);
    await engineJson({ method: "DELETE", path: `/volumes/${name}-named` });
  });

  it("are those that were the last in use, where somebody took away one from before", async () => {
    await install();
    const first = await volumesOf(name);
    expect(await install({ text: "entrypoint = no-such-program" })).to.be.false;
    await engineJson({ method: "DELETE", path: `/volumes/${first["/data"]}` });
    await install({ text: "hostname = two" });
    const second = await volumesOf(name);
    expect(second["/data"]).to.not.equal(first["/data"]);
    await install({ text: "hostname = three" });
    expect(await volumesOf(name)).to.deep.equal(second);
    const resources = (await buildout.records()).get(name)?.resources ?? [];
    expect(new Set(resources.map(({ name: one }) => one)).size).to.equal(resources.length);
  });

  it("outlive a container that its engine removes by itself", async () => {
    await install();
    const first = await volumesOf(name);
    await install({ text: "auto-remove = true" });
    await install();
    expect(await volumesOf(name)).to.deep.equal(first);
  });

  it("of a new container that fails go with it, and not those that it took over", async () => {
    await install();
    const first = await volumesOf(name);
    const text = "script = grep _data /proc/self/mountinfo; false";
    expect(await install({ volumes: "/data\n    /more", text })).to.be.false;
    const lines = buildout.events.flatMap((event) => (event.type === "part-log" ? event.line : []));
    const mounted = new Set(lines.join("\n").match(/\b[0-9a-f]{64}(?=\/_data)/g));
    expect(mounted.size).to.equal(3);
    expect(mounted).to.include.all.keys(Object.values(first));
    expect((await isThere([...mounted])).filter(Boolean)).to.have.lengthOf(2);
    expect(await isThere(first)).to.deep.equal([true, true]);
  });

  it("are the user's, where the part calls them by what the engine calls them", async () => {
    const { Id } = await engineJson<{ Id: string }>({
      method: "POST",
      path: "/containers/create",
      body: { Image: base, Cmd: ["true"], Volumes: { "/old": {} } },
    });
    const { "/old": theirs = "" } = await volumesOf(Id);
    await engineJson({ method: "DELETE", path: `/containers/${Id}` });
    const volumes = `${theirs}:/data`;
    await install({ volumes });
    await install({ volumes, text: "hostname = other" });
    expect((await volumesOf(name))["/data"]).to.equal(theirs);
    await buildout.uninstall();
    expect(await isThere({ theirs })).to.deep.equal([true]);
    await engineJson({ method: "DELETE", path: `/volumes/${theirs}` });
  });

  it("that are another container's are that one's", async () => {
    const reader = (hostname: string): string =>
      `[${name}-b]\nrecipe = docker.run\nimage = ${base}\ncommand = sleep 1000\nstop-timeout = 0\nvolumes-from = ${name}\nhostname = ${hostname}\n`;
    await buildout.write(`${file().replace("parts = ", `parts = ${name}-b `)}${reader("one")}`);
    expect((await buildout.install()).ok).to.be.true;
    await buildout.write(`${file().replace("parts = ", `parts = ${name}-b `)}${reader("two")}`);
    expect((await buildout.install()).ok).to.be.true;
    const records = await buildout.records();
    expect(records.get(`${name}-b`)?.resources.map(({ kind }) => kind)).to.deep.equal(["container"]);
    expect(await volumesOf(`${name}-b`)).to.deep.equal(await volumesOf(name));
  });
});
