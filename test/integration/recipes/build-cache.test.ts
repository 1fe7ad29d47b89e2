import { expect } from "chai";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testBuildout, type TestBuildout } from "tsbuildout/testing";
import { startEcr, type Ecr } from "../../support/ecr.js";
import {
  engineHas,
  engineJson,
  engineRemove,
  familiarTags,
  uniqueName,
  wholeId,
} from "../../support/engine.js";
import { ensureBaseImage, loadImage } from "../../support/images.js";
import { httpProxy } from "../../support/proxies.js";
import { startRegistry, type Registry } from "../../support/registry.js";
import { writeFiles } from "../../support/tmp.js";

async function outputs(machine: TestBuildout) {
  return (await machine.records()).get("app")?.outputs ?? {};
}

/** The diagnostic of a run that fails. */
async function failure(machine: TestBuildout) {
  expect((await machine.install()).ok).to.equal(false);
  const event = machine.events.findLast((event) => event.type === "diagnostic");
  return event?.type === "diagnostic" ? event.diagnostic : undefined;
}

function warnings(machine: TestBuildout): string[] {
  return machine.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
}

async function foreseen(machine: TestBuildout) {
  return (await machine.plan()).steps[0]?.notes ?? [];
}

describe("the whole-image cache of docker.build", () => {
  let aws: Ecr;
  let name: string;
  let base: string;
  const machines: TestBuildout[] = [];

  before(async () => void (base = await ensureBaseImage()));
  beforeEach(async () => {
    aws = await startEcr();
    name = uniqueName("tsb-cache");
  });
  afterEach(async () => {
    for (const machine of machines.splice(0)) {
      await machine.uninstall();
      await machine.dispose();
    }
    await aws.close();
    await engineRemove("images", `${name}:latest`);
  });

  /** A folder of its own, as another machine has it; the engine is one for all. */
  const machine = async (lines: readonly string[] = [], repository = "ecr:cache/app") => {
    const config = [
      "[buildout]",
      "parts = app",
      "[app]",
      "recipe = docker.build",
      `name = ${name}`,
      "builder = classic",
    ];
    const made = await testBuildout({
      config: [...config, `cache-repository = ${repository}`, ...lines, ""].join("\n"),
      env: { ...process.env, ...aws.env },
      files: {
        Dockerfile: `FROM ${base}\nARG COLOUR\nCOPY package.json /\nRUN date +%N > /built-at\n`,
        "package.json": '{"version": "1", "dependencies": {"a": "1"}}',
      },
    });
    machines.push(made);
    return made;
  };
  const cacheOn = ["cache-on = package.json#.dependencies"];
  const tags = () =>
    [...(aws.repository("cache/app")?.images.values() ?? [])].flatMap((one) => [...one.tags]);

  it("builds and pushes at a miss, and pulls at a hit", async () => {
    const first = await machine(cacheOn);
    await first.install();
    const built = await outputs(first);
    expect(built).to.include({ "cache-hit": "false", image: `${name}:latest` });
    expect(built["cache-key"]).to.match(/^[0-9a-f]{64}$/);
    expect(built["cache-image"]).to.equal(`${aws.registry}/cache/app:${built["cache-key"]?.slice(0, 32)}`);
    expect(tags().sort()).to.deep.equal([built["cache-key"]!.slice(0, 32), "latest"].sort());
    expect(aws.repository("cache/app")?.lifecycle).to.include('"countNumber":7');
    expect(first.log()).to.include(`cache miss: building, for ${built["cache-image"]}`);
    expect(first.log()).to.include(`cache key ${built["cache-key"]}, made of`);

    await first.uninstall();
    expect(await engineHas(`/images/${name}:latest/json`)).to.equal(false);
    const second = await machine(cacheOn);
    await second.install();
    expect(await outputs(second)).to.deep.include({ ...built, "cache-hit": "true" });
    expect(second.log()).to.include(`cache hit: pulling ${built["cache-image"]} instead of building`);
    const { Id, RepoTags } = await engineJson<{ Id: string; RepoTags: string[] }>({
      path: `/images/${name}:latest/json`,
    });
    expect(Id).to.equal(built["image-id"]);
    expect(familiarTags(RepoTags)).to.deep.equal([`${name}:latest`]);
    // What was taken from the cache is this part's to remove, though another buildout has built it.
    await second.uninstall();
    expect(await engineHas(`/images/${Id}/json`)).to.equal(false);
  });

  it("takes away what the classic builder made below an image, and not what that was built from", async () => {
    const { Id } = await engineJson<{ Id: string }>({
      method: "POST",
      path: "/containers/create",
      body: { Image: base, Cmd: ["x"] },
    });
    const path = `/commit?container=${Id}&comment=${name}`;
    const { Id: nameless } = await engineJson<{ Id: string }>({ method: "POST", path });
    await engineRemove("containers", Id);
    const made = await machine([
      `dockerfile-inline =\n  FROM ${nameless}\n  LABEL one=${name}\n  LABEL two=2`,
    ]);
    try {
      await made.install();
      const { Parent } = await engineJson<{ Parent: string }>({ path: `/images/${name}:latest/json` });
      expect(wholeId(Parent)).not.to.equal(wholeId(nameless));
      await made.uninstall();
      expect(await engineHas(`/images/${wholeId(Parent)}/json`)).to.equal(false);
      expect(await engineHas(`/images/${wholeId(nameless)}/json`)).to.equal(true);
    } finally {
      await engineRemove("images", nameless);
    }
  });

  it("does nothing where nothing that counts has changed, and builds where it has", async () => {
    const one = await machine(cacheOn);
    await one.install();
    const { "cache-key": key } = await outputs(one);
    aws.takeActions();
    await writeFile(join(one.directory, "package.json"), '{"version": "2", "dependencies": {"a": "1"}}');
    expect((await one.plan()).steps.map(({ action }) => action)).to.deep.equal(["none"]);
    expect(aws.takeActions()).to.deep.equal([]);
    await writeFile(join(one.directory, "package.json"), '{"dependencies": {"a": "2"}}');
    expect((await one.plan()).steps[0]).to.include({ action: "update" });
    await one.install();
    const changed = await outputs(one);
    expect(changed["cache-key"]).to.not.equal(key);
    expect(tags()).to.have.length(3);
  });

  it("counts the whole context without cache-on", async () => {
    const one = await machine();
    await one.install();
    const { "cache-key": key } = await outputs(one);
    await writeFile(join(one.directory, "package.json"), '{"version": "2", "dependencies": {"a": "1"}}');
    await one.install();
    expect((await outputs(one))["cache-key"]).to.not.equal(key);
  });

  it("tells apart arguments, targets, labels and extra text, and shows no values of arguments", async () => {
    const keys = new Set<string>();
    const variants = [
      [],
      ["build-args = COLOUR=red"],
      ["build-args = COLOUR=blue"],
      ["labels = a=1"],
      ["cache-key-extra = x"],
    ];
    for (const lines of variants) {
      const one = await machine([...cacheOn, ...lines]);
      await one.install();
      keys.add((await outputs(one))["cache-key"] ?? "");
      expect(one.log().join("\n")).to.not.match(/build-arg COLOUR +(red|blue)/);
      await one.uninstall();
    }
    expect(keys.size).to.equal(variants.length);
  });

  it("counts the images that tsbuildout built below, and the digests of others when it is asked to", async () => {
    const from = `${name}-base`;
    const keys: string[] = [];
    for (const colour of ["red", "blue"]) {
      const made = await machine([
        "cache-on =",
        "[below]",
        "recipe = docker.build",
        "builder = classic",
        `name = ${from}`,
        "dockerfile-inline =",
        `    FROM ${base}`,
        `    LABEL colour=${colour}`,
      ]);
      await writeFile(join(made.directory, "Dockerfile"), `FROM ${from}\n`);
      await made.write(
        (await readFile(join(made.directory, "buildout.cfg"), "utf8")).replace(
          "parts = app",
          "parts = app below",
        ),
      );
      expect((await made.install()).ok).to.equal(true);
      keys.push((await outputs(made))["cache-key"] ?? "");
      await made.uninstall();
    }
    expect(new Set(keys).size).to.equal(2);

    const plain = await machine(["cache-on ="]);
    const digest = await machine(["cache-on =", "cache-base-digest = true"]);
    expect((await foreseen(plain)).join("\n")).to.not.include(`image ${base}`);
    expect((await foreseen(digest)).join("\n")).to.include(`image ${base}`);
  });

  it("is content to know that the image is there, with skip-pull", async () => {
    const first = await machine(cacheOn);
    await first.install();
    const { "cache-image": image } = await outputs(first);
    await first.uninstall();
    const second = await machine([...cacheOn, "skip-pull = true"]);
    await second.install();
    expect(await outputs(second)).to.include({ image, "cache-hit": "true", "image-id": "" });
    expect(await engineHas(`/images/${name}:latest/json`)).to.equal(false);
    expect((await second.plan()).steps.map(({ action }) => action)).to.deep.equal(["none"]);
  });

  it("keeps several images in one repository by a prefix", async () => {
    const one = await machine([...cacheOn, "cache-tag-prefix = app-"]);
    await one.install();
    expect(tags().every((tag) => tag.startsWith("app-"))).to.equal(true);
    expect(tags()).to.include("app-latest");
  });

  it("foresees in a plan what apply then does", async () => {
    const first = await machine(cacheOn);
    await first.install();
    await first.uninstall();
    const second = await machine(cacheOn);
    const notes = await foreseen(second);
    expect(notes[0]).to.match(/^cache hit: .*\/cache\/app:[0-9a-f]{32}$/);
    expect(notes[1]).to.match(/^cache key [0-9a-f]{64}, made of$/);
    expect(notes.slice(2).map((line) => line.trim().split(/ {2,}/)[0])).to.deep.equal([
      "Dockerfile",
      "file package.json#.dependencies",
      "platform",
    ]);
    await second.install();
    expect(await outputs(second)).to.include({ "cache-hit": "true" });
    expect(await foreseen(second)).to.deep.equal([]);
    const third = await machine([...cacheOn, "cache-key-extra = other"]);
    expect((await foreseen(third))[0]).to.match(/^cache miss: /);
  });

  it("fails where the push fails, unless that was said to be no matter", async () => {
    aws.fail("CreateRepository", { code: "AccessDeniedException" });
    expect(await failure(await machine(cacheOn))).to.include({ code: "ecr/denied" });
    const tolerant = await machine([...cacheOn, "cache-push-required = false"]);
    expect((await tolerant.install()).ok).to.equal(true);
    expect(await outputs(tolerant)).to.include({ "cache-hit": "false" });
    expect(JSON.stringify(tolerant.events)).to.include(
      "the image is not in the cache: AWS denies ecr:CreateRepository",
    );
  });

  it("leaves the image of another build that was faster where tags are immutable", async () => {
    const one = await machine([...cacheOn, "no-cache = true"]);
    await one.install();
    await one.uninstall();
    const repository = aws.repository("cache/app")!;
    repository.mutability = "IMMUTABLE";
    const [[digest, image] = expect.fail("nothing is cached")] = repository.images;
    repository.images.clear();
    aws.onRegistryRequest = ({ method, path }) => {
      if (method === "PUT" && path.includes("/manifests/")) repository.images.set(digest, image);
    };
    const other = await machine([...cacheOn, "no-cache = true"]);
    expect((await other.install()).ok, warnings(other).join("\n")).to.equal(true);
    expect(other.log("app").join("\n")).to.match(
      /:\w+ is there by now: another build has put it into the cache/,
    );
    expect([...repository.images.keys()]).to.deep.equal([digest]);
    expect(await outputs(other)).to.include({ "cache-hit": "false" });
  });

  it("keeps what it has built, also where another checkout builds under the name meanwhile", async () => {
    const proxy = await httpProxy(async (call) => {
      if (call.includes("/build?")) await loadImage(`${name}:latest`, { Labels: { theirs: "yes" } });
    });
    try {
      const one = await machine([...cacheOn, `engine-url = tcp://127.0.0.1:${proxy.port}`]);
      expect((await one.install()).ok, warnings(one).join("\n")).to.equal(true);
      const [[digest, cached] = []] = aws.repository("cache/app")?.images ?? [];
      const { config } = JSON.parse(cached?.manifest ?? "{}") as { config: { digest: string } };
      // With containerd's store an image's id is its digest.
      const ids = [config.digest, digest];
      expect(ids).to.include((await outputs(one))["image-id"]);
      const { Id } = await engineJson<{ Id: string }>({ path: `/images/${name}:latest/json` });
      expect(ids, "the other one's").to.not.include(wholeId(Id));
    } finally {
      await proxy.close();
    }
  });

  it("does not take a cache that cannot be asked for a miss", async () => {
    aws.fail("BatchGetImage", { code: "AccessDeniedException" });
    expect(await failure(await machine(cacheOn))).to.include({ code: "ecr/denied" });
    const unreachable = await machine(cacheOn, "127.0.0.1:1/cache/app");
    expect((await failure(unreachable))?.code).to.match(/^(registry|engine)\//);
  });

  it("leaves the cache's name to an image of somebody's that has it", async () => {
    const first = await machine(cacheOn);
    await first.install();
    const { "cache-image": cached = "" } = await outputs(first);
    await first.uninstall();
    await loadImage(cached, { Labels: { theirs: "yes" } });
    const second = await machine(cacheOn);
    await second.install();
    expect(await outputs(second)).to.include({ "cache-hit": "true" });
    const { Config } = await engineJson<{ Config: { Labels: object } }>({ path: `/images/${cached}/json` });
    expect(Config.Labels).to.include({ theirs: "yes" });
    await engineRemove("images", cached);
  });

  it("builds where the image has gone since it was seen", async () => {
    const first = await machine(cacheOn);
    await first.install();
    await first.uninstall();
    const second = await machine(cacheOn);
    aws.onRegistryRequest = ({ method, path }) => {
      if (method !== "PUT" && path.includes("/manifests/")) aws.repository("cache/app")?.images.clear();
    };
    await second.install();
    expect(await outputs(second)).to.include({ "cache-hit": "false" });
  });

  it("leaves alone the policy of a repository that was there", async () => {
    const first = await machine(cacheOn);
    await first.install();
    aws.repository("cache/app")!.lifecycle = "mine";
    await writeFile(join(first.directory, "Dockerfile"), `FROM ${base}\n`);
    await first.install();
    expect(aws.repository("cache/app")?.lifecycle).to.equal("mine");
    const config = await readFile(join(first.directory, "buildout.cfg"), "utf8");
    await first.write(`${config}max-age-days = 2\ncache-key-extra = x\n`);
    await first.install();
    expect(aws.repository("cache/app")?.lifecycle).to.include('"countNumber":2');
  });

  it("says that a key which counts .git is found by no other checkout", async () => {
    const counted = await machine();
    await writeFiles(counted.directory, { ".git/HEAD": "ref: refs/heads/main\n" });
    await counted.install();
    expect(warnings(counted)).to.deep.equal([
      `warning[cache/git]: the key counts .git, and no two checkouts have the same one: what is kept now, no other checkout finds (part app)
  buildout.cfg:7:20
7 | cache-repository = ecr:cache/app
  |                    ^^^^^^^^^^^^^
  = help: leave .git out by .dockerignore, or say in cache-on which files decide`,
    ]);
    for (const { lines, ignore } of [
      { lines: [], ignore: "**/.git\n" },
      { lines: ["cache-on ="], ignore: "" },
    ]) {
      const other = await machine(lines);
      await writeFiles(other.directory, { ".git/HEAD": "x\n", ".dockerignore": ignore });
      await other.install();
      expect(warnings(other)).to.deep.equal([]);
    }
  });

  it("tags the repository in ECR, one that was there as well", async () => {
    await (await machine([...cacheOn, "cache-repository-tags =\n    team=web\n    cost=42"])).install();
    expect(Object.fromEntries(aws.repository("cache/app")!.tags)).to.deep.equal({ team: "web", cost: "42" });
    expect(aws.calls.find(({ action }) => action === "CreateRepository")?.payload).to.deep.include({
      tags: [
        { Key: "team", Value: "web" },
        { Key: "cost", Value: "42" },
      ],
    });
    await (await machine(["cache-key-extra = 2", "cache-repository-tags = team=api"])).install();
    expect(Object.fromEntries(aws.repository("cache/app")!.tags)).to.deep.equal({ team: "api", cost: "42" });
  });

  describe("in a plain registry", () => {
    let registry: Registry;
    before(async () => void (registry = await startRegistry()));
    after(async () => await registry.stop());

    it("works the same", async () => {
      const first = await machine(cacheOn, `${registry.host}/cache/app`);
      await first.install();
      const built = await outputs(first);
      expect(built).to.include({ "cache-hit": "false" });
      await first.uninstall();
      const second = await machine(cacheOn, `${registry.host}/cache/app`);
      await second.install();
      expect(await outputs(second)).to.deep.include({ ...built, "cache-hit": "true" });
    });
  });
});
