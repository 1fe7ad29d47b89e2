import { expect } from "chai";
import type { Engine } from "../../../src/docker/engine.js";
import { inspectImage } from "../../../src/docker/image.js";
import { findContainer, listAll, type ContainerSummary } from "../../../src/docker/listing.js";
import { createContainer, inspectContainer } from "../../../src/docker/container.js";
import { execInContainer } from "../../../src/docker/exec.js";
import { createNetwork, inspectNetwork, networksNamed } from "../../../src/docker/network.js";
import { remoteImage } from "../../../src/docker/transfer.js";
import { createVolume, inspectVolume, volumeHolders } from "../../../src/docker/volume.js";
import { connectTo, fakeEngine } from "../../support/listening.js";
import { problemOf } from "../../support/problem.js";

/** Lists from an engine that answers so many times with 404, as one with containerd's store does. */
async function list(kind: "images" | "networks", failures: number) {
  let asked = 0;
  const server = await fakeEngine((_request, response) => {
    const gone = ++asked <= failures;
    const message = "failed to read config content: content digest sha256:0123: not found";
    response.writeHead(gone ? 404 : 200).end(JSON.stringify(gone ? { message } : []));
  });
  let engine: Engine | undefined;
  try {
    engine = await connectTo(server.url);
    asked = 0;
    const found = await listAll(engine, kind).catch((error: unknown) => error);
    return { asked, found };
  } finally {
    await engine?.close();
    await server.close();
  }
}

describe("the list of images, while others are being removed", () => {
  it("is asked for again where one of them went as the engine read it", async () => {
    expect(await list("images", 3)).to.deep.equal({ asked: 4, found: [] });
  });

  it("is given up where that is always so", async () => {
    const { asked, found } = await list("images", 1000);
    expect(found).to.have.nested.property("problem.code", "engine/not-found");
    expect(asked).to.be.lessThan(20);
  });

  it("is the only one of which that is known", async () => {
    expect((await list("networks", 1)).asked).to.equal(1);
  });
});

const container = (Id: string, name: string): ContainerSummary => ({
  Id,
  Names: [`/${name}`],
  Image: "busybox",
  ImageID: "sha256:0",
  State: "running",
});

describe("the container that a name means", () => {
  // An engine lists the newest first.
  const containers = [container("db51f0", "web"), container("77aa02", "db"), container("3c9e44", "cache")];

  it("has the name, whichever ids begin like it", () => {
    expect(findContainer(containers, "db")?.Id).to.equal("77aa02");
  });

  it("is else the one whose id begins so", () => {
    expect(findContainer(containers, "3c9e")?.Id).to.equal("3c9e44");
    expect(findContainer(containers, "gone")).to.equal(undefined);
  });
});

const cut = (note: string): object => ({
  code: "engine/cut-off",
  message: "the engine's answer was cut off",
  notes: [note],
});

describe("something that answers in the place of an engine", () => {
  for (const answer of ["{}", '{"message":"log in first"}', "[]", "null"])
    it(`is told from one: ${answer}`, async () => {
      const server = await fakeEngine((_request, response) => void response.end(answer));
      const engine = await connectTo(server.url);
      try {
        for (const kind of ["containers", "images", "networks"] as const) {
          const list = async () => await listAll(engine, kind);
          if (["[]", "null"].includes(answer)) expect(await list()).to.deep.equal([]);
          else expect(await problemOf(list)).to.deep.equal(cut(`no list of ${kind}: ${answer}`));
        }
        expect(await listAll(engine, "volumes")).to.deep.equal([]);
        const inspect = async () => await inspectImage(engine, "app");
        const call = { engine };
        const asked: readonly (readonly [string, () => Promise<unknown>])[] = [
          ["Name", async () => await inspectContainer(call, "app")],
          [
            "Id",
            async () =>
              await createContainer(call, { name: "app", config: { Image: "app", HostConfig: {} } }),
          ],
          ["Id", async () => await inspectNetwork(call, "net")],
          ["Id", async () => await createNetwork(call, { name: "net" })],
          ["Name", async () => await inspectVolume(call, "vol")],
          ["Name", async () => await createVolume(call, { name: "vol" })],
          ["Id", async () => await execInContainer(engine, "app", { cmd: ["true"] })],
          ["Descriptor", async () => await remoteImage(engine, { reference: "app" })],
          ["OSType", async () => await engine.info()],
        ];
        for (const [tells, ask] of asked)
          expect(await problemOf(ask), String(ask)).to.deep.equal(
            cut(`an answer without ${tells}: ${answer}`),
          );
        const lists = [
          ["containers", async () => await volumeHolders(call, "vol")],
          ["networks", async () => await networksNamed(call, "net")],
        ] as const;
        for (const [kind, ask] of lists)
          if (["[]", "null"].includes(answer)) expect(await ask()).to.deep.equal([]);
          else expect(await problemOf(ask)).to.deep.equal(cut(`no list of ${kind}: ${answer}`));
        expect(await problemOf(inspect)).to.deep.equal(cut(`an answer without Id: ${answer}`));
      } finally {
        await engine.close();
        await server.close();
      }
    });
});
