import { hostname } from "node:os";
import { Readable } from "node:stream";
import { expect } from "chai";
import { pack } from "tar-stream";
import type { Engine } from "../../../src/docker.js";
import { variableOf } from "../../../src/recipes/stage-env.js";
import { describeCode, stageFailure } from "../../../src/recipes/stage-failure.js";
import { isShared } from "../../../src/recipes/stage-host.js";
import { parseOutMount, parseStageMount } from "../../../src/recipes/stage-mounts.js";
import { digestArchive, stageObject } from "../../../src/recipes/stage-volume.js";
import { ask } from "../../support/config.js";

const scope = {
  directory: "/b",
  home: "/home/u",
  recipeOf: (name: string) => ({ build: "docker.stage", data: "docker.volume" })[name],
};

describe("what a stage mounts", () => {
  const cases: [string, unknown][] = [
    ["build", { kind: "stage", stage: "build", target: "/build" }],
    ["build:/src", { kind: "stage", stage: "build", target: "/src" }],
    ["code", { kind: "code", target: "/code" }],
    ["data", { kind: "volume", part: "data", target: "/data", readOnly: false }],
    ["data:/var/lib/x:ro", { kind: "volume", part: "data", target: "/var/lib/x", readOnly: true }],
    ["/srv/x:/x:ro", { kind: "folder", source: "/srv/x", target: "/x", readOnly: true }],
    ["./conf:/conf", { kind: "folder", source: "/b/conf", target: "/conf", readOnly: false }],
    ["~/.ssh:/ssh:ro", { kind: "folder", source: "/home/u/.ssh", target: "/ssh", readOnly: true }],
    ["/srv/x", undefined],
    ["nothing", undefined],
  ];
  for (const [line, mount] of cases)
    it(`reads ${line}`, () => expect(parseStageMount(line, scope)).to.deep.equal(mount));
});

describe("where a stage leaves its output", () => {
  const cases: [string, unknown][] = [
    ["/dist", { kind: "own", target: "/dist" }],
    ["me", { kind: "own", target: "/me" }],
    ["me:/dist", { kind: "own", target: "/dist" }],
    ["data", { kind: "volume", part: "data", target: "/data", readOnly: false }],
    ["data:/x:ro", undefined],
    ["build", undefined],
    ["code", undefined],
    ["./conf:/conf", undefined],
  ];
  for (const [line, mount] of cases)
    it(`reads ${line}`, () => expect(parseOutMount(line, "me", scope)).to.deep.equal(mount));
});

const shared = (endpoint: string, name: string, asked?: "mount" | "copy"): Promise<boolean> =>
  isShared(
    { options: { "host-folders": asked } } as unknown as Parameters<typeof isShared>[0],
    { endpoint, info: () => Promise.resolve({ name }) } as unknown as Engine,
  );

describe("whether an engine has this machine's files", () => {
  it("is so at a socket, where it has this machine's name", async () => {
    expect(await shared("unix:///run/docker.sock", hostname())).to.equal(true);
    expect(await shared("unix:///run/docker.sock", "a-virtual-machine")).to.equal(false);
    expect(await shared("tcp://127.0.0.1:2375", hostname())).to.equal(false);
    expect(await shared("ssh://builder", hostname())).to.equal(false);
  });
  it("is so where the stage says so", async () => {
    expect(await shared("tcp://127.0.0.1:2375", "other", "mount")).to.equal(true);
    expect(await shared("unix:///run/docker.sock", hostname(), "copy")).to.equal(false);
  });
});

describe("how a stage ended", () => {
  it("names the signal", () => {
    expect([0, 3, 137, 143, 255].map(describeCode)).to.deep.equal([
      "exit code 0",
      "exit code 3",
      "exit code 137 (SIGKILL)",
      "exit code 143 (SIGTERM)",
      "exit code 255",
    ]);
  });
  it("says that memory ran out, and what to do", () => {
    const { problem } = stageFailure({
      stage: "test",
      code: 137,
      outOfMemory: true,
      memory: undefined,
      last: ["a", "b"],
    });
    expect(problem).to.deep.equal({
      code: "stage/out-of-memory",
      message: "stage test ended with exit code 137 (SIGKILL): it ran out of memory",
      notes: ["its last lines were:\na\nb"],
      help: ["give it more with memory = …"],
      option: "run",
    });
  });
});

describe("names of a stage", () => {
  it("turns a stage into a variable", () => expect(variableOf("create-stack")).to.equal("CREATE_STACK"));
  it("gives every stage an object's name that an engine allows, and none to two", () => {
    const parts = ["a", "a b", "a_b", "☃", "☂", "x".repeat(300), `${"x".repeat(299)}y`];
    const names = parts.map((part) => stageObject("0123456789abcdef", part));
    expect(new Set(names).size).to.equal(parts.length);
    for (const name of names) expect(name).to.match(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,200}$/);
  });
});

async function digest(files: Record<string, string>, mtime: Date): Promise<string> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mtime }, content);
  archive.finalize();
  return await digestArchive(Readable.from(archive as AsyncIterable<Buffer>));
}

describe("the digest of a stage's volume", () => {
  it("sees contents and names, not times or order", async () => {
    const one = await digest({ a: "1", b: "2" }, new Date(1));
    expect(await digest({ b: "2", a: "1" }, new Date(99_000))).to.equal(one);
    expect(await digest({ a: "1", b: "3" }, new Date(1))).not.to.equal(one);
    expect(await digest({ a: "1", c: "2" }, new Date(1))).not.to.equal(one);
  });
});

describe("a stage that needs a part that is not there", () => {
  it("is shown at the option that asks for it", async () => {
    const file = "[buildout]\nparts = s\n[s]\nrecipe = docker.stage\nimage = a\nafter = nosuch\n";
    expect((await ask({ "buildout.cfg": file }, { args: ["check"] })).stderr).to.equal(
      [
        "error[config/missing-section]: s needs the part nosuch (after), which does not exist (part s)",
        "  buildout.cfg:6:9",
        "6 | after = nosuch",
        "  |         ^^^^^^",
        "",
      ].join("\n"),
    );
  });
});
