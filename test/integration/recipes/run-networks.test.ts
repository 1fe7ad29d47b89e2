import { expect } from "chai";
import run_ from "../../../src/recipes/docker.run.js";
import { engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { failureOf, RunRig, type PartRig } from "../../support/recipe-part.js";

interface Endpoint {
  readonly IPAddress: string;
  readonly MacAddress: string;
  readonly EndpointID: string;
}

interface Inspected {
  readonly State: { readonly Running: boolean };
  readonly HostConfig: { readonly Memory: number };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, Endpoint>> };
}

describe("docker.run: networks of a container that is there", () => {
  let run: RunRig;
  let rig: PartRig;
  let network: string;
  /** The first 24 bits of the network's addresses. */
  const subnet = `10.195.${1 + (process.pid % 200)}`;

  before(async () => {
    run = await RunRig.open();
    const image = await ensureBaseImage();
    network = uniqueName("tsb-net");
    rig = run.part(run_, uniqueName("tsb-net"), { image, command: "sleep 1000" });
    const IPAM = { Config: [{ Subnet: `${subnet}.0/24` }] };
    await engineJson({ method: "POST", path: "/networks/create", body: { Name: network, IPAM } });
  });
  afterEach(async () => {
    // Podman stumbles once over a network that it has joined by half.
    const remove = async () => await engineRemove("containers", rig.part);
    await remove().catch(remove);
    rig = run.part(run_, rig.part, { image: rig.texts["image"] ?? "", command: "sleep 1000" });
  });
  after(async () => {
    await engineRemove("networks", network);
    await run.close();
  });
  const inspect = async (): Promise<Inspected> =>
    await engineJson<Inspected>({ path: `/containers/${rig.part}/json` });
  const endpoints = async () => (await inspect()).NetworkSettings.Networks;

  it("an address that a network refused is forgotten with the next one", async () => {
    await rig.install();
    const refused = await failureOf(rig.update({ networks: `${network} ip=10.9.9.9` }));
    expect(refused.option).to.equal("networks");
    const outputs = await rig.update({ networks: `${network} ip=${subnet}.9` }, { unfinished: true });
    expect(outputs["ip-address"]).to.equal(`${subnet}.9`);
    expect(Object.keys(await endpoints())).to.deep.equal([network]);
    expect((await inspect()).State.Running).to.be.true;
  });

  it("an address that is still refused is no success", async () => {
    await rig.install();
    const networks = `${network} ip=10.9.9.9`;
    await failureOf(rig.update({ networks }));
    await failureOf(rig.update({ networks }, { unfinished: true }));
  });

  it("a hardware address is the container's from then on", async () => {
    rig.texts = { ...rig.texts, networks: network };
    await rig.install();
    await rig.update({ networks: `${network} mac=02:42:0A:00:00:17` });
    expect((await endpoints())[network]?.MacAddress).to.equal("02:42:0a:00:00:17");
    const { EndpointID } = (await endpoints())[network] ?? {};
    await rig.update({ networks: `${network} mac=02:42:0A:00:00:17`, memory: "64m" });
    expect((await endpoints())[network]).to.include({ EndpointID, MacAddress: "02:42:0a:00:00:17" });
    await rig.update({ networks: network });
    expect((await endpoints())[network]?.MacAddress).not.to.equal("02:42:0a:00:00:17");
  });

  it("none and host, which a container can neither join nor leave", async () => {
    rig.texts = { ...rig.texts, networks: network };
    await rig.install();
    for (const networks of ["none", network, "host", network]) {
      await rig.update({ networks });
      expect(Object.keys(await endpoints())).to.deep.equal([networks]);
    }
  });

  it("are not left and joined again for a host name that the engine has made an alias", async () => {
    rig.texts = { ...rig.texts, networks: network, hostname: "store" };
    await rig.install();
    const before = await endpoints();
    await rig.update({ memory: "64m" });
    expect((await inspect()).HostConfig.Memory).to.equal(67_108_864);
    expect(await endpoints()).to.deep.equal(before);
  });
});
