import { chown, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { testBuildout, type TestBuildout } from "../../../src/testing.js";
import { startTsbuildout, tsbuildout } from "../../support/cli.js";
import { engineHas, engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { failing } from "../../support/image-buildout.js";
import { ensureBaseImage } from "../../support/images.js";
import { NOBODY } from "../../support/other-user.js";
import { tcpProxy } from "../../support/proxies.js";
import { temporaryFolder } from "../../support/tmp.js";

/** A file of stages; `[base]` says the image that they all run in. */
const stages = (parts: string, ...sections: string[]): string =>
  [`[buildout]\nparts = ${parts}\nsubstitution = angle`, `[base]\nimg = ${image}`, ...sections].join("\n\n");
const stage = (name: string, ...lines: string[]): string =>
  [`[${name}]`, "<= base", "recipe = docker.stage", ...lines].join("\n");

/** Buildout files of which there are several in one folder. */
const beside = (installed: string): string => `[buildout]\ninstalled = ${installed}\n${stages("app see")}
[app]\nrecipe = docker.build\nname = ${uniqueName("tsb-side")}\nsource = .\n
${stage("see", "vol = code", "run = ls -A /code")}`;
const talking = (name: string, more = ""): string => {
  const sections = [stage("a", `run = echo ${name}`), stage("b", "after = a", `run = cat /out/a ${more}`)];
  return `[buildout]\ninstalled = .installed-${name}.cfg\n${stages("b", ...sections)}`;
};

const two = (a: string, b: string): string => stages("b", stage("a", a), stage("b", "vol = a", b));

const late = (...lines: string[]): string =>
  stages("a", stage("a", ...lines, "timeout = 8", "run =", "  echo almost", "  sleep 1000"));

const chain = (word: string): string =>
  stages(
    "c",
    stage("a", `run = echo ${word} >/dev/null; echo same; echo same > $OUT/f`),
    stage("b", "env = a", "vol = a", "run = echo $A"),
    stage("c", "env = b", "run = echo $B"),
  );

let image: string;

/** The docker CLI's. */
const settings = (httpProxy: string): string => JSON.stringify({ proxies: { default: { httpProxy } } });

describe("docker.stage", () => {
  let buildout: TestBuildout;
  before(async () => {
    image = await ensureBaseImage();
  });
  afterEach(async () => {
    await buildout?.uninstall();
    await buildout?.dispose();
  });
  async function make(
    config: string,
    rest: { env?: Record<string, string>; files?: Record<string, string> } = {},
  ) {
    const env = { ...process.env, ...rest.env };
    buildout = await testBuildout({ config, env, ...(rest.files ? { files: rest.files } : {}) });
    return buildout;
  }
  /** Runs one of several buildout files, and gives what is said. */
  const of = async (file: string, ...command: string[]): Promise<string> => {
    const [words, { directory: cwd }] = [command.length > 0 ? command : ["install"], buildout];
    return (await tsbuildout(["-c", file, ...words], { cwd })).stdout;
  };
  const ends = async (): Promise<Record<string, string>> => {
    buildout.events.length = 0;
    const summary = await buildout.install();
    return Object.fromEntries(summary.parts.map(({ part, end }) => [part, end]));
  };
  const why = async (part: string): Promise<string | undefined> =>
    (await buildout.install()).parts.find((one) => one.part === part)?.why;
  const output = async (part: string, name: string): Promise<string | undefined> =>
    (await buildout.records()).get(part)?.outputs[name];
  async function mistakes(config: string, env: Record<string, string> = {}): Promise<string[]> {
    await make(config, { env });
    try {
      await buildout.install();
    } catch (error) {
      return (error as { diagnostics: { code: string; message: string }[] }).diagnostics.map(
        ({ code, message }) => `${code}: ${message}`,
      );
    }
    return [];
  }

  const since = async (...changed: string[]): Promise<string[]> => {
    buildout.events.length = 0;
    const { parts } = await buildout.install({ changed });
    return parts.map(({ part, end, why }) => [part, end, ...(end === "done" ? [why] : [])].join(" "));
  };

  it("finds the order by what stages use, and hands on output, files and volumes", async () => {
    await make(
      stages(
        "last",
        stage("make-it", "run =", "    echo hello", "    echo oops >&2", "    echo data > $OUT/file"),
        stage(
          "work",
          "on = make-it",
          "output-files = answer result/answer.txt",
          "run =",
          "    pwd",
          "    cat file",
          "    mkdir result; echo 42 > result/answer.txt",
        ),
        stage(
          "last",
          "env =",
          "    make-it",
          "    X=a=b",
          "vol =",
          "    make-it",
          "    work:/w",
          "run =",
          "    echo $MAKE_IT $X $OUT",
          "    cat /make-it/file /w/file /out/make-it /out/make-it.err",
          "    echo $<work:answer>",
          "    touch /make-it/x /out/x || echo read-only",
        ),
      ),
    );
    expect(await ends()).to.deep.equal({ "make-it": "done", work: "done", last: "done" });
    expect(buildout.log("work")).to.deep.equal(["/work", "data"]);
    expect(buildout.log("last").filter((line) => !line.startsWith("touch:"))).to.deep.equal([
      "hello a=b /last",
      "data",
      "data",
      "hello",
      "oops",
      "42",
      "read-only",
    ]);
    expect(await output("make-it", "stdout")).to.equal("hello");
    expect(
      await engineHas(`/containers/${await output("last", "volume")}/json`),
      "a stage's container stays",
    ).to.equal(false);
    expect(await engineHas(`/volumes/${await output("last", "volume")}`)).to.equal(true);
  });

  it("runs again only what a change reaches: a result that is the same stops it", async () => {
    await make(chain("one"));
    expect(await ends()).to.deep.equal({ a: "done", b: "done", c: "done" });
    expect(await ends()).to.deep.equal({ a: "unchanged", b: "unchanged", c: "unchanged" });
    await buildout.write(chain("two"));
    expect(await ends()).to.deep.equal({ a: "done", b: "unchanged", c: "unchanged" });
    await buildout.write(chain("two").replace("echo same;", "echo other;"));
    expect(await ends()).to.deep.equal({ a: "done", b: "done", c: "done" });
  });

  it("sees the buildout's folder as code, and with triggers only what concerns it", async () => {
    const config = stages(
      "all some",
      stage("all", "vol = code", "run = cat /code/a.txt"),
      stage("some", "vol = code", "triggers = *.md", "run = cat /code/b.md"),
    );
    await make(config, { files: { "a.txt": "1\n", "b.md": "x\n" } });
    expect(await ends()).to.deep.equal({ all: "done", some: "done" });
    expect(buildout.log("all")).to.deep.equal(["1"]);
    expect(await ends()).to.deep.equal({ all: "unchanged", some: "unchanged" });
    await writeFile(`${buildout.directory}/a.txt`, "2\n");
    expect(await ends()).to.deep.equal({ all: "done", some: "unchanged" });
  });

  it("sees no code in the installed-state files of buildouts side by side, nor does a build", async () => {
    const files = {
      Dockerfile: `FROM ${image}\nCOPY . /\n`,
      "deploy.cfg": beside(".installed-deploy.cfg"),
      "kept/a": "",
    };
    await make(beside("kept/ci.cfg"), { files });
    try {
      await of("buildout.cfg");
      await of("deploy.cfg");
      expect(await of("deploy.cfg")).to.include("nothing changed: 2 unchanged");
      expect(await of("buildout.cfg")).to.include("nothing changed: 2 unchanged");
    } finally {
      await of("deploy.cfg", "uninstall", "--all");
    }
  });

  it("tells stages of one name apart in buildouts side by side, and leaves the other's files when it goes", async () => {
    await make(talking("ci"), { files: { "deploy.cfg": talking("deploy") } });
    await of("buildout.cfg");
    await of("deploy.cfg");
    await buildout.write(talking("ci", "#"));
    expect(await of("buildout.cfg"))
      .to.include("b | ci\n")
      .and.to.include("1 updated, 1 unchanged");
    await of("deploy.cfg", "uninstall", "--all");
    expect(await of("buildout.cfg")).to.include("nothing changed: 2 unchanged");
  });

  it("runs what a changed file triggers, and what needs it", async () => {
    await make(
      stages(
        "b c",
        stage("a", "triggers = src/**", "run = echo a"),
        stage("b", "env = a", "run = echo $A"),
        stage("c", "triggers = docs/*", "run = echo c"),
      ),
    );
    await ends();
    expect(await since("README.md")).to.deep.equal([]);
    expect(await since("src/x/y.ts")).to.deep.equal(["a done triggered by src/x/y.ts", "b unchanged"]);
    expect(await since("docs/a.md")).to.deep.equal(["c done triggered by docs/a.md"]);
  });

  it("looks at all where nothing says which files concern it", async () => {
    await make(
      stages("a b", stage("a", "always = true", "run = echo a"), stage("b", "vol = code", "run = echo b")),
      {
        files: { "x.txt": "1\n" },
      },
    );
    expect(await since("x.txt")).to.deep.equal(["a done not installed yet", "b done not installed yet"]);
    expect(await since("x.txt")).to.deep.equal(["a done it runs at every install", "b unchanged"]);
  });

  it("shows the last lines of one that takes too long", async () => {
    for (const [secret, last] of [
      ["false", "almost"],
      ["true", "(its output is secret)"],
    ] as const)
      expect(await failing(await make(late(`secret = ${secret}`)))).to.equal(
        `part/timeout: not done within 8 seconds\nnote: its last lines were:\n${last}\nhelp: give it more time with the option timeout`,
      );
  });

  it("fails with any code but 0, names the signal, and shows the last lines", async () => {
    await make(stages("a", stage("a", "run = echo before; sh -c 'kill -9 $$$$'")));
    expect(await why("a")).to.equal("stage a ended with exit code 137 (SIGKILL)");
    await buildout.write(stages("a", stage("a", "run = exit 3")));
    expect(await why("a")).to.equal("stage a ended with exit code 3");
    expect((await buildout.records()).size).to.equal(0);
  });

  it("says what did not start, and where output is that is too long for a variable", async () => {
    await make(stages("a", stage("a", "shell = /bin/nosuch", "run = true")));
    expect(await why("a")).to.match(
      /^stage a did not start: exec: "\/bin\/nosuch": .*no such file or directory/,
    );
    await buildout.write(stages("b", stage("b", "run = head -c 70000 /dev/zero | tr '\\0' x")));
    await ends();
    expect(buildout.log("b").at(-1)).to.equal(
      "it printed more than 65536 bytes: too much for a variable, other stages find it in /out/b",
    );
  });

  it("says that memory ran out", async () => {
    await make(
      stages(
        "a",
        stage(
          "a",
          "memory = 16m",
          "memory-swap = 16m",
          "run = tail -c 100000000 /dev/zero | wc -c; x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo no",
        ),
      ),
    );
    expect(await why("a")).to.match(
      /^stage a ended with exit code \d+( \(SIG\w+\))?: (most likely )?it ran out of memory( \(memory = 16m\))?$/,
    );
  });

  it("tries again as often as it may", async () => {
    await make(
      stages(
        "b",
        stage("a", "run = echo x"),
        stage(
          "b",
          "after = a",
          "retries = 2",
          "mounts = type=bind,source=/tmp,target=/shared",
          "run =",
          "    echo try >> /shared/tsb-$TSBUILDOUT_RUN_ID",
          "    test $(wc -l < /shared/tsb-$TSBUILDOUT_RUN_ID) = 3 && rm /shared/tsb-$TSBUILDOUT_RUN_ID",
        ),
      ),
    );
    expect(await ends()).to.deep.equal({ a: "done", b: "done" });
    expect(buildout.log("b")).to.deep.equal([
      "it failed (exit code 1), try 2 of 3",
      "it failed (exit code 1), try 3 of 3",
    ]);
  });

  it("lets a stage fail that never fails, and runs the last one in any case", async () => {
    await make(
      stages(
        "clean",
        stage("soft", "never-fail = true", "run = exit 9"),
        stage("hard", "after = soft", "run = exit 1"),
        stage("after-hard", "after = hard", "run = true"),
        stage("clean", "finally = true", "after = hard", "run = echo cleaned"),
      ),
    );
    expect(await ends()).to.deep.equal({ soft: "done", hard: "failed", clean: "done" });
    expect(await output("soft", "exit-code")).to.equal("9");
    expect(await ends()).to.include({ soft: "unchanged", clean: "done" });
  });

  it("runs every time where it is told to", async () => {
    await make(
      stages(
        "a b c",
        stage("a", "always = true", "run = true"),
        stage("b", "cache = false", "run = true"),
        stage("c", "run = true"),
      ),
    );
    await ends();
    expect(await ends()).to.deep.equal({ a: "done", b: "done", c: "unchanged" });
  });

  it("keeps a secret output out of logs, events and state, and hands it on", async () => {
    await make(
      stages(
        "b",
        stage("a", "secret = true", "run = printf 's3cr3t-%s' value"),
        stage("b", "env = a", "run = echo got $A; test ${#A} = 12"),
      ),
    );
    expect(await ends()).to.deep.equal({ a: "done", b: "done" });
    const state = await readFile(`${buildout.directory}/.installed.cfg`, "utf8");
    expect(state + JSON.stringify(buildout.events)).not.to.contain("s3cr3t-value");
    expect(buildout.log("b")).to.deep.equal(["got ***"]);
    expect(await ends()).to.deep.equal({ a: "unchanged", b: "unchanged" });
  });

  it("keeps a secret output from others, be there files of a run that was killed", async () => {
    await make(stages("a", stage("a", "secret = true", "always = true", "run = echo s3cr3t")));
    expect(await ends()).to.deep.equal({ a: "done" });
    const out = join(buildout.directory, ".tsbuildout/out");
    const file = join(out, ...(await readdir(out)), "a");
    await writeFile(`${file}.new`, "", { mode: 0o644 });
    expect(await ends()).to.deep.equal({ a: "done" });
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
  });

  it("works on what another stage has left beside one of whatever name", async () => {
    const waits = "run = until test -e /out/a; do sleep 0.1; done";
    await make(
      stages(
        "a a.source",
        stage("b", "run = echo made > $OUT/f"),
        stage("a", "on = b", "run = cat f"),
        stage("a.source", waits, "timeout = 60"),
      ),
    );
    const summary = await buildout.install({ jobs: 2 });
    expect(summary.parts.map(({ part, end }) => `${part} ${end}`)).to.have.members([
      "b done",
      "a done",
      "a.source done",
    ]);
  });

  it("takes variables from the environment by name, and AWS credentials only where it may", async () => {
    const env = { TSB_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "AKIAEXAMPLEKEY" };
    await make(
      stages(
        "a b",
        stage("a", "env = TSB_REGION", "run = echo $TSB_REGION $AWS_ACCESS_KEY_ID"),
        stage("b", "aws-credentials = true", "run = echo ${#AWS_ACCESS_KEY_ID}"),
      ),
      { env },
    );
    await ends();
    expect(buildout.log("a")).to.deep.equal(["eu-west-1"]);
    expect(buildout.log("b")).to.deep.equal(["14"]);
  });

  it("shows and records no AWS key that it has been given, whatever its script prints", async () => {
    const env = {
      AWS_SECRET_ACCESS_KEY: "tsb-secret-key",
      AWS_SESSION_TOKEN: "tsb-token",
      AWS_REGION: "eu-west-1",
    };
    const run = "run = echo $AWS_REGION $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN";
    await make(stages("a", stage("a", "aws-credentials = true", run)), { env });
    await ends();
    expect(buildout.log("a")).to.deep.equal(["eu-west-1 *** ***"]);
    const recorded = JSON.stringify([...(await buildout.records()).values()]);
    expect(recorded).to.not.match(/tsb-secret-key|tsb-token/);
  });

  it("has the proxies of the docker CLI's settings, and they are nothing that it is run again for", async () => {
    const folder = await temporaryFolder({
      "config.json": settings("http://ann:correct-horse@10.0.0.1:3128"),
    });
    const run = "run = echo $http_proxy $HTTP_PROXY";
    await make(stages("a", stage("a", "env = HTTP_PROXY=own", run)), { env: { DOCKER_CONFIG: folder } });
    expect(await ends()).to.deep.equal({ a: "done" });
    expect(buildout.log("a")).to.deep.equal(["http://ann:***@10.0.0.1:3128 own"]);
    await writeFile(`${folder}/config.json`, settings("http://10.0.0.2:3128"));
    expect(await ends()).to.deep.equal({ a: "unchanged" });
  });

  it("mounts a volume part for writing", async () => {
    await make(
      stages(
        "b",
        "[data]\nrecipe = docker.volume\nname = tsb-stage-data",
        stage("a", "vol = data", "run = echo kept > /data/x"),
        stage("b", "after = a", "vol = data:/d:ro", "run = cat /d/x"),
      ),
    );
    expect(await ends()).to.deep.equal({ data: "done", a: "done", b: "done" });
    expect(buildout.log("b")).to.deep.equal(["kept"]);
  });

  it("tells an empty volume from one that holds something, however it was put there", async () => {
    const scripts = {
      nothing: "true",
      gone: "touch $OUT/x; rm $OUT/x",
      copied: "mkdir /tmp/d; echo x > /tmp/d/x; touch -d 2020-01-01 /tmp/d; cp -a /tmp/d/. $OUT",
      file: "echo x > $OUT/x",
    };
    const names = Object.keys(scripts);
    await make(
      stages(names.join(" "), ...Object.entries(scripts).map(([name, run]) => stage(name, `run = ${run}`))),
    );
    await ends();
    const digests = await Promise.all(names.map(async (name) => await output(name, "volume-digest")));
    expect(digests[0]).to.equal(digests[1]);
    expect(digests[2]).to.not.equal(digests[0]);
    expect(digests[2]).to.equal(digests[3]);
  });

  it("leaves its output where out-vol says, and writes no other stage's", async () => {
    await make(
      stages(
        "b",
        "[data]\nrecipe = docker.volume\nname = tsb-stage-out",
        stage(
          "a",
          "out-vol =",
          "    a",
          "    /app/dist",
          "    a:/also",
          "    data",
          "run = echo x > /app/dist/f; cat /also/f $OUT/f; echo y > /data/g",
        ),
        stage("b", "vol =", "    a", "    data:/d:ro", "run = cat /a/f /d/g"),
      ),
    );
    expect(await ends()).to.deep.equal({ data: "done", a: "done", b: "done" });
    expect(buildout.log("a")).to.deep.equal(["x", "x"]);
    expect(buildout.log("b")).to.deep.equal(["x", "y"]);
    await buildout.uninstall();
    await buildout.dispose();
    expect(
      await mistakes(stages("b", stage("a", "run = true"), stage("b", "out-vol = a", "run = true"))),
    ).to.deep.equal(['stage/no-volume: "a" is nothing that stage b may write into']);
  });

  it("runs again when its volume has gone, and leaves nothing behind when it goes", async () => {
    await make(stages("a", stage("a", "run = echo x > $OUT/x")));
    await ends();
    const volume = await output("a", "volume");
    await engineRemove("volumes", volume!);
    expect((await buildout.plan()).steps[0]?.reasons).to.deep.equal([`its volume ${volume} is gone`]);
    expect(await ends()).to.deep.equal({ a: "done" });
    await buildout.uninstall();
    expect(await engineHas(`/volumes/${volume}`)).to.equal(false);
  });

  it("removes no volume and no container that somebody else has put in the place of its own", async () => {
    await make(stages("a", stage("a", "run = echo 1 > $OUT/x")));
    await ends();
    const volume = (await output("a", "volume"))!;
    await engineRemove("volumes", volume);
    const Labels = { who: "else" };
    await engineJson({ method: "POST", path: "/volumes/create", body: { Name: volume, Labels } });
    const path = `/containers/create?name=${volume}`;
    const { Id } = await engineJson<{ Id: string }>({ method: "POST", path, body: { Image: image } });
    try {
      await buildout.write(stages("a", stage("a", "run = echo 2 > $OUT/x")));
      expect(await ends(), "the name of its container is taken").to.deep.equal({ a: "failed" });
      await buildout.uninstall();
      expect((await engineJson<{ Id: string }>({ path: `/containers/${volume}/json` })).Id).to.equal(Id);
      const left = await engineJson<{ Labels: object }>({ path: `/volumes/${volume}` });
      expect(left.Labels).to.deep.equal(Labels);
    } finally {
      await engineRemove("containers", volume);
      await engineRemove("volumes", volume);
    }
  });

  it("says what is wrong before anything runs", async () => {
    expect(await mistakes(stages("a", stage("a", "env = TSB_UNSET", "run = true")))).to.deep.equal([
      'stage/env-unset: "TSB_UNSET" is neither a stage nor a variable of the environment',
    ]);
    await buildout.dispose();
    expect(await mistakes("[buildout]\nparts = a\n[a]\nrecipe = docker.stage\n")).to.deep.equal([
      "stage/no-image: stage a has no image, and waits for no other stage",
    ]);
    await buildout.dispose();
    expect(
      await mistakes(stages("a", stage("a", "vol = nothing", "on = nowhere", "run = true"))),
    ).to.deep.equal([
      'stage/no-volume: "nothing" is neither a stage, nor a docker.volume part, nor a folder',
      'stage/no-volume: "nowhere" is not a stage',
    ]);
    for (const name of ["..", "a.err", "a.new", "a".repeat(248)]) {
      await buildout.dispose();
      expect(await mistakes(stages(name, stage(name, "run = true")))).to.deep.equal([
        `stage/name: a stage cannot be called "${name}": its name is a folder's and a file's`,
      ]);
    }
  });

  it("runs for a user who is not root, on an engine that has this machine's files", async () => {
    const proxy = await tcpProxy();
    try {
      await make(stages("a", stage("a", "host-folders = mount", "run = echo hello")));
      const { directory: cwd } = buildout;
      if (process.geteuid?.() === 0) await chown(cwd, NOBODY, NOBODY);
      const env = { DOCKER_HOST: `tcp://127.0.0.1:${proxy.port}` };
      const { code, stdout, stderr } = await tsbuildout(["install"], { cwd, env, user: NOBODY });
      expect(code, stderr).to.equal(0);
      expect(stdout).to.include("a | hello\n");
    } finally {
      await proxy.close();
    }
  });

  it("gets what it needs by copies where the engine is elsewhere", async () => {
    const proxy = await tcpProxy();
    try {
      const env = { AWS_ACCESS_KEY_ID: "AKIAEXAMPLEKEY" };
      const config = stages(
        "all own",
        stage("said", "run = echo hello; echo oops >&2"),
        stage(
          "all",
          "after = said",
          "vol = code",
          "aws-credentials = true",
          "read-only = true",
          "run =",
          "    cat /out/said /out/said.err /code/sub/a.txt /root/.aws/config",
          "    ls -A /code; echo z > /code/here",
        ),
        stage("own", "on = code", "after = all", "run = ls -A; cat sub/a.txt"),
      ).replace("[buildout]", `[buildout]\nengine-url = tcp://127.0.0.1:${proxy.port}`);
      const files = {
        "sub/a.txt": "1\n",
        ".git/HEAD": "ref: refs/heads/main\n",
        "home/.aws/config": "[default]\n",
      };
      await make(config, { env, files });
      expect(await ends()).to.deep.equal({ said: "done", all: "done", own: "done" });
      const seen = [".git", "buildout.cfg", "home", "sub"];
      expect(buildout.log("all")).to.deep.equal(["hello", "oops", "1", "[default]", ...seen]);
      expect(buildout.log("own")).to.deep.equal([...seen.slice(1), "1"]);
      expect((await readdir(buildout.directory)).includes("here"), "the folder itself is written").to.equal(
        false,
      );
      expect(await ends()).to.deep.equal({ said: "unchanged", all: "unchanged", own: "unchanged" });
      expect(await readdir(`${buildout.directory}/.tsbuildout`)).not.to.satisfy((names: string[]) =>
        names.some((name) => name.startsWith("out-")),
      );
    } finally {
      await buildout.uninstall();
      await proxy.close();
    }
  });

  it("takes the container away when the run is aborted", async () => {
    await make(stages("a", stage("a", "run = echo started; sleep 1000")));
    const controller = new AbortController();
    const summary = await buildout.install({
      signal: controller.signal,
      report: (event) => {
        if (event.type === "part-log" && event.line === "started") controller.abort();
      },
    });
    expect(summary.parts[0]?.end).to.equal("aborted");
    const left = await engineJson<{ Names: string[] }[]>({ path: "/containers/json?all=1" });
    expect(
      left
        .flatMap(({ Names }) => Names)
        .filter((name) => name.endsWith(`-a`) && name.startsWith("/tsbuildout-")),
    ).to.deep.equal([]);
  });

  /** Ends a run of the program at once when a part has printed a text. */
  async function killAt(text: string): Promise<void> {
    const run = startTsbuildout(["install"], { cwd: buildout.directory });
    await run.prints(new RegExp(`\\| ${text}`));
    run.signal("SIGKILL");
    await run.done;
  }

  it("gets an empty volume where a run was killed, and its container and those of who reads it hold the volume", async () => {
    await make(two("run = echo 1 > $OUT/x", "run = cat /a/x"));
    await ends();
    await buildout.write(two("run = echo 2 > $OUT/x; echo there; sleep 1000", "run = cat /a/x"));
    await killAt("there");
    await buildout.write(two("run = echo 3 > $OUT/y", "run = ls /a; echo here; sleep 1000"));
    await killAt("here");
    await buildout.write(two("run = echo 4 > $OUT/z", "run = ls /a"));
    expect(await ends()).to.deep.equal({ a: "done", b: "done" });
    expect(await output("b", "stdout")).to.equal("z");
  });

  it("says which container keeps it from an empty volume, and that a part of the buildout can be made anew", async () => {
    const run = `[c]\nrecipe = docker.run\nname = ${uniqueName("tsb-held")}\nimage = ${image}
command = sleep 1000\nvolumes = $<a:volume>:/v`;
    await make(stages("c", stage("a", "run = echo 1 > $OUT/x"), run));
    await ends();
    await buildout.write(stages("c", stage("a", "run = echo 2 > $OUT/x"), run));
    const { code, stderr } = await tsbuildout(["install"], { cwd: buildout.directory });
    expect(code).to.equal(1);
    const [name, volume] = [/name = (.*)/.exec(run)![1], await output("a", "volume")];
    expect(stderr).to.contain(
      `error[volume/in-use]: volume ${volume} cannot be removed: it is in use (part a)`,
    );
    expect(stderr).to.contain(`= note: container ${name} mounts it`);
    const command = "tsbuildout install --reinstall a";
    expect(stderr).to.contain(
      `= help: remove those containers first; of parts that use the stage, ${command} does so`,
    );
    const again = await tsbuildout(command.split(" ").slice(1), { cwd: buildout.directory });
    expect(again.code, again.stderr).to.equal(0);
  });
});
