import { expect } from "chai";
import * as fc from "fast-check";
import { Readable } from "node:stream";
import { BuildReport } from "../../../src/docker/build-report.js";
import { decodeTrace, readRawJson } from "../../../src/docker/buildkit-trace.js";
import { parseDockerfile } from "../../../src/docker/dockerfile.js";
import { frame, grpcMessages } from "../../../src/docker/grpc.js";
import { encodeField, fieldsOf, textField } from "../../../src/docker/protobuf.js";

const message = (...fields: Uint8Array[]): Buffer => Buffer.concat(fields);

describe("protobuf fields", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.uint8Array({ minLength: 1 }),
        fc.integer({ min: 1, max: 2 ** 50 }),
        (number, bytes, count) => {
          const fields = [...fieldsOf(message(encodeField(number, bytes), encodeField(number + 1, count)))];
          expect(fields.map((field) => field.number)).to.deep.equal([number, number + 1]);
          expect(Buffer.from((fields[0]?.value ?? []) as Uint8Array).equals(bytes)).to.equal(true);
          expect(fields[1]?.value).to.equal(count);
        },
      ),
    );
  });

  it("never run over the end of a message", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          for (const field of fieldsOf(bytes)) expect(field.number).to.be.a("number");
        } catch (error) {
          expect(error).to.be.instanceOf(RangeError);
        }
      }),
    );
    expect(textField(encodeField(2, "x"), 1)).to.equal("");
  });
});

describe("gRPC messages", () => {
  it("come whole, however the stream is cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array()), fc.integer({ min: 1, max: 9 }), async (messages, size) => {
        const bytes = Buffer.concat(messages.map(frame));
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        const read = [];
        for await (const one of grpcMessages(Readable.from(pieces))) read.push([...one]);
        expect(read).to.deep.equal(messages.map((one) => [...one]));
      }),
    );
  });

  it("are refused when compressed or too long", async () => {
    for (const head of [Buffer.from([1, 0, 0, 0, 0]), Buffer.from([0, 255, 255, 255, 255])]) {
      let refused: unknown;
      try {
        for await (const one of grpcMessages(Readable.from([head]))) void one;
      } catch (error) {
        refused = error;
      }
      expect(refused).to.have.property("status", 12);
    }
  });
});

const time = encodeField(1, 5);
const vertex = (digest: string, name: string, more: Uint8Array[] = []): Uint8Array =>
  encodeField(1, message(encodeField(1, digest), encodeField(3, name), encodeField(5, time), ...more));
const status = encodeField(
  2,
  message(
    encodeField(1, "sha256:abcdef0123456789"),
    encodeField(2, "a"),
    encodeField(4, 7),
    encodeField(5, 9),
  ),
);
const log = (digest: string, stream: number, text: string): Uint8Array =>
  encodeField(3, message(encodeField(1, digest), encodeField(3, stream), encodeField(4, text)));

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const failed = (digest: string, name: string, error: string): Uint8Array =>
  vertex(digest, name, [encodeField(7, error)]);

const at = (id: string, step: string, current: number): object => {
  return { id, step, current, total: 1, unit: "items" };
};

const listen = () => {
  const said: string[] = [];
  const progress: object[] = [];
  const report = new BuildReport({
    log: (line, stream = "out") => void said.push(`${stream} ${line}`),
    progress: (one) => void progress.push(one),
  });
  return { said, progress, report };
};

describe("BuildKit's trace", () => {
  it("is decoded from protobuf and from rawjson to the same", () => {
    const warning = encodeField(
      4,
      message(
        encodeField(1, "a"),
        encodeField(3, "short"),
        encodeField(7, encodeField(1, encodeField(1, 3))),
      ),
    );
    const decoded = decodeTrace(
      message(
        vertex("a", "[1/1] RUN x", [encodeField(4, 1), encodeField(6, time), encodeField(7, "bad")]),
        status,
        log("a", 2, "hi"),
        warning,
      ),
    );
    const json = readRawJson(
      JSON.stringify({
        vertexes: [
          { digest: "a", name: "[1/1] RUN x", cached: true, started: "t", completed: "t", error: "bad" },
        ],
        statuses: [{ id: "sha256:abcdef0123456789", vertex: "a", current: 7, total: 9 }],
        logs: [{ vertex: "a", stream: 2, data: base64("hi") }],
        warnings: [{ short: base64("short"), range: [{ start: { line: 3 } }] }],
      }),
    );
    expect(json).to.deep.equal({
      ...decoded,
      logs: [{ vertex: "a", stream: "err", data: Buffer.from("hi") }],
    });
    expect(Buffer.from(decoded.logs[0]?.data ?? []).toString()).to.equal("hi");
    expect(decoded.warnings).to.deep.equal([{ short: "short", line: 3 }]);
  });

  it("leaves lines alone that are something else", () => {
    for (const line of ["ERROR: failed", "", "null", "3"]) expect(readRawJson(line)).to.equal(undefined);
  });
});

describe("BuildReport", () => {
  it("heads a step's lines by its name again when another one spoke in between", () => {
    const { said, report } = listen();
    const feed = (...fields: Uint8Array[]): void => report.trace(decodeTrace(message(...fields)));
    feed(
      vertex("i", "[internal] load build context"),
      vertex("a", "[a 1/1] RUN a"),
      vertex("b", "[b 1/1] RUN b"),
    );
    feed(log("a", 1, "one\ntw"), log("b", 1, "bee\n"), log("a", 1, "o\n"));
    feed(
      log("a", 2, "10%\r20%\r100%\n"),
      vertex("b", "[b 1/1] RUN b", [encodeField(6, time)]),
      vertex("c", "[c 1/1] RUN c", [encodeField(4, 1), encodeField(6, time)]),
    );
    expect(said).to.deep.equal([
      "note [a 1/1] RUN a",
      "note [b 1/1] RUN b",
      "note [a 1/1] RUN a",
      "out one",
      "note [b 1/1] RUN b",
      "out bee",
      "note [a 1/1] RUN a",
      "out two",
      "err 100%",
      "note [c 1/1] RUN c: cached",
    ]);
  });

  it("reports which step runs, each step when it is done, and the builder's own while they run", () => {
    const { progress, report } = listen();
    const feed = (...fields: Uint8Array[]): object[] => {
      report.trace(decodeTrace(message(...fields)));
      return progress.splice(0);
    };
    const own = "[internal] load build context";
    const done = encodeField(6, time);
    expect(feed(vertex("i", own), vertex("a", "[1/2] FROM x"))).to.deep.equal([
      { id: "i", step: own },
      { id: "[1/2] FROM x", step: "[1/2] FROM x" },
      at("a", "[1/2] FROM x", 0),
    ]);
    expect(feed(vertex("i", own, [done]), vertex("b", "[2/2] RUN b"))).to.deep.equal([
      { id: "[2/2] RUN b", step: "[2/2] RUN b" },
      at("b", "[2/2] RUN b", 0),
    ]);
    expect(feed(vertex("a", "[1/2] FROM x", [done])), "what still runs").to.deep.equal([
      at("a", "[2/2] RUN b", 1),
    ]);
    expect(feed(vertex("b", "[2/2] RUN b", [done]))).to.deep.equal([at("b", "[2/2] RUN b", 1)]);
  });

  it("reports the classic builder's steps, and the layers that it pulls with their bytes", () => {
    const { progress, report } = listen();
    for (const text of ["Step 1/2 : FROM x", "\n"]) report.classic(text);
    report.pulling("abc", "Downloading", { current: 3, total: 9 });
    report.pulling("abc", "Extracting", undefined);
    report.pulling("", "Pulling from x", undefined);
    expect(progress).to.deep.equal([
      { id: "Step 1/2 : FROM x", step: "Step 1/2 : FROM x" },
      { id: "abc", step: "Downloading abc", current: 3, total: 9, unit: "bytes" },
      { id: "abc", step: "Extracting abc" },
      { step: "Pulling from x" },
    ]);
  });

  it("reports layers with their bytes", () => {
    const { progress, report } = listen();
    report.trace(decodeTrace(message(vertex("a", "[1/1] FROM x"), status)));
    expect(progress.at(-1)).to.deep.equal({
      id: "a sha256:abcdef0123456789",
      step: "[1/1] FROM x: abcdef012345",
      current: 7,
      total: 9,
      unit: "bytes",
    });
  });

  it("blames the step that failed, not those that were stopped for it", () => {
    const { report } = listen();
    report.trace(
      decodeTrace(
        message(
          failed("a", "[a 1/1] RUN slow", "context canceled"),
          failed("b", "[stage-1 2/2] RUN bad", "process did not complete: exit code: 7"),
          log("b", 1, "why\n"),
        ),
      ),
    );
    const content = parseDockerfile("FROM x AS a\nFROM y\nRUN bad\n");
    expect(
      report.failure(new Error("failed to solve"), { name: "Dockerfile", content }).problem,
    ).to.deep.equal({
      code: "build/failed",
      message: "the build failed at [stage-1 2/2] RUN bad: exit code 7",
      notes: ["Dockerfile:3: RUN bad", "its last lines:\n  why"],
    });
  });

  it("names a step briefly, and what is not there without BuildKit's own numbers", () => {
    const content = parseDockerfile("FROM x\nCOPY nope /x\n");
    const failing = (step: string, error: string): string => {
      const { report } = listen();
      report.trace(decodeTrace(message(failed("a", step, error))));
      return report.failure(new Error("failed to solve"), { name: "Dockerfile", content }).message;
    };
    for (const before of ["", "failed to compute cache key: "])
      expect(
        failing(
          "[2/2] COPY nope /x",
          `${before}failed to calculate checksum of ref 1::2: "/nope": not found`,
        ),
      ).to.equal('the build failed at [2/2] COPY nope /x: "/nope": not found');
    expect(failing("exporting to client directory", "rpc error: code = Unknown desc = no room")).to.equal(
      "the build failed at exporting to client directory: no room",
    );
    const long = failing(`[2/2] RUN echo ${"x".repeat(1000)}`, "exit code: 1");
    expect(long).to.match(/^the build failed at \[2\/2\] RUN echo x+\.\.\.: exit code 1$/);
    expect(long.length).to.be.lessThan(250);
  });

  it("says which cache was not taken, and does not blame it for a step that fails", () => {
    const { said, report } = listen();
    const name = "importing cache manifest from r/x:1";
    const cache = vertex("a", name, [encodeField(6, time), encodeField(7, "connection refused")]);
    report.trace(decodeTrace(message(cache, failed("b", "[2/2] RUN false", "exit code: 1"))));
    expect(said).to.deep.equal([
      "note importing cache manifest from r/x:1",
      "note [2/2] RUN false",
      "note not taken: connection refused",
    ]);
    const content = parseDockerfile("FROM x\nRUN false\n");
    const { message: why } = report.failure(new Error("exit code: 1"), { name: "Dockerfile", content });
    expect(why).to.equal("the build failed at [2/2] RUN false: exit code 1");
  });

  it("says the line of a warning once", () => {
    const { said, report } = listen();
    const shorts = ["undefined variable '$X' (line 6)", "JSON arguments recommended"];
    const warnings = shorts.map((short) => ({ line: 8, short }));
    report.trace({ vertexes: [], statuses: [], logs: [], warnings });
    expect(said).to.deep.equal([
      "note warning: undefined variable '$X' (line 6)",
      "note warning: JSON arguments recommended (line 8)",
    ]);
  });

  it("says whose wish an image is that reads the Dockerfile", () => {
    const { report } = listen();
    report.trace(
      decodeTrace(message(failed("a", "resolve image config for r.example/x:1", "connection refused"))),
    );
    const failure = (text: string): object =>
      report.failure(new Error("failed to solve"), { name: "Dockerfile", content: parseDockerfile(text) })
        .problem;
    expect(failure("# syntax=r.example/x:1\nFROM x\n")).to.deep.equal({
      code: "build/failed",
      message: "the build failed at resolve image config for r.example/x:1: connection refused",
      help: [
        "the Dockerfile's line `# syntax` asks for that image: leave it away, or let the engine reach the registry",
      ],
      notes: [],
    });
    expect(failure("FROM x\n"), "the scanner of an SBOM").not.to.have.property("help");
  });

  it("says which FROM an image that is not there stands in, and who would build it", () => {
    const { report } = listen();
    const step = "[internal] load metadata for docker.io/library/shop-base:latest";
    report.trace(decodeTrace(message(failed("a", step, "no such host"))));
    const content = parseDockerfile(
      "FROM busybox AS tools\nRUN true\nFROM shop-base\nCOPY --from=tools /a /a\n",
    );
    expect(
      report.failure(new Error("failed to solve"), { name: "Dockerfile", content }).problem,
    ).to.deep.equal({
      code: "build/failed",
      message: `the build failed at ${step}: no such host`,
      help: [
        "is it in a registry that the engine reaches? What another section builds is built before only where that section is in parts, or named after =>",
      ],
      notes: ["Dockerfile:3: FROM shop-base"],
    });
  });

  it("takes the one FROM with a build argument in it for that of an image that no other one names", () => {
    const { report } = listen();
    const step = "[internal] load metadata for docker.io/library/nowhere:latest";
    report.trace(decodeTrace(message(failed("a", step, "no such host"))));
    const notes = (text: string) =>
      report.failure(new Error("failed to solve"), { name: "Dockerfile", content: parseDockerfile(text) })
        .problem.notes;
    expect(notes("ARG BASE\nFROM busybox AS a\nFROM ${BASE}\n")).to.deep.equal([
      "Dockerfile:3: FROM ${BASE}",
    ]);
    expect(notes("ARG BASE\nFROM $BASE AS a\nFROM x$BASE\n")).to.deep.equal([]);
  });

  it("does not blame a step that the classic builder has added for a label", () => {
    const { report } = listen();
    for (const text of ["Step 1/3 : FROM x", "\n", "Step 2/3 : LABEL a=b", "\n"]) report.classic(text);
    const failure = (dockerfile: string): object =>
      report.failure(new Error("too little memory"), {
        name: "Dockerfile",
        content: parseDockerfile(dockerfile),
      }).problem;
    const problem = {
      code: "build/failed",
      message: "the build failed: too little memory",
      notes: [],
      help: [],
    };
    expect(failure("FROM x\n")).to.deep.equal(problem);
    expect(failure("FROM x\nFROM other\n"), "with a target").to.deep.equal(problem);
  });

  it("reads podman's steps out of its text, and its reasons", () => {
    const { said, report } = listen();
    for (const text of ["STEP 1/3: FROM x\n", "STEP 2/3: RUN bad\n", "--> 0123456789ab\n", "why\n"])
      report.classic(text);
    expect(said).to.include.members(["note STEP 2/3: RUN bad", "out why"]);
    const content = parseDockerfile("FROM x\nRUN bad\n");
    const failure = (reason: string): object =>
      report.failure(new Error(reason), { name: "Dockerfile", content }).problem;
    const notes = ["Dockerfile:2: RUN bad", "its last lines:\n  why"];
    expect(failure('building at STEP "RUN bad": while running runtime: exit status 7')).to.deep.equal({
      code: "build/failed",
      message: "the build failed at STEP 2/3: RUN bad: exit code 7",
      notes,
    });
    const inner =
      'building at STEP "FETCH ": Build error: Unknown instruction: "FETCH" &imagebuilder.Step{Env:[]}';
    expect(failure(inner)).to.include({
      message: 'the build failed at STEP 2/3: RUN bad: Build error: Unknown instruction: "FETCH"',
    });
  });
});
