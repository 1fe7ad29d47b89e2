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
});
