import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { countingProxy } from "../../support/counting-proxy.js";
import {
  engineHas,
  engineHost,
  engineJson,
  engineObjects,
  engineRemove,
  engineRequest,
  uniqueName,
  engineKill,
} from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";

/** The parts that something was done to in the last run, with what. */
function done(buildout: TestBuildout): Record<string, string> {
  const ended = buildout.events.flatMap((event) =>
    event.type === "part-ended" && event.end === "done" ? [[event.part, event.action] as const] : [],
  );
  buildout.events.length = 0;
  return Object.fromEntries(ended);
}

async function containerId(name: string): Promise<string> {
  return (await engineJson<{ Id: string }>({ path: `/containers/${name}/json` })).Id;
}

async function volumeOptions(name: string): Promise<object> {
  return (await engineJson<{ Options: object | null }>({ path: `/volumes/${name}` })).Options ?? {};
}

/** A part with a layout that is not there. */
const layout = (name: string, recipe: string, more = ""): string =>
  `[${name}]\nrecipe = ${recipe}\nlayout = no-${name}\n${more}\n`;

describe("containers, networks and volumes in one file", () => {
  let image: string;
  let prefix: string;
  let buildout: TestBuildout;
  let url: string;
  before(async () => {
    image = await ensureBaseImage();
  });
  beforeEach(() => {
    prefix = uniqueName("tsb-all");
    url = engineHost();
  });
  afterEach(async () => {
    await buildout.uninstall();
    await buildout.dispose();
    expect(
      (await engineObjects("org.tsbuildout.buildout")).filter((name) => name.includes(prefix)),
    ).to.deep.equal([]);
  });
  it("makes a container anew that is asked for, with what is in its anonymous volume, and with it who joins it", async () => {
    const [first, second] = [`${prefix}-a`, `${prefix}-b`];
    buildout = await testBuildout({
      config: [
        `[buildout]\nparts = a b\nengine-url = ${url}\n`,
        `[a]\nrecipe = docker.run\nname = ${first}\nimage = ${image}\nvolumes = /data`,
        "command = sh -c 'echo $HOSTNAME >> /data/seen; cat /data/seen; exec sleep 1000'\nwait-for = log .\n",
        `[b]\nrecipe = docker.run\nname = ${second}\nimage = ${image}\nnetwork-mode = container:$<a:name>\ncommand = sleep 1000\n`,
      ].join("\n"),
    });
    expect((await buildout.install()).counts.done).to.equal(2);
    const before = [await containerId(first), await containerId(second)];
    done(buildout);
    expect((await buildout.install({ reinstall: ["a"] })).counts.failed).to.equal(0);
    expect(done(buildout)).to.deep.equal({ a: "install", b: "install" });
    const after = [await containerId(first), await containerId(second)];
    expect(new Set([...before, ...after]).size).to.equal(4);
    const { body } = await engineRequest({ path: `/containers/${first}/logs?stdout=1` });
    expect(body.toString()).to.contain(before[0]!.slice(0, 12)).and.contain(after[0]!.slice(0, 12));
  });
  it("says in a plan which folders of layouts are not there, but for one that is not needed", async () => {
    buildout = await testBuildout({
      config: [
        "[buildout]\nparts = run volume there build bootstrap\n",
        layout("run", "docker.run", `image = ${image}`),
        layout("volume", "docker.volume", `name = ${prefix}-new`),
        layout("there", "docker.volume", `name = ${prefix}-there`),
        layout("build", "docker.gentoo-build", "build-layout = no-more"),
        layout("bootstrap", "docker.gentoo-bootstrap"),
      ].join(""),
    });
    await engineJson({ method: "POST", path: "/volumes/create", body: { Name: `${prefix}-there` } });
    const { steps } = await buildout.plan();
    await engineRemove("volumes", `${prefix}-there`);
    const missing = (name: string): string =>
      `would fail as things are: cannot read ${buildout.directory}/no-${name}: it does not exist`;
    expect(steps.map(({ part, notes = [] }) => [part, ...notes])).to.deep.equal([
      ["run", missing("run")],
      ["volume", missing("volume")],
      ["there"],
      ["build", missing("more"), missing("build")],
      ["bootstrap", missing("bootstrap")],
    ]);
  });

  const file = (changes: Record<string, string> = {}, copies = 1): string => {
    const part = (name: string, recipe: string, lines: string): string => {
      const change = changes[name] ? `\n${changes[name]}` : "";
      return `[${name}]\nrecipe = ${recipe}\nname = ${prefix}-${name}\n${lines}${change}\n`;
    };
    const names = Array.from({ length: copies }, (_, i) => `web${i}`);
    return [
      `[buildout]\nparts = job ${names.join(" ")} back data\nengine-url = ${url}\n`,
      part("data", "docker.volume", "labels = a=b"),
      part("back", "docker.network", "labels = a=b"),
      ...names.map((name) =>
        part(
          name,
          "docker.run",
          `image = ${image}\ncommand = sleep 1000\nnetworks = ${prefix}-back\nvolumes = ${prefix}-data:/data`,
        ),
      ),
      part(
        "job",
        "docker.run",
        `image = ${image}\nvolumes-from = ${prefix}-web0\ncommand = sh -c 'ls /data; echo $<web0:ip-address>'\nwait-for = exit`,
      ),
    ].join("\n");
  };

  it("are made in an order that nobody wrote down, and the second run has nothing to do", async () => {
    buildout = await testBuildout({ config: file() });
    const summary = await buildout.install();
    expect(summary.ok).to.be.true;
    const made = buildout.events.flatMap((event) => (event.type === "part-ended" ? [event.part] : []));
    expect(made.indexOf("web0")).to.be.greaterThan(made.indexOf("back"));
    expect(made.indexOf("web0")).to.be.greaterThan(made.indexOf("data"));
    expect(made.indexOf("job")).to.be.greaterThan(made.indexOf("web0"));
    done(buildout);
    await buildout.install();
    expect(done(buildout)).to.deep.equal({});
  });

  it("a run with nothing to do asks the engine as often for many parts as for few", async () => {
    const proxy = await countingProxy();
    try {
      url = proxy.url;
      const requests = async (): Promise<string[]> => {
        proxy.requests.length = 0;
        await buildout.install();
        expect(done(buildout)).to.deep.equal({});
        return proxy.requests.map((line) => line.replace(/^GET (\/v[\d.]+)?/, "").replace(/\?.*/, "")).sort();
      };
      buildout = await testBuildout({ config: file() });
      await buildout.install();
      done(buildout);
      const few = await requests();
      expect(few).to.deep.equal(["/_ping", "/containers/json", "/images/json", "/networks", "/volumes"]);
      await buildout.write(file({}, 6));
      await buildout.install();
      done(buildout);
      expect(await requests()).to.deep.equal(few);
    } finally {
      url = engineHost();
      await buildout.write(file());
      await buildout.uninstall();
      proxy.close();
    }
  });

  it("a changed option does to each part what it must", async () => {
    buildout = await testBuildout({ config: file() });
    await buildout.install();
    done(buildout);
    const id = await containerId(`${prefix}-web0`);
    await buildout.write(file({ web0: "memory = 32m" }));
    await buildout.install();
    expect(done(buildout)).to.deep.equal({ web0: "update" });
    expect(await containerId(`${prefix}-web0`)).to.equal(id);
    await buildout.write(file({ web0: "memory = 32m\nhostname = other" }));
    await buildout.install();
    expect(done(buildout)).to.include({ web0: "install", job: "install" });
    expect(await containerId(`${prefix}-web0`)).to.not.equal(id);
    await buildout.write(file({ web0: "memory = 32m\nhostname = other", back: "internal = true" }));
    await buildout.install();
    expect(done(buildout)).to.include({ back: "install", web0: "install" });
    const network = await engineJson<{ Internal: boolean }>({ path: `/networks/${prefix}-back` });
    expect(network.Internal).to.be.true;
  });

  it("a volume is not destroyed because an option changed, unless that is asked for", async () => {
    buildout = await testBuildout({ config: file() });
    await buildout.install();
    done(buildout);
    const options = { data: "driver-options = type=tmpfs\n    device=tmpfs" };
    await buildout.write(file(options));
    const refused = await buildout.install().then(
      (summary) => !summary.ok,
      () => true,
    );
    expect(refused).to.be.true;
    expect(await volumeOptions(`${prefix}-data`)).to.deep.equal({});
    done(buildout);
    await buildout.write(file({ data: `${options.data}\nreplace = true` }));
    expect((await buildout.install()).ok).to.be.true;
    expect(await volumeOptions(`${prefix}-data`)).to.deep.equal({
      type: "tmpfs",
      device: "tmpfs",
    });
  });

  it("a network or a volume that could not go is left alone once its old options are back", async () => {
    const config = file({}, 0).replace("parts = job", "parts =");
    buildout = await testBuildout({ config });
    expect((await buildout.install()).ok).to.equal(true);
    const holder = `${prefix}-holder`;
    const HostConfig = { NetworkMode: `${prefix}-back`, Binds: [`${prefix}-data:/data`] };
    const body = { Image: image, Cmd: ["sleep", "1000"], HostConfig };
    await engineJson({ method: "POST", path: `/containers/create?name=${holder}`, body });
    await engineJson({ method: "POST", path: `/containers/${holder}/start` });
    try {
      await buildout.write(config.replaceAll("a=b", "a=c"));
      const failed = await buildout.install({ replace: ["data"] });
      expect(failed.parts.map(({ part, action, end }) => `${part} ${action} ${end}`)).to.have.members([
        "back reinstall failed",
        "data reinstall failed",
      ]);
      await buildout.write(config);
      expect((await buildout.install()).counts).to.include({ unchanged: 2, failed: 0 });
    } finally {
      await engineRemove("containers", holder);
    }
  });

  it("what a section made is not in the way of one that has another name and asks for the same", async () => {
    const config = file().replace("parts = job", "parts =");
    buildout = await testBuildout({ config });
    expect((await buildout.install()).ok).to.equal(true);
    done(buildout);
    const renamed = config.replaceAll(/web0 back data$|^\[(?:web0|back|data)(?=\]$)/gm, (name) =>
      name.replaceAll(/\w+/g, "$&-2"),
    );
    await buildout.write(renamed);
    expect((await buildout.install()).ok).to.equal(true);
    expect(Object.keys(done(buildout))).to.include.members(["web0", "web0-2", "back", "back-2", "data-2"]);
  });

  it("keep leaves the object behind", async () => {
    buildout = await testBuildout({ config: file({ data: "keep = true" }) });
    await buildout.install();
    await buildout.uninstall();
    expect(await engineHas(`/volumes/${prefix}-data`)).to.be.true;
    await engineRemove("volumes", `${prefix}-data`);
  });

  it("a failed install leaves nothing behind", async () => {
    buildout = await testBuildout({ config: file({ web0: "script = exit 3" }) });
    const summary = await buildout.install();
    expect(summary.parts.find(({ part }) => part === "web0")?.why).to.equal(
      `script in container ${prefix}-web0 ended with exit code 3`,
    );
    expect(await engineHas(`/containers/${prefix}-web0/json`)).to.be.false;
  });

  it("a plan says what an install would: what somebody else made is not what is asked for", async () => {
    const [net, data] = [`${prefix}-net`, `${prefix}-data`];
    await engineJson({ method: "POST", path: "/networks/create", body: { Name: net, Internal: true } });
    await engineJson({ method: "POST", path: "/volumes/create", body: { Name: data, Labels: { a: "1" } } });
    const network = `[net]\nrecipe = docker.network\nname = ${net}\n`;
    const volume = `[data]\nrecipe = docker.volume\nname = ${data}\nlabels = a=2\n`;
    buildout = await testBuildout({ config: `[buildout]\nparts = net data\n${network}${volume}` });
    try {
      const told = [
        `network ${net} is there already and differs from what is asked for`,
        `volume ${data} is there already and differs from what is asked for`,
      ];
      const { problems } = await buildout.plan();
      expect(problems.map(({ message }) => message)).to.deep.equal(told);
      expect((await buildout.install()).parts.map(({ why }) => why)).to.have.members(told);
    } finally {
      await engineRemove("networks", net);
      await engineRemove("volumes", data);
    }
  });

  it("a network that went away takes its containers along", async () => {
    buildout = await testBuildout({ config: file() });
    await buildout.install();
    done(buildout);
    await engineKill(`${prefix}-web0`);
    await engineRemove("networks", `${prefix}-back`);
    expect((await buildout.install()).ok).to.be.true;
    expect(done(buildout)).to.include({ back: "install", web0: "install" });
    done(buildout);
    await buildout.install();
    expect(done(buildout)).to.deep.equal({});
  });
});
