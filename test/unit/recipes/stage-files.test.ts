import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { pack } from "tar-stream";
import { type Call, connect, type DockerError } from "../../../src/docker.js";
import { digestFolder, readOutputFile } from "../../../src/recipes/stage-files.js";
import { Console } from "../../../src/recipes/stage-console.js";
import { publishOutputs } from "../../../src/recipes/stage-publish.js";
import type { BuildoutInfo } from "../../../src/recipe.js";
import { type Answer, fakeEngine } from "../../support/fake-engine.js";
import { limitFiles } from "../../support/file-limit.js";
import { temporaryFolder } from "../../support/tmp.js";

const ping: Answer = (_, response) => void response.writeHead(200, { "api-version": "1.45" }).end("OK");

/** The first half of an archive with one file. */
async function halfArchive(): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: "out" }, "x".repeat(50_000));
  archive.finalize();
  return (await buffer(archive)).subarray(0, 25_000);
}

/** Reads something from the container `c`, whose archives do not come to their end. @returns why it could not be read */
async function failureOf(read: (call: Call) => Promise<unknown>, how: "cut off" | "hangs"): Promise<unknown> {
  const half = await halfArchive();
  const stop = new AbortController();
  const archive: Answer = (_, response) => {
    response.writeHead(200, { "transfer-encoding": "chunked" });
    response.write(half, () => (how === "hangs" ? stop.abort(new Error("stopped")) : response.destroy()));
  };
  const { url, close } = await fakeEngine({ "GET /containers/c/archive": archive }, ping);
  const engine = await connect({ url }, { env: {}, home: "/" });
  try {
    return await read({ engine, signal: stop.signal }).catch((error: unknown) => error);
  } finally {
    await engine.close();
    await close();
  }
}

const outputFile = async (call: Call): Promise<string> =>
  await readOutputFile(call, { container: "c", path: "out", directory: "/" });
const volume = async (call: Call): Promise<string> => await digestFolder(call, "c", "/p");

describe("what a stage leaves", () => {
  for (const read of [outputFile, volume])
    it(`is not waited for where it is cut off, or the run is stopped: ${read.name}`, async () => {
      const error = (await failureOf(read, "cut off")) as DockerError;
      expect(error.problem?.code).to.equal("engine/cut-off");
      expect(await failureOf(read, "hangs")).to.include({ message: "stopped" });
    });

  it("is not published by half", async () => {
    const cacheDirectory = await temporaryFolder();
    const publishing = (call: Call): Promise<void> =>
      publishOutputs(
        {
          part: "p",
          buildout: { cacheDirectory, runId: "r" },
          options: { publish: ["out"] },
          signal: call.signal,
        } as unknown as Parameters<typeof publishOutputs>[0],
        call,
        { container: "c", directory: "/" },
      );
    for (const how of ["cut off", "hangs"] as const) {
      expect(await failureOf(publishing, how)).to.be.instanceOf(Error);
      expect(await readdir(join(cacheDirectory, "runs/r/outputs"))).to.deep.equal([]);
    }
  });
});

describe("what a stage prints", () => {
  it("is not kept in half where the disk has room for no more", async () => {
    const cacheDirectory = await temporaryFolder({ "out/i/.keep": "" });
    const files = await Console.open({ cacheDirectory, id: "i" } as BuildoutInfo, "build", 0o644);
    limitFiles(4096);
    try {
      const written = files.write({ stream: "stdout", data: Buffer.alloc(10_000, "x") });
      expect(await written.catch((error: Error) => error.message)).to.match(/^EFBIG/);
    } finally {
      limitFiles("unlimited");
      await files.drop();
    }
  });
});
