import { PassThrough, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect } from "chai";
import * as fc from "fast-check";
import { DockerError } from "../../../src/docker/errors.js";
import { Demultiplexer, jsonLines, outputs, type Output } from "../../../src/docker/stream.js";

/** The bytes in pieces that end at any byte. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, i) => bytes.subarray(start, ends[i] ?? bytes.length));
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

async function failure(work: Promise<unknown>): Promise<DockerError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DockerError)) throw new Error(`expected a DockerError, got ${String(error)}`);
  return error;
}

function frame(kind: number, text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = kind;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}

describe("jsonLines", () => {
  it("gives every value, wherever the pieces are cut, and needs no last newline", async () => {
    const values = fc.array(fc.record({ stream: fc.string({ unit: "binary" }), n: fc.integer() }), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(values, fc.array(fc.nat()), fc.boolean(), async (given, cuts, last) => {
        const text = given.map((value) => JSON.stringify(value)).join("\r\n") + (last ? "\n" : "");
        const read = await all(jsonLines(Readable.from(cut(Buffer.from(text), cuts))));
        expect(read).to.deep.equal(JSON.parse(JSON.stringify(given)));
      }),
      { numRuns: 50 },
    );
  });

  it("throws what an errorDetail says, after the values before it", async () => {
    const lines = jsonLines(
      Readable.from([Buffer.from('{"a":1}\n{"errorDetail":{"code":1,"message":"no space"},"error":"x"}\n')]),
    );
    expect((await lines.next()).value).to.deep.equal({ a: 1 });
    const error = await failure(lines.next());
    expect(error.problem).to.deep.equal({ code: "engine/stream-error", message: "no space" });
  });

  it("throws the old error field too", async () => {
    const error = await failure(all(jsonLines(Readable.from([Buffer.from('{"error":"gone"}')]))));
    expect(error.problem.message).to.equal("gone");
  });

  it("throws an error also where it is no text", async () => {
    for (const odd of [{ error: { a: 1 } }, { errorDetail: { message: { a: 1 } } }]) {
      const error = await failure(all(jsonLines(Readable.from([Buffer.from(JSON.stringify(odd))]))));
      expect(error.problem.message).to.equal('{"a":1}');
    }
  });

  it("takes an end within a value for a cut", async () => {
    const error = await failure(all(jsonLines(Readable.from([Buffer.from('{"a":1}\n{"b"')]))));
    expect(error.problem.code).to.equal("engine/cut-off");
  });

  it("takes a closed connection for a cut even after a whole line", async () => {
    const source = new PassThrough();
    source.write('{"a":1}\n');
    const read = all(jsonLines(source));
    source.destroy();
    expect((await failure(read)).problem.code).to.equal("engine/cut-off");
  });

  it("destroys the source when the loop is left", async () => {
    const source = new PassThrough();
    source.write('{"a":1}\n{"b":1}\n');
    for await (const _ of jsonLines(source)) break;
    expect(source.destroyed).to.equal(true);
  });
});

describe("Demultiplexer", () => {
  it("gives the streams' bytes in order, wherever the pieces are cut", async () => {
    const writes = fc.array(fc.tuple(fc.constantFrom(0, 1, 2), fc.string({ unit: "binary" })), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(writes, fc.array(fc.nat()), async (given, cuts) => {
        const bytes = Buffer.concat(given.map(([kind, text]) => frame(kind, text)));
        const read = await all(outputs(Readable.from(cut(bytes, cuts)), false));
        for (const stream of ["stdout", "stderr"] as const) {
          const sent = given
            .filter(([kind]) => (kind === 2) === (stream === "stderr"))
            .map(([, text]) => Buffer.from(text));
          const got = read.filter((one) => one.stream === stream).map((one) => one.data);
          expect(Buffer.concat(got).equals(Buffer.concat(sent))).to.equal(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("takes a million tiny frames in one piece", async () => {
    const bytes = Buffer.concat(Array.from({ length: 1_000_000 }, () => frame(1, "x")));
    let seen = 0;
    const counter = new Writable({
      objectMode: true,
      write(output: Output, _encoding, done) {
        seen += output.data.length;
        done();
      },
    });
    await pipeline(Readable.from([bytes]), new Demultiplexer(), counter);
    expect(seen).to.equal(1_000_000);
  });

  it("waits for a slow reader", async () => {
    const source = new PassThrough({ highWaterMark: 1024 });
    const demultiplexer = source.pipe(new Demultiplexer());
    const piece = frame(2, "y".repeat(1000));
    let taken = 0;
    while (taken < 1000 && source.write(piece)) taken += 1;
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(taken).to.be.below(1000);
    expect(source.writableNeedDrain).to.equal(true);
    demultiplexer.destroy();
  });

  it("says that the bytes are not frames", async () => {
    const error = await failure(all(outputs(Readable.from([Buffer.from("plain text of a TTY")]), false)));
    expect(error.problem.notes).to.deep.equal(["a frame of an unknown stream: is the container's TTY on?"]);
  });

  it("says that the output ended within a frame", async () => {
    const error = await failure(all(outputs(Readable.from([frame(1, "abc").subarray(0, 9)]), false)));
    expect(error.problem.notes).to.deep.equal(["the output ended within a frame"]);
  });
});
