import { expect } from "chai";
import run_ from "../../../src/recipes/docker.run.js";
import { engineHas, engineJson, engineRemove, engineRequest, uniqueName } from "../../support/engine.js";
import { loadImage } from "../../support/images.js";
import { failureOf, RunRig, type PartRig } from "../../support/recipe-part.js";
import { startRegistry, type Registry } from "../../support/registry.js";

describe("docker.run: pull-policy", () => {
  let registry: Registry;
  let run: RunRig;
  let repository: string;
  let image: string;
  let rig: PartRig | undefined;
  before(async () => void (registry = await startRegistry()));
  after(async () => await registry.stop());
  beforeEach(async () => {
    run = await RunRig.open();
    repository = `${registry.host}/${uniqueName("tsb-run")}`;
    image = `${repository}:1`;
    await publish("first");
  });
  afterEach(async () => {
    if (rig) await engineRemove("containers", rig.part);
    rig = undefined;
    await engineRemove("images", image);
    await run.close();
  });

  /** Puts an image into the registry; the engine keeps what it had under the name. */
  const publish = async (label: string): Promise<void> => {
    const held = await engineRequest({ path: `/images/${image}/json` });
    await loadImage(image, { Labels: { label } });
    // With its padding: podman reads no base64 without.
    const headers = { "X-Registry-Auth": Buffer.from("{}").toString("base64") };
    const pushed = await engineRequest({
      method: "POST",
      path: `/images/${repository}/push?tag=1`,
      headers,
    });
    expect(pushed.body.toString()).to.contain("digest: sha256:");
    await engineRemove("images", image);
    if (held.status !== 200) return;
    const { Id } = JSON.parse(held.body.toString()) as { Id: string };
    await engineJson({ method: "POST", path: `/images/${Id}/tag?repo=${repository}&tag=1` });
  };
  const part = (texts: Record<string, string>): PartRig =>
    (rig = run.part(run_, uniqueName("tsb-run"), { image, command: "sleep 1000", ...texts }));
  const container = async (): Promise<{ Id: string; label: string }> => {
    const path = `/containers/${rig?.part}/json`;
    const { Id, Config } = await engineJson<{ Id: string; Config: { Labels: { label: string } } }>({ path });
    return { Id, label: Config.Labels.label };
  };
  /** Another run: whether it saw a change, and what then runs. */
  const again = async (): Promise<{ Id: string; label: string; changed: boolean }> => {
    const before = rig?.record?.inputs;
    run.forget();
    const changed = JSON.stringify(await rig?.inputs()) !== JSON.stringify(before);
    if (changed) await rig?.update();
    return { ...(await container()), changed };
  };

  it("missing: pulls an image that is not there, and heeds no other in the registry", async () => {
    expect(await engineHas(`/images/${image}/json`)).to.equal(false);
    await part({}).install();
    const first = await container();
    expect(first.label).to.equal("first");
    await publish("second");
    expect(await again()).to.deep.equal({ ...first, changed: false });
  });

  it("always: pulls an image that is there, and a new container comes with a new image", async () => {
    await loadImage(image, { Labels: { label: "of the engine" } });
    await part({ "pull-policy": "always" }).install();
    const first = await container();
    expect(first.label).to.equal("first");
    expect(await again()).to.deep.equal({ ...first, changed: false });
    await publish("second");
    const second = await again();
    expect(second).to.include({ label: "second", changed: true });
    expect(second.Id).not.to.equal(first.Id);
    expect(await again()).to.deep.equal({ ...second, changed: false });
  });

  it("always: asks nobody offline, and takes what is there", async () => {
    await part({ "pull-policy": "always" }).install();
    const first = await container();
    await publish("second");
    run.offline = true;
    expect(await again()).to.deep.equal({ ...first, changed: false });
    await engineRemove("containers", rig?.part ?? "");
    await part({ "pull-policy": "always" }).install();
    expect((await container()).label).to.equal("first");
  });

  it("never: pulls nothing, though the registry has it", async () => {
    const problem = await failureOf(part({ "pull-policy": "never" }).install());
    expect(problem).to.deep.include({ code: "image/missing", notes: ["pull-policy = never"] });
    expect(await engineHas(`/images/${image}/json`)).to.equal(false);
  });
});
