import type { Duplex } from "node:stream";
import { expect } from "chai";
import { runAttached, waitContainer } from "../../../src/docker/attach.js";
import { connectTo, fakeEngine } from "../../support/listening.js";

/** Runs a container whose next exit the engine never tells. @param answer to whoever asks how it ended */
async function exitMissed(answer: { readonly status: number; readonly body: object }): Promise<unknown> {
  const engine = await fakeEngine((request, response) => {
    request.resume();
    const { url = "" } = request;
    if (url.includes("condition=next-exit")) response.writeHead(200).flushHeaders();
    else if (url.endsWith("/wait")) response.writeHead(answer.status).end(JSON.stringify(answer.body));
    else response.writeHead(204).end();
  });
  engine.server.on("upgrade", (_, socket: Duplex) => {
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    socket.end(OUTPUT);
  });
  const connection = await connectTo(engine.url);
  try {
    return await runAttached(connection, "c", { tty: false }).catch((error: unknown) => error);
  } finally {
    await connection.close();
    await engine.close();
  }
}

const OUTPUT = Buffer.from("\x01\0\0\0\0\0\0\x05done\n", "latin1");

describe("a container that is run to its end", () => {
  it("is asked how it ended when podman has missed that", async () => {
    expect(await exitMissed({ status: 200, body: { StatusCode: 3 } })).to.equal(3);
  }).timeout(10_000);

  for (const [how, answer] of [
    ["gone", { status: 404, body: { message: "no such container" } }],
    [
      "gone, as podman says it",
      { status: 200, body: { StatusCode: -1, Error: { Message: "no such container" } } },
    ],
  ] as const)
    it(`is not waited for when it is ${how}, and nobody knows how it ended`, async () => {
      expect(await exitMissed(answer)).to.have.property(
        "message",
        "the engine does not say how a process in a container ended",
      );
    }).timeout(10_000);

  it("has ended in a way that nobody knows where the engine says nothing to the end", async () => {
    const engine = await fakeEngine((_, response) => response.writeHead(200).end());
    const connection = await connectTo(engine.url);
    const error = await waitContainer(connection, "c").catch((thrown: unknown) => thrown);
    expect(error).to.have.nested.property("problem.code", "engine/cut-off");
    await connection.close();
    await engine.close();
  });
});
