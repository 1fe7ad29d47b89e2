import { expect } from "chai";
import { fromDockercise } from "../../../../src/cli/init/dockercise.js";

const none = (): Promise<string> => Promise.reject(new Error("no subgraph was expected"));

const always = (stages: string): string =>
  `${stages}: always = true, as nothing here would show that what they bring has changed`;

describe("init --from dockercise", () => {
  it("writes a stage a key, and looks up names of the environment in capitals", async () => {
    const { text, notes } = await fromDockercise(
      [
        "a: { img: alpine, run: echo hi }\nb: { img: alpine, env: [a, aws_region], vol: a, noLog: true, dir: /a, run: ls }\n",
      ],
      none,
    );
    expect(notes).to.deep.equal([always("a")]);
    expect(text).to.contain(
      "[a]\nrecipe = docker.stage\nimage = alpine\ndir = /\nalways = true\nrun = echo hi\n",
    );
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
      always("buildout-2, my-stage-2, my-stage"),
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
    expect(text).to.contain("[a]\nrecipe = docker.stage\nimage = x\nout-vol = a\ndir = /\nalways = true\n\n");
    expect(notes).to.deep.equal([
      "a.outVol: b was not carried over: read a stage's volume with vol",
      "a.colour was not carried over",
      "a.run was not carried over: it is no text",
      always("a, b"),
    ]);
  });

  it("runs at every install what uses nothing that is looked at, and no more", async () => {
    const { text } = await fromDockercise(
      [
        "clone: { img: x, env: [REGION], vol: '/srv:/srv', run: git clone }\nbase: { img: x, run: ls }\n",
        "lint: { img: x, vol: code, run: ls }\ntest: { img: x, on: code, run: ls }\nbuild: { img: x, vol: 'clone:/in', run: ls }\n",
        "deploy: { img: x, after: test, run: ls }\nreport: { img: x, env: [clone], run: ls }\nall: { after: [deploy] }\n",
      ],
      none,
    );
    expect([...text.matchAll(/^\[(.*)\]\n(?:.+\n)*?always = true$/gm)].map(([, name]) => name)).to.deep.equal(
      ["clone", "base"],
    );
  });

  it("keeps keys secret that stages hand on, with where they come from", async () => {
    const { text, notes } = await fromDockercise(
      [
        "role: { img: x, run: aws sts assume-role }\nparsed: { img: x, after: role, run: cut /out/role }\n",
        "api_token: { img: x, after: parsed, run: cat out/parsed | cut -c2- }\nrole-2: { img: x, run: date }\n",
        "use: { img: x, env: [api_token], run: cat out/role-2 }\nrotate-secret: { img: x, run: echo rotated }\n",
      ],
      none,
    );
    expect([...text.matchAll(/^\[(.*)\]\n(?:.+\n)*?secret = true$/gm)].map(([, name]) => name)).to.deep.equal(
      ["role", "parsed", "api_token"],
    );
    expect(notes).to.include(
      "api_token, parsed, role: secret = true, which keeps what they print out of logs and records",
    );
  });

  it("gives AWS credentials to stages that call aws and have no keys of their own", async () => {
    const { text, notes } = await fromDockercise(
      [
        "who: { img: x, run: 'true && aws sts get-caller-identity' }\nlaws: { img: x, run: make laws now }\n",
        "keys: { img: x, env: [aws_access_key_id], run: aws s3 ls }\n",
      ],
      none,
    );
    expect(text.match(/aws-credentials/g)).to.have.length(1);
    expect(notes).to.include(
      "who: aws-credentials = true, which hands on your AWS credentials; dockercise gave ~/.aws to every stage",
    );
  });
});
