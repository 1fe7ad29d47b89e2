import { type Duplex, PassThrough, Readable } from "node:stream";
import { expect } from "chai";
import { execInContainer } from "../../../src/docker/exec.js";
import { connectTo, fakeEngine, type Listening } from "../../support/listening.js";

/** How long the process says nothing, in milliseconds: longer than an engine's last words are waited for. */
const SILENT = 1100;

describe("a command in a container", () => {
  it("loses nothing of what an engine hands on only after it has said that the process is over", async () => {
    const begun = Date.now();
    let output: Duplex | undefined;
    const engine = await fakeEngine((request, response) => {
      request.resume();
      const over = request.method === "GET" && Date.now() > begun + SILENT;
      response.end(JSON.stringify({ Id: "1", Running: !over, Pid: 7, ExitCode: over ? 0 : null }));
      // The client has been told by the time that it takes in what comes behind that.
      if (over) response.once("close", () => output?.end(LAST_WORDS));
    });
    engine.server.on("upgrade", (_, socket: Duplex) => {
      output = socket;
      socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    });
    await expectLastWords(engine);
  });

  it("without input has its output also where the engine has hung up by then", async () => {
    const engine = await fakeEngine((request, response) => {
      request.resume();
      response.end(JSON.stringify({ Id: "1", Running: false, Pid: 7, ExitCode: 0 }));
    });
    engine.server.on("upgrade", (_, socket: Duplex) => {
      const head = Buffer.from("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      socket.write(Buffer.concat([head, LAST_WORDS]), () => socket.destroy());
    });
    await expectLastWords(engine);
  });

  it("is not waited for when it is over, though its input has not come to an end", async () => {
    const engine = await fakeEngine((request, response) => {
      request.resume();
      response.end(JSON.stringify({ Id: "1", Running: false, Pid: 7, ExitCode: 3 }));
    });
    engine.server.on("upgrade", (_, socket: Duplex) => {
      socket.end("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    });
    const connection = await connectTo(engine.url);
    const stdin = new PassThrough();
    expect(await execInContainer(connection, "c", { cmd: ["false"], stdin })).to.equal(3);
    expect(stdin.destroyed).to.equal(true);
    await connection.close();
    await engine.close();
  });

  it("fails with the stream that it was to be fed when that breaks off, and nothing fails behind anybody's back", async () => {
    let isOver = false;
    const engine = await fakeEngine((request, response) => {
      request.resume();
      response.end(JSON.stringify({ Id: "1", Running: !isOver, Pid: 7, ExitCode: isOver ? 2 : null }));
    });
    engine.server.on("upgrade", (_, socket: Duplex) => {
      socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      // The process finds the end of its input, and ends.
      const end = (): void => {
        isOver = true;
        socket.destroy();
      };
      socket.resume().once("end", end).once("close", end);
    });
    const connection = await connectTo(engine.url);
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    try {
      const stdin = Readable.from(brokenOff());
      const error = await execInContainer(connection, "c", { cmd: ["tar"], stdin }).catch((thrown) => thrown);
      expect(error).to.have.property("message", "the archive broke off");
      expect(unhandled).to.deep.equal([]);
    } finally {
      process.off("unhandledRejection", note);
      await connection.close();
      await engine.close();
    }
  });
});

async function* brokenOff(): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from("the beginning"));
  throw new Error("the archive broke off");
}

/** Runs a command on it, which ends well and says that. */
async function expectLastWords(engine: Listening): Promise<void> {
  const connection = await connectTo(engine.url);
  let said = "";
  const onOutput = ({ data }: { data: Buffer }): void => void (said += data.toString());
  expect(await execInContainer(connection, "c", { cmd: ["true"], onOutput })).to.equal(0);
  expect(said).to.equal("last words");
  await connection.close();
  await engine.close();
}

const LAST_WORDS = Buffer.from("\x01\0\0\0\0\0\0\x0alast words", "latin1");
