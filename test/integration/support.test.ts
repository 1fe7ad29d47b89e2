import { expect } from "chai";
import { engineJson, engineObjects, engineRemove, engineRequest, uniqueName } from "../support/engine.js";
import { ensureBaseImage, imageArchive, loadImage } from "../support/images.js";
import { startRegistry } from "../support/registry.js";

describe("the ground that integration tests stand on", () => {
  it("makes a base image that runs a shell and ends at once", async () => {
    const Image = await ensureBaseImage();
    const name = uniqueName("tsb-support");
    const created = { Image, Cmd: ["sh", "-c", "echo from $(whoami)"], Labels: { [name]: "1" }, Tty: true };
    await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body: created });
    try {
      await engineJson({ method: "POST", path: `/containers/${name}/start` });
      await engineJson({ method: "POST", path: `/containers/${name}/wait` });
      const log = await engineRequest({ path: `/containers/${name}/logs?stdout=1` });
      expect(log.body.toString()).to.equal("from root\r\n");
      expect(await engineObjects(name)).to.deep.equal([`container ${name}`]);
    } finally {
      await engineRemove("containers", name);
    }
    expect(await engineObjects(name)).to.deep.equal([]);
  });

  it("makes the same image from the same config, another from another", async () => {
    const tag = `${uniqueName("tsbuildout-test/support")}:1`;
    expect((await imageArchive(tag)).equals(await imageArchive(tag))).to.equal(true);
    await loadImage(tag, { Labels: { colour: "green" }, StopSignal: "SIGTERM" });
    const { Config } = await engineJson<{ Config: { Labels: object; StopSignal: string } }>({
      path: `/images/${tag}/json`,
    });
    await engineRemove("images", tag);
    expect(Config.Labels).to.include({ colour: "green" });
    expect(Config.StopSignal).to.equal("SIGTERM");
  });

  it("starts a registry that is open, one that asks who you are, and one with a certificate", async () => {
    const open = await startRegistry();
    expect((await fetch(`http://${open.host}/v2/`)).status).to.equal(200);
    await open.stop();

    const closed = await startRegistry({ login: { username: "ann", password: "s3cret" } });
    const authorization = `Basic ${Buffer.from("ann:s3cret").toString("base64")}`;
    expect((await fetch(`http://${closed.host}/v2/`)).status).to.equal(401);
    expect((await fetch(`http://${closed.host}/v2/`, { headers: { authorization } })).status).to.equal(200);
    await closed.stop();

    const secure = await startRegistry({ tls: true });
    expect(secure.certificate).to.match(/cert\.pem$/);
    expect(await fetch(`https://${secure.host}/v2/`).catch((e: Error) => e.message)).to.equal("fetch failed");
    await secure.stop();
  });
});
