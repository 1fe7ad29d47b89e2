import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { runCli } from "../../support/in-process.js";
import { temporaryFolder } from "../../support/tmp.js";

describe("help", () => {
  const cwd = "/";
  it("is a command, too", async () => {
    expect(await runCli(["help"], { cwd })).to.deep.equal(await runCli(["--help"], { cwd }));
    expect(await runCli(["help", "plan"], { cwd })).to.deep.equal(await runCli(["plan", "--help"], { cwd }));
    const { code, stderr } = await runCli(["help", "plam"], { cwd });
    expect(code).to.equal(2);
    expect(stderr).to.contain('there is no command "plam"').and.contain('did you mean "plan"?');
  });
});

describe("a word that is no command", () => {
  it("is taken for a part that somebody wants", async () => {
    const { code, stderr } = await runCli(["web"], { cwd: "/" });
    expect(code).to.equal(2);
    expect(stderr).to.equal(`error[usage/arguments]: there is no command "web"
   = help: a part is installed by tsbuildout install web
   = help: tsbuildout --help lists the commands
`);
  });

  it("is perhaps what another tool calls one of ours", async () => {
    const { code, stderr } = await runCli(["down"], { cwd: "/" });
    expect(code).to.equal(2);
    expect(stderr).to.equal(`error[usage/arguments]: there is no command "down"
   = help: did you mean "uninstall --all"?
   = help: a part is installed by tsbuildout install down
   = help: tsbuildout --help lists the commands
`);
  });
});

describe("an option or a command that there is not", () => {
  for (const [argv, problem, help] of [
    [["install", "--reinstal", "web"], "there is no option --reinstal", "--reinstall"],
    [["install", "--force-recreate"], "there is no option --force-recreate", "--reinstall PART"],
    [["install", "-replace=web"], "there is no option -replace", "--replace"],
    [["-f", "x.cfg"], "there is no option -f", "-c"],
    [["up", "-d"], 'there is no command "up"', "install"],
    [["bootstrap"], 'there is no command "bootstrap"', "install"],
  ] as const)
    it(`is told: ${argv.join(" ")}`, async () => {
      const { code, stderr } = await runCli(argv, { cwd: "/" });
      expect(code).to.equal(2);
      expect(stderr)
        .to.match(/^error\[usage\/arguments\]: /)
        .and.contain(`: ${problem}\n   = help: did you mean "${help}"?\n`);
    });
});

describe("an option of install", () => {
  it("needs no word install", async () => {
    const config = "[buildout]\nparts = data\n[data]\nrecipe = docker.volume\n";
    const cwd = await temporaryFolder({ "buildout.cfg": config });
    for (const argv of [
      ["--reinstall", "dat"],
      ["--reinstall=dat", "install"],
    ])
      expect((await runCli(argv, { cwd })).stderr).to.contain("there is no part dat\n");
  });
});

describe("a configuration from standard input, -c -", () => {
  it("stands in the current folder", async () => {
    const cwd = await temporaryFolder({ "base.cfg": "[a]\nrecipe = docker.volume\nname = x-$<a:label>\n" });
    const input = "[buildout]\nextends = base.cfg\nparts = a\n[a]\nlabel = y\nnmae = z\n";
    const ask = (...args: string[]) => runCli(["-c", "-", ...args], { cwd, input });
    expect((await ask("query", "a:name")).stdout).to.equal("x-y\n");
    expect((await ask("query", "buildout:directory")).stdout).to.equal(`${cwd}\n`);
    expect((await ask("check")).stderr).to.contain("\n  -:6:1\n6 | nmae = z\n");
    // It may say that the state lies elsewhere.
    expect(
      (await runCli(["-c", "-", "uninstall", "--all"], { cwd, input: "[buildout]\nbroken\n" })).stderr,
    ).to.contain("error[config/parse-error]: ");
  });
});

describe("recipes of a recipe that cannot be loaded", () => {
  it("tells what is wrong with it, as a run does", async () => {
    const cwd = await temporaryFolder({ "broken.mjs": "throw new Error('it does not work');" });
    const { code, stderr } = await runCli(["recipes", "./broken.mjs"], { cwd });
    expect(code).to.equal(2);
    expect(stderr).to.equal(`error[recipe/broken]: cannot load recipe ./broken.mjs: it does not work
   = help: it was thrown at ${cwd}/broken.mjs:1
`);
  });
});

describe("a file that cannot be written", () => {
  it("is no bug", async () => {
    const cwd = await temporaryFolder({ "buildout.cfg": "[buildout]\nparts =\n", "in-the-way": "" });
    expect((await runCli(["install"], { cwd })).code).to.equal(0);
    for (const [argv, call] of [
      [["report", "-o", "in-the-way/x.html"], "open"],
      [["init", "--recipe", "own", "in-the-way/own"], "mkdir"],
    ] as const) {
      const { code, stderr } = await runCli(argv, { cwd });
      const path = join(cwd, argv.at(-1)!);
      expect(stderr).to.equal(`error[system/failed]: ENOTDIR: not a directory, ${call} '${path}'\n`);
      expect(code).to.equal(2);
    }
  });
});

describe("what is read on a terminal", () => {
  for (const argv of [
    ["--help"],
    ["install", "--help"],
    ["report", "--help"],
    ["recipes"],
    ["recipes", "docker.volume"],
  ])
    it(`is no wider than 80 columns by tsbuildout ${argv.join(" ")}`, async () => {
      const { stdout } = await runCli(argv, { cwd: "/" });
      expect(stdout.split("\n").filter((line) => line.length > 80)).to.deep.equal([]);
    });

  it("has what a command means beside its name on every line", async () => {
    const { stdout } = await runCli(["--help"], { cwd: "/" });
    expect(stdout).to.contain(`
  plan [part ...]             Show what install would do, and why; changes
                              nothing.
  status `);
  });
});

describe("init --recipe", () => {
  it("refuses a name that no buildout file could use", async () => {
    const { code, stderr } = await runCli(["init", "--recipe", "docker.mine"], {
      cwd: await temporaryFolder(),
    });
    expect(code).to.equal(2);
    expect(stderr).to.contain(
      '"docker.mine" cannot be the name of a package: docker.… are the built-in recipes',
    );
  });
});

describe("a variable that is not set", () => {
  it("is told once, with the parts that ask for it", async () => {
    const web = "recipe = docker.run\nimage = x:$<env:TAG>\n";
    const parts = `[a1]\n${web}env = Q=$<env:Q>\n[a2]\n${web}`;
    const cwd = await temporaryFolder({ "buildout.cfg": `[buildout]\nparts = a1 a2\n${parts}` });
    const { code, stderr } = await runCli(["plan"], { cwd });
    expect(code).to.equal(2);
    expect(
      stderr,
    ).to.equal(`error[config/missing-environment]: the environment variable TAG is not set (parts a1, a2)
  buildout.cfg:5:11
5 | image = x:$<env:TAG>
  |           ^^^^^^^^^^
  = help: set TAG in the environment, or give a fallback: $<env:TAG|value>

error[config/missing-environment]: the environment variable Q is not set (part a1)
  buildout.cfg:6:9
6 | env = Q=$<env:Q>
  |         ^^^^^^^^
  = help: set Q in the environment, or give a fallback: $<env:Q|value>
`);
  });
});

describe("init --from compose", () => {
  it("writes nothing of a file without services, and says which of them are none", async () => {
    const cwd = await temporaryFolder({
      "empty.yaml": "",
      "odd.yaml": "services:\n  a: 5\n  b: {image: x}\n",
    });
    const { code, stderr } = await runCli(["init", "--from", "compose", "empty.yaml"], { cwd });
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      "error[usage/arguments]: there is no service in empty.yaml\n   = help: they stand below services:\n",
    );
    const odd = await runCli(["init", "--from", "compose", "odd.yaml"], { cwd });
    expect(odd).to.include({
      code: 0,
      stderr:
        "note: services.a says nothing of a service\n" +
        "note: docker compose down, without -v, before the first run: its containers hold the same volumes\n",
    });
  });

  it("takes one document, and no notice of tags that are for several files", async () => {
    const cwd = await temporaryFolder({
      "two.yaml": "services: {web: {image: x}}\n---\nservices: {db: {image: x}}\n",
      "tags.yaml": "services: {web: {image: x, ports: !reset [], environment: {A: !reset null}}}\n",
    });
    const { code, stderr } = await runCli(["init", "--from", "compose", "two.yaml"], { cwd });
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      "error[usage/arguments]: two.yaml has several documents\n" +
        "   = help: make one of them, as docker compose config does of a Compose file\n",
    );
    const warned: Error[] = [];
    const listen = (warning: Error) => void warned.push(warning);
    process.on("warning", listen);
    try {
      expect(await runCli(["init", "--from", "compose", "tags.yaml"], { cwd })).to.include({ code: 0 });
      await new Promise(setImmediate);
    } finally {
      process.off("warning", listen);
    }
    expect(warned).to.deep.equal([]);
  });

  it("takes the project's name and its files from .env and the environment, as Compose does", async () => {
    const cwd = await temporaryFolder({
      "compose.yaml": "services: {web: {image: '$X:$TAG', environment: ['A=${TAG:-b}']}}\n",
      "compose.override.yaml": "",
      "deploy.yaml": "services: {job: {image: x, profiles: [jobs]}}\n",
      ".env": "COMPOSE_PROJECT_NAME=shop\nTAG=1\n",
    });
    const one =
      "docker compose config --no-interpolate --no-path-resolution > FILE makes one file of all; take that";
    const { stderr } = await runCli(["init", "--from", "compose"], { cwd });
    expect(stderr).to.contain(`note: compose.override.yaml was not carried over: ${one}\n`);
    expect(await readFile(join(cwd, "buildout.cfg"), "utf8"))
      .to.contain("name = shop_default\n")
      .and.contain("image = $<env:X|>:$<env:TAG>\nenv = A=$<env:TAG|b>\n");
    const env = {
      COMPOSE_PROJECT_NAME: "other",
      COMPOSE_FILE: "deploy.yaml:compose.yaml",
      COMPOSE_PROFILES: "jobs",
    };
    const other = await runCli(["init", "--from", "compose", "-c", "b.cfg"], { cwd, env });
    expect(other.stderr).to.contain(`note: compose.yaml was not carried over: ${one}\n`);
    expect(await readFile(join(cwd, "b.cfg"), "utf8"))
      .to.contain("name = other_default\n")
      .and.contain("    job\n#");
    // A file that is named stands alone.
    const named = await runCli(["init", "--from", "compose", "-c", "c.cfg", "compose.yaml"], { cwd });
    expect(named.stderr).not.to.contain("was not carried over");
  });

  it("says where it found no file", async () => {
    const { code, stderr } = await runCli(["init", "--from", "compose"], { cwd: await temporaryFolder() });
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      "error[usage/arguments]: there is no Compose file here\n   = help: name it: tsbuildout init --from compose FILE\n",
    );
  });
});
