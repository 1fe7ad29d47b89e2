import { expect } from "chai";
import { DockerError } from "../../../src/docker/errors.js";
import { pullImage } from "../../../src/docker/transfer.js";
import { connectTo, fakeSocket } from "../../support/listening.js";

const LAYER = '{"status":"Download complete","progressDetail":{},"id":"82a8bf058d80"}\r\n';
const END = '{"status":"Status: Downloaded newer image for a:1"}\r\n';

/** What the pull of an image ends with. @returns undefined where it ends well */
async function pulled(lines: string, pong = ""): Promise<string | undefined> {
  const chunks = `${lines.length.toString(16)}\r\n${lines}\r\n0\r\n\r\n`;
  const server = await fakeSocket((socket) => {
    socket.once("data", (bytes) => {
      const asked = bytes.toString();
      if (asked.includes("/_ping"))
        socket.end(`HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n${pong}Content-Length: 2\r\n\r\nOK`);
      else if (asked.includes(" HTTP/1.0\r\n")) socket.end(`HTTP/1.0 200 OK\r\n\r\n${lines}`);
      else socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
    });
  });
  const engine = await connectTo(server.url);
  try {
    await pullImage(engine, { reference: "a:1" });
    return undefined;
  } catch (error) {
    expect(error).to.be.instanceOf(DockerError);
    return (error as DockerError).problem.code;
  } finally {
    await engine.close();
    await server.close();
  }
}

describe("a pull", () => {
  it("ends well where the engine says how it ended, and only there", async () => {
    expect(await pulled(LAYER + END)).to.equal(undefined);
    expect(await pulled(LAYER)).to.equal("engine/cut-off");
    expect(await pulled("")).to.equal("engine/cut-off");
  });

  it("ends well on podman where its answer does: that says nothing of it", async () => {
    expect(await pulled(LAYER, "Libpod-Api-Version: 5.0.0\r\n")).to.equal(undefined);
  });
});
