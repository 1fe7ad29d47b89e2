import { expect } from "chai";
import { connect, inspectImage, repoDigest, type Engine } from "../../src/docker.js";
import { isMissing, pullImage, pushImage, remoteImage } from "../../src/docker/transfer.js";
import { engineHost, engineRemove, uniqueName } from "../support/engine.js";
import { loadImage } from "../support/images.js";
import { problemOf } from "../support/problem.js";
import { startRegistry, type Registry } from "../support/registry.js";

describe("pulls and pushes", () => {
  let engine: Engine;
  let registry: Registry;
  let reference: string;
  const login = { username: "ann", password: "s3cret" };

  before(async () => {
    engine = await connect({ url: engineHost() }, { env: {}, home: "/nonexistent" });
    registry = await startRegistry({ login });
    reference = `${registry.host}/${uniqueName("transfer")}:1`;
    // Its own: an engine that has an image already need not learn another digest of it.
    await loadImage(reference, { Labels: { reference } });
  });
  after(async () => {
    await engineRemove("images", reference);
    await engine.close();
    await registry.stop();
  });
  const credentials = () => ({ ...login, serverAddress: registry.host, origin: "options" });

  it("carry the digest, and tell what is there without fetching it", async () => {
    expect(await remoteImage(engine, { reference, credentials: credentials() })).to.equal(undefined);
    const digest = await pushImage(engine, { reference, credentials: credentials() });
    expect(digest).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(await remoteImage(engine, { reference, credentials: credentials() })).to.include({ digest });

    await engineRemove("images", reference);
    const pinned = `${reference.replace(/:1$/, "")}@${digest}`;
    await pullImage(engine, { reference: pinned, credentials: credentials() });
    expect(await inspectImage(engine, pinned)).to.not.equal(undefined);
    await engineRemove("images", pinned);
    await pullImage(engine, { reference, credentials: credentials() });
    const pulled = await inspectImage(engine, reference);
    expect(pulled && repoDigest(pulled, reference)).to.equal(digest);
  });

  it("report a push layer by layer", async () => {
    const layers = new Set<string>();
    const listener = { log: () => {}, progress: ({ id = "" }) => void layers.add(id) };
    await pushImage(engine, { reference, credentials: credentials(), listener });
    expect(layers.size).to.equal(1);
  });

  it("tell a missing image from a denied one", async () => {
    const missing = { reference: `${reference}-none`, credentials: credentials() };
    const problem = await problemOf(async () => await pullImage(engine, missing));
    expect(problem).to.include({ code: "registry/missing", message: `there is no image ${reference}-none` });
    for (const act of [pushImage, remoteImage])
      expect(await problemOf(async () => await act(engine, { reference })), act.name).to.include({
        code: "registry/denied",
        message: `the registry denies access to ${reference}`,
      });
    const pulled = await pullImage(engine, { reference }).catch((error: unknown) => error);
    expect(isMissing(pulled)).to.equal(false);
  });
});
