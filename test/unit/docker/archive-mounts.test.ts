import { expect } from "chai";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { extract, pack } from "tar-stream";
import { coveredPaths, unpackByMount } from "../../../src/docker/archive-mounts.js";
import type { Engine } from "../../../src/docker.js";

const engine = (libpod: boolean, running: boolean): Engine =>
  ({
    libpod,
    request: async () =>
      await Promise.resolve({
        State: { Running: running },
        Mounts: [{ Destination: "/data" }, { Destination: "/data/in/" }, { Destination: "/etc/hosts" }],
      }),
  }) as unknown as Engine;

async function archive(): Promise<Readable> {
  const made = pack();
  for (const name of ["data/", "data/in/"]) made.entry({ name, type: "directory" });
  for (const name of ["database", "data/a", "data/in/b"]) made.entry({ name }, name);
  made.entry({ name: "data/hard", type: "link", linkname: "data/a" });
  made.finalize();
  return await Promise.resolve(Readable.from(made));
}

describe("archives for a container in which podman mounts nothing yet", () => {
  it("are unpacked mount by mount, there alone", async () => {
    expect(await coveredPaths(engine(true, false), "c", undefined)).to.deep.equal([
      "data",
      "data/in",
      "etc/hosts",
    ]);
    expect(await coveredPaths(engine(true, true), "c", undefined)).to.deep.equal([]);
    expect(await coveredPaths(engine(false, false), "c", undefined)).to.deep.equal([]);
  });

  it("go in pieces: what belongs into a mount by itself, under the name that it has there", async () => {
    const unpacked: string[] = [];
    await unpackByMount(["data", "data/in", "etc/hosts"], archive, async (path, body) => {
      const bytes = await buffer(body);
      for await (const entry of Readable.from([bytes]).pipe(extract())) {
        const { name, linkname } = entry.header;
        unpacked.push(
          `/${path}: ${name}${linkname ? ` -> ${linkname}` : ""} ${(await buffer(entry)).toString()}`.trim(),
        );
      }
    });
    expect(unpacked).to.deep.equal([
      "/: database database",
      "/data/in: ./",
      "/data/in: b data/in/b",
      "/data: ./",
      "/data: a data/a",
      "/data: hard -> a",
    ]);
  });
});
