import { expect } from "chai";
import { fromDockercise } from "../../../../src/cli/init/dockercise.js";

const none = (): Promise<string> => Promise.reject(new Error("no subgraph was expected"));

describe("init --from dockercise", () => {
  it("writes a stage a key, and looks up names of the environment in capitals", async () => {
    const { text, notes } = await fromDockercise(
      [
        "a: { img: alpine, run: echo hi }\nb: { img: alpine, env: [a, aws_region], vol: a, noLog: true, dir: /a, run: ls }\n",
      ],
      none,
    );
    expect(notes).to.deep.equal([]);
    expect(text).to.contain(
      "[b]\nrecipe = docker.stage\nimage = alpine\nenv =\n    a\n    AWS_REGION\nvol = a\nno-log = true\ndir = /a\nrun = ls\n",
    );
  });

  it("merges files and follows subgraphs, each once; the later stage of a name wins", async () => {
    const asked: string[] = [];
    const { text } = await fromDockercise(
      [
        "meta: { subgraphs: [sub:1] }\na: { img: x, run: one }\n",
        "meta: { subgraphs: [sub:1] }\na: { img: x, run: two }\n",
      ],
      (image) => {
        asked.push(image);
        return Promise.resolve("from-sub: { img: y, run: three }\n");
      },
    );
    expect(asked).to.deep.equal(["sub:1"]);
    expect(text).to.contain("run = two").and.to.contain("[from-sub]").and.not.to.contain("run = one");
  });

  it("calls stages what a part may be called, wherever they are named", async () => {
    const { text, notes } = await fromDockercise(
      [
        "buildout: { img: x, run: one }\nmy stage: { img: x, run: two }\nmy-stage: { img: x, run: three }\n",
        "all: { img: x, after: [buildout, my stage], env: [my-stage], vol: 'my stage:/in', on: buildout, dir: /there, run: ls }\n",
      ],
      none,
    );
    expect(notes).to.deep.equal([
      'the stage "buildout" is called buildout-2',
      'the stage "my stage" is called my-stage-2',
    ]);
    expect(text).to.contain(
      "[all]\nrecipe = docker.stage\nimage = x\nafter =\n    buildout-2\n    my-stage-2\nenv = my-stage\nvol = my-stage-2:/in\non = buildout-2\nrun = ls\n",
    );
  });

  it("leaves scripts what they are to the shell", async () => {
    const { text } = await fromDockercise(
      ["a:\n  img: x\n  run: |\n    # $HOME\n    echo $$ $<f ${X}\n\n      done\n"],
      none,
    );
    expect(text).to.contain("run =\n    # $HOME\n    echo $$$ $$<f ${X}\n\n      done\n");
  });

  it("keeps a stage's own volume as its output, and says what it does not carry over", async () => {
    const { text, notes } = await fromDockercise(
      ["a: { img: x, outVol: [a, b], targets: [y], colour: red, run: [ls, -l] }\nb: { img: x, run: ls }\n"],
      none,
    );
    expect(text).to.contain("[a]\nrecipe = docker.stage\nimage = x\nout-vol = a\ndir = /\n\n");
    expect(notes).to.deep.equal([
      "a.outVol: b was not carried over: read a stage's volume with vol",
      "a.colour was not carried over",
      "a.run was not carried over: it is no text",
    ]);
  });
});
