import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { streamOf } from "../../../src/docker/outlet.js";

/** 40 chunks of 64 KiB, and how many of them have been read. */
function source(): { readonly stream: Readable; read: () => number } {
  let count = 0;
  const chunks = function* (): Generator<Buffer> {
    for (; count < 40; count += 1) yield Buffer.alloc(65_536, count);
  };
  return { stream: Readable.from(chunks(), { objectMode: false }), read: () => count };
}

async function failure(stream: Readable): Promise<string> {
  return await buffer(stream).then(
    () => "it came to its end",
    (error: unknown) => (error as Error).message,
  );
}

describe("streamOf", () => {
  it("gives what is put into it, in order", async () => {
    const { stream } = source();
    const made = streamOf(async (outlet) => {
      await outlet.give(Buffer.from("<"));
      await outlet.pass(stream, (chunk) => (chunk[0] === 1 ? undefined : chunk.subarray(0, 1)));
      await outlet.give(Buffer.from(">"));
    });
    const bytes = [
      ...Buffer.from("<"),
      0,
      ...Array.from({ length: 38 }, (_, at) => at + 2),
      ...Buffer.from(">"),
    ];
    expect([...(await buffer(made))]).to.deep.equal(bytes);
  });

  it("waits for who reads", async () => {
    const { stream, read } = source();
    const made = streamOf(async (outlet) => await outlet.pass(stream, (chunk) => chunk));
    const slow = new PassThrough({ highWaterMark: 1 });
    made.pipe(slow);
    await new Promise((resolve) => slow.once("readable", resolve));
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(read()).to.be.below(10);
    expect((await buffer(slow)).length).to.equal(40 * 65_536);
  });

  it("goes on with a stream that somebody looked into and paused", async () => {
    const { stream } = source();
    await new Promise<void>((resolve) => {
      stream.once("data", (chunk: Buffer) => {
        stream.pause();
        stream.unshift(chunk);
        resolve();
      });
    });
    const made = streamOf(async (outlet) => await outlet.pass(stream, (chunk) => chunk));
    expect((await buffer(made)).length).to.equal(40 * 65_536);
  });

  it("fails as what it passes on fails", async () => {
    const broken = new PassThrough();
    const made = streamOf(async (outlet) => await outlet.pass(broken, (chunk) => chunk));
    setImmediate(() => broken.destroy(new Error("the engine has gone")));
    expect(await failure(made)).to.equal("the engine has gone");
    const closed = streamOf(async (outlet) => await outlet.pass(broken, (chunk) => chunk));
    expect(await failure(closed)).to.equal("the engine has gone");
    const early = new PassThrough();
    const cut = streamOf(async (outlet) => await outlet.pass(early, (chunk) => chunk));
    setImmediate(() => early.destroy());
    expect(await failure(cut)).to.equal("the stream was closed before its end");
    const { stream } = source();
    const refused = streamOf(
      async (outlet) =>
        await outlet.pass(stream, () => {
          throw new Error("no archive");
        }),
    );
    expect(await failure(refused)).to.equal("no archive");
  });

  it("lets go of its source when nobody wants more", async () => {
    const { stream } = source();
    const made = streamOf(async (outlet) => await outlet.pass(stream, (chunk) => chunk));
    await new Promise((resolve) => made.once("data", resolve));
    const closed = new Promise((resolve) => stream.once("close", resolve));
    made.destroy();
    await closed;
  });
});
