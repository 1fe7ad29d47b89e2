import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { tsbuildout } from "../support/cli.js";
import { uniqueName } from "../support/engine.js";
import { startRegistry } from "../support/registry.js";
import { temporaryFolder } from "../support/tmp.js";

interface Mistake {
  readonly what: string;
  readonly cfg: string;
  readonly code: number;
  readonly stderr: string;
}

const RUN = "recipe = docker.run";

const MISTAKES: readonly Mistake[] = [
  {
    what: "a file without a section",
    cfg: "parts = web",
    code: 2,
    stderr: `error[config/missing-section-header]: there is no section header above this line
  buildout.cfg:1:1
1 | parts = web
  | ^^^^^^^^^^^
  = help: start the file with a header such as "[buildout]"
`,
  },
  {
    what: "a file without [buildout]",
    cfg: `[web]\n${RUN}\nimage = x`,
    code: 2,
    stderr: `error[config/missing-option]: [buildout] has no option "parts"
   = help: list the parts: parts = web db
`,
  },
  {
    what: "a part without a section",
    cfg: `[buildout]\nparts = wbe\n[web]\n${RUN}\nimage = x`,
    code: 2,
    stderr: `error[config/missing-section]: there is no section [wbe] for the part wbe
  buildout.cfg:2:9
2 | parts = wbe
  |         ^^^
  = help: did you mean "web"?
`,
  },
  {
    what: "an engine whose address is none, before anything is done",
    cfg: "[buildout]\nparts = data\n\n[data]\nrecipe = docker.volume\nengine-url = unix:/run/docker.sock",
    code: 2,
    stderr: `error[engine/bad-url]: "unix:/run/docker.sock" (option engine-url) is not the address of an engine (part data)
  buildout.cfg:6:14
6 | engine-url = unix:/run/docker.sock
  |              ^^^^^^^^^^^^^^^^^^^^^
  = help: write unix:///path, tcp://host:port, https://host:port or ssh://user@host
`,
  },
  {
    what: "two engines for one part",
    cfg: "[buildout]\nparts = data\n[data]\nrecipe = docker.volume\nengine-url = unix:///x\ncontext = y",
    code: 2,
    stderr: `error[engine/ambiguous]: engine-url and context both say which engine is meant (part data)
  buildout.cfg:6:11
6 | context = y
  |           ^
  = help: give one of them
`,
  },
  {
    what: "a reference to a section that is not there",
    cfg: `[buildout]\nparts = web\n[web]\n${RUN}\nimage = $<bse:x>\n[base]\nx = 1`,
    code: 2,
    stderr: `error[config/missing-section]: [web] refers to [bse], which does not exist (part web)
  buildout.cfg:5:9
5 | image = $<bse:x>
  |         ^^^^^^^^
  = help: did you mean "base"?
`,
  },
  {
    what: "a reference to an option that is not there",
    cfg: `[buildout]\nparts = web\n[web]\n${RUN}\nimage = $<base:iamge>\n[base]\nimage = x`,
    code: 2,
    stderr: `error[config/missing-option]: [base] has no option "iamge" (part web)
  buildout.cfg:5:9
5 | image = $<base:iamge>
  |         ^^^^^^^^^^^^^
  = note: [base] starts here (buildout.cfg:6)
  = help: did you mean "image"?
`,
  },
  {
    what: "an option that the recipe has not",
    cfg: `[buildout]\nparts = web\nstrict=1\n[web]\n${RUN}\nnetwroks = back`,
    code: 2,
    stderr: `error[option/required]: [web] needs the option image (part web)
  buildout.cfg:5:10
5 | recipe = docker.run
  |          ^^^^^^^^^^

error[option/unknown]: docker.run has no option "netwroks" (part web)
  buildout.cfg:6:1
6 | netwroks = back
  | ^^^^^^^^
  = help: did you mean "networks"?
`,
  },
  {
    what: "a recipe that there is not",
    cfg: "[buildout]\nparts = web\n[web]\nrecipe = docker.rnu",
    code: 2,
    stderr: `error[recipe/missing]: there is no recipe docker.rnu (part web)
  buildout.cfg:4:10
4 | recipe = docker.rnu
  |          ^^^^^^^^^^
  = help: did you mean "docker.run"?
`,
  },
  {
    what: "a circle of references",
    cfg: `[buildout]\nparts = web\n[web]\n${RUN}\nimage = $<a:x>\n[a]\nx = $<b:y>\n[b]\ny = $<a:x>`,
    code: 2,
    stderr: `error[config/circular-reference]: a:x depends on itself (part web)
  buildout.cfg:9:5
9 | y = $<a:x>
  |     ^^^^^^
  = note: a:x uses b:y (buildout.cfg:7)
  = note: b:y uses a:x (buildout.cfg:9)
`,
  },
  {
    what: "parts that wait for each other's outputs",
    cfg: `[buildout]\nparts = web\n[web]\n${RUN}\nimage = $<back:image-id>\n[back]\n${RUN}\nimage = $<web:image-id>`,
    code: 2,
    stderr: `error[config/circular-reference]: these parts wait for one another: web, back
  buildout.cfg:5:9
5 | image = $<back:image-id>
  |         ^^^^^^^^^^^^^^^^
  = note: web needs back: option image (buildout.cfg:5)
  = note: back needs web: option image (buildout.cfg:8)
  = help: a value that is known only after install cannot depend on itself: break the loop at one of these
`,
  },
  {
    what: "parts that are built from each other's images",
    cfg: "[buildout]\nparts = web back\n[web]\nrecipe = docker.build\ndockerfile-inline = FROM back\n[back]\nrecipe = docker.build\ndockerfile-inline = FROM web",
    code: 2,
    stderr: `error[config/circular-reference]: these parts wait for one another: web, back
  buildout.cfg:4:10
4 | recipe = docker.build
  |          ^^^^^^^^^^^^
  = note: web needs back: its Dockerfile takes back (buildout.cfg:4)
  = note: back needs web: its Dockerfile takes web (buildout.cfg:7)
  = help: a value that is known only after install cannot depend on itself: break the loop at one of these
`,
  },
  {
    what: "an image that is not there",
    cfg: `[buildout]\nparts = web\n[web]\n${RUN}\nimage = tsbuildout-test/not-there:1\npull-policy = never`,
    code: 1,
    stderr: `error[image/missing]: the engine has no image tsbuildout-test/not-there:1 (part web)
  buildout.cfg:5:9
5 | image = tsbuildout-test/not-there:1
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = note: pull-policy = never
`,
  },
];

describe("bad input, on the command line", () => {
  for (const { what, cfg, code, stderr } of MISTAKES)
    it(`says what is wrong with ${what}, and leaves nothing`, async () => {
      const cwd = await temporaryFolder({ "buildout.cfg": `${cfg}\n` });
      const result = await tsbuildout(["install"], { cwd });
      expect(result.stderr).to.equal(stderr);
      expect(result.code).to.equal(code);
      expect(existsSync(join(cwd, ".installed.cfg"))).to.equal(false);
    });

  it("says so where there is no file", async () => {
    const cwd = await temporaryFolder();
    const { code, stderr } = await tsbuildout([], { cwd });
    const help =
      "   = help: name another file with -c, or have tsbuildout init write one, also from what another tool reads (init --help)\n";
    expect(stderr).to.equal(`error[config/missing-file]: there is no file ${cwd}/buildout.cfg\n${help}`);
    expect(code).to.equal(2);
    expect(await readdir(cwd)).to.deep.equal([]);
  });

  it("names the engine that does not answer, why, and who named it", async () => {
    const cwd = await temporaryFolder({
      "buildout.cfg": "[buildout]\nparts = data\n[data]\nrecipe = docker.volume\n",
    });
    const { code, stderr } = await tsbuildout([], { cwd, env: { DOCKER_HOST: "unix:///nowhere.sock" } });
    expect(
      stderr,
    ).to.equal(`error[engine/unreachable]: cannot reach the Docker engine at unix:///nowhere.sock (DOCKER_HOST) (part data)
  buildout.cfg:4:10
4 | recipe = docker.volume
  |          ^^^^^^^^^^^^^
  = note: there is no such socket
  = help: is the Docker engine running? Another one is named by engine-url, context or DOCKER_HOST
`);
    expect(code).to.equal(1);
    expect(existsSync(join(cwd, ".installed.cfg"))).to.equal(false);
  });

  it("names the image that a registry has not", async () => {
    const registry = await startRegistry();
    const image = `${registry.host}/${uniqueName("none")}:1`;
    const cwd = await temporaryFolder({
      "buildout.cfg": `[buildout]\nparts = web\n[web]\n${RUN}\nimage = ${image}\n`,
    });
    const { code, stderr } = await tsbuildout([], { cwd });
    await registry.stop();
    expect(stderr).to.match(/^error\[(image|registry)\/missing\]: /);
    expect(stderr)
      .to.include(image)
      .and.not.match(/\n +at /);
    expect(code).to.equal(1);
    expect(existsSync(join(cwd, ".installed.cfg"))).to.equal(false);
  });

  it("leaves a state file alone that it cannot read", async () => {
    const files = {
      "buildout.cfg": "[buildout]\nparts =\n",
      ".installed.cfg": "garbage [[[\n",
    };
    const cwd = await temporaryFolder(files);
    const { code, stderr } = await tsbuildout([], { cwd });
    expect(stderr.split("\n")[0]).to.equal(
      `error[state/broken]: ${cwd}/.installed.cfg is not an installed-state file: line 1 cannot be read`,
    );
    expect(code).to.equal(2);
    expect(existsSync(join(cwd, ".installed.cfg"))).to.equal(true);
  });
});
