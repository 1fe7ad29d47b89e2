import { expect } from "chai";
import { testBuildout } from "../../../src/testing.js";
import network from "../../../src/recipes/docker.network.js";
import { engineHas, engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { everyOption } from "../../support/every-option.js";
import { fakeEngine, handOn } from "../../support/fake-engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { ownParts } from "../../support/own-parts.js";
import { failureOf } from "../../support/recipe-part.js";

interface Inspected {
  readonly Id: string;
  readonly Driver: string;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly EnableIPv6: boolean;
  readonly Options: object;
  readonly Labels: object;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: object;
    readonly Config: readonly { Subnet: string }[];
  };
}

/** Subnets of documentation addresses, by process, so that two runs at once do not collide. */
const octet = 1 + (process.pid % 200);

const inspect = async (name: string) => await engineJson<Inspected>({ path: `/networks/${name}` });

/** Every option but those that a test of their own looks after. */
const ASKED = {
  driver: "bridge",
  "driver-options": "com.docker.network.driver.mtu=1400",
  subnet: `10.199.${octet}.0/24`,
  gateway: `10.199.${octet}.9`,
  "ip-range": `10.199.${octet}.128/25`,
  "aux-addresses": `printer=10.199.${octet}.200`,
  "ipam-driver": "default",
  "ipam-options": "x=y",
  labels: "a=b",
  internal: "true",
  attachable: "true",
};

const ELSEWHERE = ["name", "ipv6"];

describe("docker.network", () => {
  const { part, ownName, expectOneLook } = ownParts(network, "networks");
  const foreign = async (settings: object = {}): Promise<string> => {
    const name = ownName();
    await engineJson({ method: "POST", path: "/networks/create", body: { Name: name, ...settings } });
    return name;
  };

  it("makes a network with the options asked for, and takes it away", async () => {
    const rig = part(ASKED);
    const outputs = await rig.install();
    const is = await inspect(rig.part);
    expect(is).to.deep.include({
      Driver: "bridge",
      Internal: true,
      Attachable: true,
      EnableIPv6: false,
      Options: { "com.docker.network.driver.mtu": "1400" },
      Labels: {
        a: "b",
        "org.tsbuildout.buildout": "recipe-test",
        "org.tsbuildout.part": rig.part,
      },
    });
    expect(is.IPAM.Options).to.deep.equal({ x: "y" });
    expect(is.IPAM.Config).to.deep.equal([
      {
        Subnet: `10.199.${octet}.0/24`,
        Gateway: `10.199.${octet}.9`,
        IPRange: `10.199.${octet}.128/25`,
        AuxiliaryAddresses: { printer: `10.199.${octet}.200` },
      },
    ]);
    expect(outputs).to.deep.equal({
      "network-id": is.Id,
      subnets: `10.199.${octet}.0/24`,
      gateways: `10.199.${octet}.9`,
    });
    await rig.uninstall();
    expect(await engineHas(`/networks/${rig.part}`)).to.be.false;
    await rig.uninstall();
  });

  everyOption(network.options, [...Object.keys(ASKED), ...ELSEWHERE]);

  it("asks the engine for the drivers", async () => {
    // There is one network with this driver already, and no addresses come from that one.
    expect((await failureOf(part({ driver: "host" }).install())).message).to.contain("host");
    const rig = part({ "ipam-driver": "null" });
    const driver = async (): Promise<string | undefined> => (await inspect(rig.part)).IPAM.Driver;
    expect(await rig.install().then(driver, () => "refused")).not.to.equal("default");
  });

  it("goes by its name", async () => {
    const rig = part({ name: ownName() });
    await rig.install();
    expect(await engineHas(`/networks/${rig.texts["name"]}`)).to.be.true;
    expect(rig.provides).to.deep.equal([`network:${rig.texts["name"]}`]);
  });

  it("gives IPv6 addresses, with a prefix of its own or one that is asked for", async () => {
    const chosen = part({ ipv6: "true" });
    await chosen.install();
    const is = await inspect(chosen.part);
    expect(is.EnableIPv6).to.be.true;
    expect(is.IPAM.Config.some(({ Subnet }) => Subnet.startsWith("fd"))).to.be.true;
    const asked = part({
      ipv6: "true",
      subnet: `10.198.${octet}.0/24 fd00:${octet}::/64`,
      gateway: `10.198.${octet}.3 fd00:${octet}::3`,
      "ip-range": `10.198.${octet}.64/26`,
      "aux-addresses": `a=10.198.${octet}.70\nb=fd00:${octet}::70`,
    });
    await asked.install();
    expect((await inspect(asked.part)).IPAM.Config).to.deep.equal([
      {
        Subnet: `10.198.${octet}.0/24`,
        Gateway: `10.198.${octet}.3`,
        IPRange: `10.198.${octet}.64/26`,
        AuxiliaryAddresses: { a: `10.198.${octet}.70` },
      },
      {
        Subnet: `fd00:${octet}::/64`,
        Gateway: `fd00:${octet}::3`,
        AuxiliaryAddresses: { b: `fd00:${octet}::70` },
      },
    ]);
  });

  it("leaves a network that somebody has put in the place of its own", async () => {
    const rig = part();
    await rig.install();
    const { record, resources } = rig;
    await engineRemove("networks", rig.part);
    const { Id } = await engineJson<{ Id: string }>({
      method: "POST",
      path: "/networks/create",
      body: { Name: rig.part },
    });
    Object.assign(rig, { record, resources });
    await rig.uninstall();
    expect((await inspect(rig.part)).Id).to.equal(Id);
  });

  it("uses a network that was there, and leaves it", async () => {
    const name = await foreign();
    const rig = part({ name });
    await rig.install();
    expect(rig.resources).to.deep.equal([]);
    await rig.uninstall();
    expect(await engineHas(`/networks/${name}`)).to.be.true;
  });

  it("uses a network that somebody made in the same instant, and leaves it", async () => {
    const name = ownName();
    const create = { method: "POST", path: "/networks/create", body: { Name: name } } as const;
    const engine = await fakeEngine({
      "POST /networks/create": (request, response) =>
        void engineJson(create).then(() => handOn(request, response)),
    });
    try {
      const rig = part({ name, "engine-url": engine.url });
      expect((await rig.install())["network-id"]).to.equal((await inspect(name)).Id);
      expect(rig.resources).to.deep.equal([]);
      await rig.uninstall();
      expect(await engineHas(`/networks/${name}`)).to.be.true;
    } finally {
      await engine.close();
    }
  });

  it("is one where two parts of a file, or of two, make it at once", async () => {
    const name = ownName();
    const file = (parts: string): string =>
      `[buildout]\nparts = ${parts}\n[a]\nrecipe = docker.network\nname = ${name}\n[b]\n<= a\n`;
    const all = await Promise.all([
      testBuildout({ config: file("a b") }),
      testBuildout({ config: file("a") }),
    ]);
    try {
      for (const { ok } of await Promise.all(all.map((one) => one.install()))) expect(ok).to.be.true;
      // It goes after the one that uses it.
      expect((await all[0].records()).get("b")?.needs).to.deep.equal(["a"]);
      for (const one of all) expect((await one.uninstall()).ok).to.be.true;
      const left = await engineJson<readonly object[]>({
        path: `/networks?filters=${encodeURIComponent(JSON.stringify({ name: [name] }))}`,
      });
      expect(left).to.deep.equal([]);
    } finally {
      for (const one of all) await one.dispose();
    }
  });

  it("says in what a network that was there differs", async () => {
    const Config = [{ Subnet: `10.197.${octet}.0/24`, Gateway: `10.197.${octet}.1` }];
    const name = await foreign({ IPAM: { Config }, Internal: true });
    const rig = part({
      name,
      subnet: `10.196.${octet}.0/24`,
      ipv6: "true",
      labels: "a=b",
      driver: "macvlan",
    });
    const { code, notes } = await failureOf(rig.install());
    expect(code).to.equal("network/differs");
    expect(notes).to.deep.equal([
      "its driver is bridge, not macvlan",
      "ipv6 is off, not on",
      "internal is on, not off",
      `its subnets are 10.197.${octet}.0/24, not 10.196.${octet}.0/24`,
      "label a is not set",
      "this part did not make it, and leaves it as it is",
    ]);
  });

  it("names the network with which a subnet overlaps, and leaves nothing", async () => {
    const name = await foreign({ IPAM: { Config: [{ Subnet: `10.195.${octet}.0/24` }] } });
    const rig = part({ subnet: `10.195.${octet}.64/26` });
    const problem = await failureOf(rig.install());
    expect(problem.message).to.equal(`subnet 10.195.${octet}.64/26 overlaps with another network`);
    expect(problem.notes).to.deep.equal([
      `10.195.${octet}.64/26 overlaps with 10.195.${octet}.0/24 of network ${name}`,
    ]);
    await rig.uninstall();
    expect(await engineHas(`/networks/${rig.part}`)).to.be.false;
  });

  it("names the containers that keep it from going", async () => {
    const rig = part();
    await rig.install();
    const holder = uniqueName("tsb-holder");
    const body = {
      Image: await ensureBaseImage(),
      Cmd: ["sleep", "1000"],
      HostConfig: { NetworkMode: rig.part },
    };
    await engineJson({ method: "POST", path: `/containers/create?name=${holder}`, body });
    await engineJson({ method: "POST", path: `/containers/${holder}/start` });
    try {
      const problem = await failureOf(rig.uninstall());
      expect(problem.message).to.equal(`network ${rig.part} cannot be removed: it has endpoints`);
      expect(problem.notes).to.deep.equal([`container ${holder} is connected to it`]);
    } finally {
      await engineRemove("containers", holder);
    }
  });

  it("sees that it is gone or another one", async () => {
    const rig = part();
    await rig.install();
    expect(await rig.look()).to.deep.equal([]);
    await engineRemove("networks", rig.part);
    expect(await rig.look()).to.deep.equal([
      { kind: "missing", message: `network ${rig.part} is gone`, repair: "reinstall" },
    ]);
    await engineJson({ method: "POST", path: "/networks/create", body: { Name: rig.part } });
    expect(await rig.look()).to.deep.equal([
      { kind: "changed", message: `network ${rig.part} is not the one that it was`, repair: "reinstall" },
    ]);
  });

  it("asks no more of the engine for many parts than for one", async () => {
    const rigs = [part(), part(), part()];
    for (const rig of rigs) await rig.install();
    await expectOneLook(rigs);
  });
});
