import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder, tsbuildout } from "../support/cli.js";
import { engineRemove } from "../support/engine.js";
import { ensureBaseImage } from "../support/images.js";
import { imageWithCommand, imageWithPrograms } from "../support/stand-ins.js";
import { temporaryFolder } from "../support/tmp.js";

const AWS = "pebbletech/docker-aws-cli";
const GIT = "bravissimolabs/alpine-git";

/** What the pipeline calls, as far as it calls it. `aws` assumes a role for the user's keys only, and refuses keys that
 *  assume-role did not give. */
const PROGRAMS = {
  aws: `case "$1 $2" in
"sts assume-role")
  [ "$AWS_ACCESS_KEY_ID" = AKIAUSER ] || exit 253
  echo '{"Credentials": {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret/1", "SessionToken": "token=1"}}' ;;
"cloudformation create-stack")
  [ "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN" = "AKIA1 secret/1 token=1" ] || exit 254
  cat "$(echo "$6" | sed s,file://,,)" && echo created in $AWS_DEFAULT_REGION ;;
"cloudformation wait")
  [ "$AWS_SESSION_TOKEN" = token=1 ] && echo complete ;;
*) exit 255 ;;
esac
`,
  jq: `[ "$1" = -r ] || exit 2
sed -n 's/.*"'\${2##*.}'": "\\([^"]*\\)".*/\\1/p'
`,
};

describe("the pipeline of the dockercise example", () => {
  let folder: string;
  before(async () => {
    await ensureBaseImage();
    await imageWithPrograms(AWS, PROGRAMS);
    await imageWithPrograms(GIT, {
      git: 'for last in "$@"; do :; done\necho "Resources: {}" > "$last/example.yaml"\n',
    });
    folder = await temporaryFolder();
    await cp(join(projectFolder, "examples/dockercise"), folder, { recursive: true });
  });
  after(async () => {
    await tsbuildout(["uninstall", "--all"], { cwd: folder });
    for (const image of [AWS, GIT]) await engineRemove("images", image);
  });

  it("is what init makes of the original's file", async () => {
    const made = await tsbuildout(["-c", "made.cfg", "init", "--from", "dockercise", "stages.yaml"], {
      cwd: folder,
    });
    expect(made).to.deep.include({
      code: 0,
      stderr:
        "note: assume-role, get-code: always = true, as nothing here would show that what they bring has changed\n" +
        "note: aws_access_key_id, aws_secret_access_key, aws_session_token, assume-role: secret = true, which keeps what they print out of logs and records\n" +
        "note: assume-role: aws-credentials = true, which hands on your AWS credentials; dockercise gave ~/.aws to every stage\n",
    });
    expect(await readFile(join(folder, "made.cfg"), "utf8")).to.equal(
      await readFile(join(folder, "buildout.cfg"), "utf8"),
    );
  });

  it("says which variable of the environment it lacks", async () => {
    const { code, stderr } = await tsbuildout(["install"], { cwd: folder });
    expect(code).to.equal(2);
    expect(stderr).to.contain(
      'error[stage/env-unset]: "AWS_DEFAULT_REGION" is neither a stage nor a variable of the environment',
    );
  });

  it("runs, hands keys and code on, and the second time only looks whether there are others", async () => {
    const env = { AWS_DEFAULT_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "AKIAUSER" };
    const first = await tsbuildout(["install"], { cwd: folder, env });
    expect(first.stderr).to.equal("");
    expect(first.stdout).to.contain("create-stack | Resources: {}\ncreate-stack | created in eu-west-1\n");
    expect(first.stdout).to.contain("wait-for-success | complete\n");
    expect(first.stdout).to.match(/\n7 installed \(/);
    const second = await tsbuildout(["install"], { cwd: folder, env });
    expect(second.stdout).to.match(/\n2 updated, 5 unchanged \(/);
    const kept = await Promise.all([
      readFile(join(folder, ".installed.cfg"), "utf8"),
      ...(await logsIn(join(folder, ".tsbuildout/runs"))),
    ]);
    expect(kept.length).to.be.greaterThan(1);
    for (const text of [first.stdout, second.stdout, ...kept]) expect(text).to.not.match(/secret\/1|token=1/);
  });
});

/** All that is recorded of the runs in a folder. */
async function logsIn(folder: string): Promise<Promise<string>[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFile(join(entry.parentPath, entry.name), "utf8"));
}

/** Two files and two subgraphs, the second named by the first, in the terms of the original's README. */
const GRAPH = {
  "a.graphci.yaml": `meta:
  subgraphs:
    - tsb-subgraph:latest
has_a_volume:
  img: tsbuildout-test/busybox
  run: echo "Content" > $OUT/a_file
needs_a_volume:
  img: tsbuildout-test/busybox
  vol: has_a_volume
  dir: /has_a_volume
  run: cat a_file | grep "Content"
works_on_it:
  img: tsbuildout-test/busybox
  on: has_a_volume
  run: echo more >> a_file; wc -l < a_file
`,
  "service/b.graphci.yaml": `relies_on_subgraph:
  env:
    - from_subgraph
    - home_of_tests
  img: tsbuildout-test/busybox
  run: echo "$FROM_SUBGRAPH in $HOME_OF_TESTS"
may_fail:
  after: [relies_on_subgraph, deep]
  img: tsbuildout-test/busybox
  neverFail: true
  noLog: true
  run: echo not seen; exit 3
run_tests:
  after: [needs_a_volume, works_on_it, may_fail]
`,
  "node_modules/c.graphci.yaml": "never: { img: none, run: none }\n",
};

const SUBGRAPH = `cat <<'END'
meta:
  subgraphs: [tsb-subgraph:deep]
from_subgraph:
  img: tsbuildout-test/busybox
  run: echo given
END
`;

describe("init --from dockercise, on files with subgraphs", () => {
  let folder: string;
  const run = (...args: string[]) => tsbuildout(args, { cwd: folder, env: { HOME_OF_TESTS: "Leeds" } });
  const init = (file: string, ...args: string[]) => run("-c", file, "init", "--from", "dockercise", ...args);
  before(async () => {
    await ensureBaseImage();
    await imageWithCommand("tsb-subgraph:latest", SUBGRAPH);
    await imageWithCommand(
      "tsb-subgraph:deep",
      "echo 'deep: { img: tsbuildout-test/busybox, run: echo deep }'\n",
    );
    folder = await temporaryFolder(GRAPH);
  });
  after(async () => {
    await run("uninstall", "--all");
    for (const tag of ["latest", "deep"]) await engineRemove("images", `tsb-subgraph:${tag}`);
  });

  const outside =
    "note: has_a_volume, from_subgraph, deep: always = true, as nothing here would show that what they bring has changed\n";

  it("merges all of a folder, and follows subgraphs into subgraphs", async () => {
    expect(await run("init", "--from", "dockercise")).to.deep.equal({
      code: 0,
      stdout: "buildout.cfg written; tsbuildout plan shows what it would do\n",
      stderr: outside,
    });
    const named = await init("named.cfg", "a.graphci.yaml", "service/b.graphci.yaml");
    expect(named).to.deep.include({ code: 0, stderr: outside });
    const text = await readFile(join(folder, "buildout.cfg"), "utf8");
    expect(await readFile(join(folder, "named.cfg"), "utf8")).to.equal(text);
    expect((await run("check")).stdout).to.equal("no mistakes\n");
  });

  it("is a plan in the order of what stages use, and runs", async () => {
    const { stdout } = await run("plan", "--json");
    const { steps } = JSON.parse(stdout) as { steps: { part: string; needs: string[] }[] };
    expect(Object.fromEntries(steps.map(({ part, needs }) => [part, [...needs].sort()]))).to.deep.equal({
      has_a_volume: [],
      needs_a_volume: ["has_a_volume"],
      works_on_it: ["has_a_volume"],
      deep: [],
      from_subgraph: [],
      relies_on_subgraph: ["from_subgraph"],
      may_fail: ["deep", "relies_on_subgraph"],
      run_tests: ["may_fail", "needs_a_volume", "works_on_it"],
    });
    const done = await run("install", "-j", "4");
    expect(done.stderr).to.equal("");
    expect(done.stdout)
      .to.match(/\n8 installed \(/)
      .and.not.to.contain("not seen");
    expect(done.stdout).to.contain("relies_on_subgraph | given in Leeds\n");
    expect(done.stdout).to.contain("works_on_it | 2\n");
  });

  it("says which subgraph cannot be had, and where no stages are", async () => {
    const bad = "meta: { subgraphs: [tsb-subgraph:broken] }\na: { img: x }\n";
    await writeFile(join(folder, "bad.yaml"), bad);
    await imageWithCommand("tsb-subgraph:broken", "echo no such key >&2; exit 4\n");
    const broken = await init("bad.cfg", "bad.yaml");
    await engineRemove("images", "tsb-subgraph:broken");
    expect(broken).to.deep.equal({
      code: 2,
      stdout: "",
      stderr:
        "error[usage/arguments]: the subgraph tsb-subgraph:broken cannot be had: stage subgraph ended with exit code 4\n" +
        "   = help: see that the engine can run it, or take it out of meta.subgraphs\n",
    });
    await writeFile(join(folder, "empty.yaml"), "meta: {}\n");
    const empty = await init("empty.cfg", "empty.yaml");
    expect(empty.stderr).to.equal(
      "error[usage/arguments]: there is no stage in empty.yaml\n   = help: a stage is a name with img and run\n",
    );
  });
});
