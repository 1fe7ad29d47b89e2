import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestBuildout } from "../../../src/testing.js";
import {
  engineHas,
  engineJson,
  engineRemove,
  familiarTags,
  uniqueName,
  wholeId,
} from "../../support/engine.js";
import { baseImage, ensureBaseImage, loadImage } from "../../support/images.js";
import {
  diagnostics,
  blamed,
  failing,
  imageBuildout,
  imagesOf,
  inspectedImage,
  installed,
  printed,
  type ImageBuildout,
} from "../../support/image-buildout.js";
import { writeFiles } from "../../support/tmp.js";

const dockerfile = (...lines: string[]): string => [`FROM ${baseImage}`, ...lines, ""].join("\n");

describe("docker.build", () => {
  let name: string;
  const open: TestBuildout[] = [];
  const images: string[] = [];
  before(async () => void (await ensureBaseImage()));
  beforeEach(() => {
    name = uniqueName("tsb-build");
    images.push(name);
  });
  afterEach(async () => {
    for (const buildout of open.splice(0)) {
      await buildout.uninstall().catch(() => undefined);
      await buildout.dispose();
    }
    for (const image of images.splice(0)) await engineRemove("images", image);
  });
  const buildout = async (settings: ImageBuildout): Promise<TestBuildout> => {
    const made = await imageBuildout(settings);
    open.push(made);
    return made;
  };
  const part = (options: string): string =>
    `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\n${options}\n`;

  for (const builder of ["buildkit", "classic"]) {
    describe(`with the builder ${builder}`, () => {
      it("builds a folder, does nothing the second time, and leaves nothing behind", async () => {
        const made = await buildout({
          config: part(`source = src\nbuilder = ${builder}`),
          files: {
            "src/Dockerfile": dockerfile("COPY . /data"),
            "src/greeting": "hello\n",
            "src/.dockerignore": "secret*\n",
            "src/secret.txt": "x",
          },
        });
        const outputs = await installed(made, "app");
        const image = await inspectedImage(name);
        expect(outputs).to.deep.include({ "image-id": image?.Id, image: `${name}:latest` });
        expect(image?.Config.Labels).to.include({ "org.tsbuildout.part": "app" });
        expect(await printed(name, ["sh", "-c", "cat /data/greeting; ls -1A /data"])).to.equal(
          "hello\n.dockerignore\nDockerfile\ngreeting\n",
        );

        made.events.length = 0;
        expect((await made.install()).counts).to.include({ unchanged: 1, done: 0 });
        expect(made.begun()).to.deep.equal([]);

        await made.uninstall();
        expect(await engineHas(`/images/${name}/json`)).to.equal(false);
        expect(await engineHas(`/images/${outputs["image-id"]}/json`)).to.equal(false);
      });

      it("rebuilds in place when a file changes, and removes the image that was replaced", async () => {
        const made = await buildout({
          config: part(`source = src\nbuilder = ${builder}`),
          files: { "src/Dockerfile": dockerfile("COPY . /data", "RUN touch /made"), "src/file": "1" },
        });
        const first = await installed(made, "app");
        await writeFiles(made.directory, { "src/file": "2" });
        made.events.length = 0;
        const second = await installed(made, "app");
        expect(made.begun()).to.deep.equal(["update app"]);
        expect(second["image-id"]).not.to.equal(first["image-id"]);
        expect(await printed(name, ["cat", "/data/file"])).to.equal("2");
        expect(await engineHas(`/images/${first["image-id"]}/json`)).to.equal(false);
        const label = (await inspectedImage(name))?.Config.Labels?.["org.tsbuildout.buildout"] ?? "";
        expect(await imagesOf("app", label)).to.deep.equal([second["image-id"]]);
      });

      it("shows the step that failed, its last lines and its line in the Dockerfile", async () => {
        // What stands before the failed step stays on the engine as the classic builder's cache: nothing here.
        const prelude = builder === "buildkit" ? ["WORKDIR /tmp"] : [""];
        const made = await buildout({
          config: part(`source = src\nbuilder = ${builder}`),
          files: {
            "src/Dockerfile": dockerfile(
              "# a comment",
              ...prelude,
              "RUN echo one; \\",
              "  echo two; exit 3",
              "RUN echo never",
            ),
          },
        });
        const said = await failing(made);
        // Podman builds by itself, whichever is asked for.
        const step = builder === "buildkit" ? "[3/4]" : "Step 2/5 :";
        const podman = builder === "buildkit" ? "STEP 3/5:" : "STEP 2/4:";
        expect(said.replace(podman, step)).to.equal(
          [
            `build/failed: the build failed at ${step} RUN echo one;   echo two; exit 3: exit code 3`,
            "note: src/Dockerfile:4: RUN echo one; echo two; exit 3",
            "note: its last lines:\n  one\n  two",
          ].join("\n"),
        );
        expect(await engineHas(`/images/${name}/json`)).to.equal(false);
        const filters = encodeURIComponent(JSON.stringify({ ancestor: [baseImage], status: ["exited"] }));
        const left = await engineJson<{ Command: string }[]>({
          path: `/containers/json?all=1&filters=${filters}`,
        });
        expect(left.filter(({ Command }) => Command.includes("echo two; exit 3"))).to.deep.equal([]);
      });
    });
  }

  const mistakes: readonly (readonly [what: string, text: string, said: RegExp])[] = [
    [
      "an unknown instruction",
      dockerfile("RUN true", "FETCH x"),
      /^build\/failed: the build failed: dockerfile parse error (?:on )?line 3: unknown instruction: FETCH.*\nnote: src\/Dockerfile:3: FETCH x$/is,
    ],
    ["nothing", "", /^build\/failed: the build failed: the Dockerfile .*cannot be empty$/],
    ["no stage", "RUN true\n", /^build\/failed: the build failed: no build stage in current context/],
    [
      "no image",
      "ARG B\nFROM $B\n",
      /^build\/failed: the build failed: base name \(\$B\) should not be blank/,
    ],
    [
      "no reference",
      "FROM UPPER:case\n",
      /^build\/failed: the build failed.*"UPPER:case".*must be lowercase/s,
    ],
  ];
  for (const [what, text, said] of mistakes)
    it(`says what is wrong with a Dockerfile: ${what}`, async () => {
      const config = part("source = src\nbuilder = buildkit");
      expect(await failing(await buildout({ config, files: { "src/Dockerfile": text } }))).to.match(said);
    });

  it("says what is wrong with a Dockerfile: it is a folder", async () => {
    const made = await buildout({ config: part("source = src"), files: { "src/Dockerfile/x": "" } });
    expect(await failing(made)).to.equal(
      `context/no-dockerfile: cannot read ${made.directory}/src/Dockerfile: it is a folder`,
    );
  });

  const refused = async (config: string): Promise<string> => {
    const made = await buildout({ config, files: { "src/Dockerfile": dockerfile() } });
    return await made.install().then(
      () => "nothing went wrong",
      (error: Error) => error.message,
    );
  };

  for (const [limit, said] of [
    ["memory=lots", '"lots" is not a size'],
    ["cpushares=abc", '"abc" is not a whole number'],
    ["toString=1", '"toString" is not a limit'],
  ])
    it(`says which limit is none, before anything is built: ${limit}`, async () => {
      const config = part(`source = src\ncontainer-limits = ${limit}`);
      expect(await refused(config)).to.equal(`option/value: container-limits: ${said}`);
    });

  it("refuses two parts that build under one name", async () => {
    const other = `[other]\nrecipe = docker.build\nname = ${name}\nsource = src\n`;
    const config = `${part("source = src\ntags = 1").replace("parts = app", "parts = app other")}${other}`;
    expect(await refused(config)).to.equal(`build/name-twice: ${name}:latest is built by the part app, too`);
  });

  it("builds again when the image is gone, or its name is on another one", async () => {
    const made = await buildout({
      config: part("source = src"),
      files: { "src/Dockerfile": dockerfile("RUN touch /x") },
    });
    await installed(made, "app");
    await engineRemove("images", name);
    expect((await made.plan()).steps[0]?.reasons).to.deep.equal([`image ${name}:latest is gone`]);
    const again = await installed(made, "app");
    expect((await inspectedImage(name))?.Id).to.equal(again["image-id"]);

    await loadImage(`${name}:latest`, { Labels: { other: name } });
    const foreign = await inspectedImage(name);
    // A second name: containerd's image store forgets what has none.
    const kept = `repo=${name}-other&tag=1`;
    await engineJson({ method: "POST", path: `/images/${name}/tag?${kept}` });
    expect((await made.plan()).steps[0]?.reasons).to.deep.equal([
      `image ${name}:latest is another image now`,
    ]);
    await installed(made, "app");
    expect(await engineHas(`/images/${foreign?.Id}/json`), "the other image stays").to.equal(true);
    await engineRemove("images", `${name}-other:1`);
  });

  it("removes its image that has lost its name to another one", async () => {
    const made = await buildout({
      config: part("source = src"),
      files: { "src/Dockerfile": dockerfile("COPY v /v"), "src/v": "1" },
    });
    const first = await installed(made, "app");
    await loadImage(`${name}:latest`, { Labels: { other: name } });
    const theirs = (await inspectedImage(name))?.Id ?? "";
    await writeFile(join(made.directory, "src/v"), "2");
    await installed(made, "app");
    expect(await engineHas(`/images/${first["image-id"]}/json`)).to.equal(false);
    await engineRemove("images", theirs);
  });

  it("says that it takes the last name of an image that somebody made by hand", async () => {
    const made = await buildout({
      config: `${part("source = src")}tags = ${name}-kept:1\n`,
      files: { "src/Dockerfile": dockerfile("RUN touch /x") },
    });
    await loadImage(`${name}:latest`, { Labels: { other: name } });
    await loadImage(`${name}-kept:1`, { Labels: { kept: name } });
    const [last, kept] = [await inspectedImage(name), await inspectedImage(`${name}-kept:1`)];
    await engineJson({ method: "POST", path: `/images/${name}-kept:1/tag?repo=${name}-other&tag=1` });
    await installed(made, "app");
    expect(diagnostics(made)).to.deep.equal([
      `build/name-taken: ${name}:latest was the only name of an image that no buildout has made, ${last?.Id}: this part's image has it now\nhelp: where such an image is to stay, give it a second name, or the part another one`,
    ]);
    expect((await inspectedImage(`${name}-other:1`))?.Id).to.equal(kept?.Id);
    await engineRemove("images", `${name}-other:1`);
    if (last && (await engineHas(`/images/${last.Id}/json`))) await engineRemove("images", last.Id);
  });

  it("leaves somebody's image that it is built from, and whose last name it takes", async () => {
    const made = await buildout({
      config: part("source = src\nbuilder = classic"),
      files: { "src/Dockerfile": `FROM ${name}\nCOPY v /v\n`, "src/v": "1" },
    });
    await loadImage(`${name}:latest`, { Labels: { other: name } });
    const theirs = (await inspectedImage(name))?.Id ?? "";
    await installed(made, "app");
    await writeFile(join(made.directory, "src/v"), "2");
    await installed(made, "app");
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    await made.uninstall();
    expect(await engineHas(`/images/${theirs}/json`)).to.equal(true);
    await engineRemove("images", theirs);
  });

  it("leaves an image that was replaced to who has given it a name", async () => {
    const made = await buildout({
      config: part("source = src"),
      files: { "src/Dockerfile": dockerfile("COPY v /v"), "src/v": "1" },
    });
    const first = await installed(made, "app");
    await engineJson({ method: "POST", path: `/images/${name}/tag?repo=${name}-mine&tag=1` });
    for (const end of ["update", "uninstall"]) {
      await writeFile(join(made.directory, "src/v"), "2");
      if (end === "update") await installed(made, "app");
      else await made.uninstall();
      expect((await inspectedImage(`${name}-mine:1`))?.Id, end).to.equal(first["image-id"]);
    }
    await engineRemove("images", `${name}-mine:1`);
  });

  it("leaves an image that somebody else has put under its name", async () => {
    const made = await buildout({
      config: part("source = src"),
      files: { "src/Dockerfile": dockerfile("RUN touch /y") },
    });
    await installed(made, "app");
    await loadImage(`${name}:latest`, { Labels: { other: name } });
    await made.uninstall();
    expect(await engineHas(`/images/${name}/json`)).to.equal(true);
    expect(made.log("app")).to.include(
      `image ${name}:latest was not made by this part (any more): left as it is`,
    );
  });

  it("leaves it also where the part's own image is gone", async () => {
    const made = await buildout({
      config: part("source = src"),
      files: { "src/Dockerfile": dockerfile("COPY v /v"), "src/v": "1" },
    });
    const own = (await installed(made, "app"))["image-id"] ?? "";
    const theirs = async (): Promise<string | undefined> => {
      await loadImage(`${name}:latest`, { Labels: { other: name } });
      await engineRemove("images", own);
      return (await inspectedImage(name))?.Id;
    };
    const first = await theirs();
    await writeFile(join(made.directory, "src/v"), "2");
    const second = (await installed(made, "app"))["image-id"] ?? "";
    expect(await engineHas(`/images/${first}/json`), "without its name").to.equal(true);
    await engineRemove("images", first ?? "");
    await theirs();
    await engineRemove("images", second);
    await made.uninstall();
    expect(await engineHas(`/images/${name}/json`)).to.equal(true);
  });

  it("takes away what the classic builder made below an image, and no further", async () => {
    const made = await buildout({ config: part("") });
    // A base without a name: what keeps it is that the part was built from it.
    await loadImage(`${name}-base:1`, { Labels: { base: name } });
    const base = (await inspectedImage(`${name}-base:1`))?.Id.replace(/^(sha256:)?/, "sha256:") ?? "";
    const { Id } = await engineJson<{ Id: string }>({
      method: "POST",
      path: "/containers/create",
      body: { Image: base, Cmd: ["x"] },
    });
    const commit = `/commit?container=${Id}&comment=${name}`;
    const { Id: said } = await engineJson<{ Id: string }>({ method: "POST", path: commit });
    const nameless = wholeId(said);
    await engineRemove("containers", Id);
    const below = async (): Promise<string[]> => {
      const ids: string[] = [];
      for (let id = name; ; ) {
        const { Parent } = await engineJson<{ Parent: string }>({ path: `/images/${id}/json` });
        if (Parent === "" || wholeId(Parent) === nameless) return ids;
        ids.push((id = wholeId(Parent)));
      }
    };
    const text = (value: string): string =>
      part(
        `builder = classic\ndockerfile-inline =\n  FROM ${nameless}\n  LABEL one=${name}\n  LABEL two=${value}`,
      );
    try {
      for (const value of ["1", "2"]) {
        const before = value === "1" ? [] : await below();
        await made.write(text(value));
        await installed(made, "app");
        const now = await below();
        for (const id of before)
          expect(await engineHas(`/images/${id}/json`), `after ${value}`).to.equal(now.includes(id));
      }
      const last = await below();
      // Nearest to the base: somebody has given it a name.
      const kept = last.pop() ?? "";
      await engineJson({ method: "POST", path: `/images/${kept}/tag?repo=${name}-mine&tag=1` });
      await made.uninstall();
      for (const id of last) expect(await engineHas(`/images/${id}/json`), "after uninstall").to.equal(false);
      expect((await inspectedImage(`${name}-mine:1`))?.Id).to.equal(kept);
      expect(await engineHas(`/images/${nameless}/json`), "the base").to.equal(true);
    } finally {
      for (const left of [`${name}-mine:1`, nameless, `${name}-base:1`]) await engineRemove("images", left);
    }
  });

  for (const [form, written] of [
    ["its id alone", (id: string) => id.slice(7)],
    ["the beginning of its id", (id: string) => id.slice(7, 19)],
  ] as const)
    it(`leaves an image without a name that the part starts from by ${form}, and builds once`, async () => {
      const made = await buildout({ config: part("") });
      await loadImage(`${name}-base:1`, { Labels: { base: name } });
      const body = { Image: `${name}-base:1`, Cmd: ["x"] };
      const { Id } = await engineJson<{ Id: string }>({ method: "POST", path: "/containers/create", body });
      const commit = `/commit?container=${Id}&comment=${name}`;
      const { Id: said } = await engineJson<{ Id: string }>({ method: "POST", path: commit });
      const nameless = wholeId(said);
      await engineRemove("containers", Id);
      const text = `dockerfile-inline =\n  FROM ${written(nameless)}\n  LABEL one=${name}\n  LABEL two=2`;
      try {
        await made.write(part(`builder = classic\n${text}`));
        await installed(made, "app");
        expect((await made.plan()).steps.map(({ action }) => action)).to.deep.equal(["none"]);
        await made.uninstall();
        expect(await engineHas(`/images/${nameless}/json`)).to.equal(true);
      } finally {
        for (const left of [nameless, `${name}-base:1`]) await engineRemove("images", left);
      }
    });

  it("leaves an image without a name that somebody made from the part's, labels and all", async () => {
    const made = await buildout({
      config: part("source = src"),
      files: { "src/Dockerfile": dockerfile("COPY v /v"), "src/v": "1" },
    });
    await installed(made, "app");
    const body = { Image: name };
    const { Id } = await engineJson<{ Id: string }>({ method: "POST", path: "/containers/create", body });
    const theirs = await engineJson<{ Id: string }>({ method: "POST", path: `/commit?container=${Id}` });
    await engineRemove("containers", Id);
    try {
      await writeFile(join(made.directory, "src/v"), "2");
      await installed(made, "app");
      expect(await engineHas(`/images/${theirs.Id}/json`), "after an update").to.equal(true);
      await made.uninstall();
      expect(await engineHas(`/images/${theirs.Id}/json`), "after uninstall").to.equal(true);
    } finally {
      await engineRemove("images", theirs.Id);
    }
  });

  for (const next of ["update", "uninstall"])
    it(`removes a replaced image that somebody else's container ran on, when that has gone, by the next ${next}`, async () => {
      const made = await buildout({
        config: part("source = src"),
        files: { "src/Dockerfile": dockerfile("COPY v /v"), "src/v": "1" },
      });
      const first = await installed(made, "app");
      const body = { Image: name };
      const { Id } = await engineJson<{ Id: string }>({ method: "POST", path: "/containers/create", body });
      await writeFile(join(made.directory, "src/v"), "2");
      await installed(made, "app");
      expect(await engineHas(`/images/${first["image-id"]}/json`), "in use").to.equal(true);
      await engineRemove("containers", Id);
      await writeFile(join(made.directory, "src/v"), "3");
      if (next === "update") await installed(made, "app");
      else await made.uninstall();
      expect(await engineHas(`/images/${first["image-id"]}/json`), "not in use").to.equal(false);
    });

  it("takes tags, labels, build arguments, a target and the environment", async () => {
    const made = await buildout({
      config: part(
        [
          "tag = 1",
          `tags = 1.2 ${name}:extra`,
          "source = src",
          "target = wanted",
          "dockerfile = sub/File",
          "labels =\n  a=1",
          "build-args =\n  WHO=you\n  FROM_ENV\n  NOT_SET",
        ].join("\n"),
      ),
      env: { FROM_ENV: "env" },
      files: {
        "src/sub/File": dockerfile("RUN false")
          .replace("FROM", "FROM --platform=$BUILDPLATFORM")
          .replace("--platform=$BUILDPLATFORM ", "")
          .replace(
            "\nRUN false",
            " AS wanted\nARG WHO\nARG FROM_ENV\nARG NOT_SET=default\nRUN echo $WHO $FROM_ENV $NOT_SET > /said\nFROM wanted\nRUN false",
          ),
      },
    });
    images.push(`${name}:1`, `${name}:1.2`, `${name}:extra`);
    const outputs = await installed(made, "app");
    expect(outputs["image"]).to.equal(`${name}:1`);
    const image = await inspectedImage(`${name}:1`);
    expect(familiarTags(image?.RepoTags).sort()).to.deep.equal([`${name}:1`, `${name}:1.2`, `${name}:extra`]);
    expect(image?.Config.Labels).to.include({ a: "1" });
    expect(await printed(`${name}:1`, ["cat", "/said"])).to.equal("you env default\n");

    await made.write(part("tag = 2\nsource = src\ntarget = wanted\ndockerfile = sub/File"));
    images.push(`${name}:2`);
    await installed(made, "app");
    for (const old of ["1", "1.2", "extra"])
      expect(await engineHas(`/images/${name}:${old}/json`), old).to.equal(false);
  });

  it("rebuilds when an environment variable changes that a build argument takes", async () => {
    const config = part(
      "dockerfile-inline =\n  FROM " + baseImage + "\n  ARG V\n  RUN echo $$V > /v\nbuild-args = V",
    );
    const made = await buildout({ config, env: { V: "1" } });
    await installed(made, "app");
    expect(await printed(name, ["cat", "/v"])).to.equal("1\n");
    const state = await made.records();
    expect(JSON.stringify(state.get("app")?.inputs), "the value is not recorded").not.to.contain('"1"');
  });

  it("takes the option names of ecr-docker-ci", async () => {
    const config = part(
      [
        `fileobj =\n  FROM ${baseImage}\n  ARG A\n  RUN echo $$A > /a`,
        "buildargs =\n  A=b",
        "nocache = true",
        "rm = true",
        "forcerm = true",
        "quiet = true",
        "pull = false",
        "decode = true",
        "encoding = gzip",
        "shmsize = 32m",
        "container_limits.memory = 256m",
        "container_limits.memswap = -1",
        "container_limits.cpushares = 512",
        "container_limits.cpusetcpus = 0",
        `cache_from = ${baseImage}`,
        "builder = classic",
      ].join("\n"),
    );
    const made = await buildout({ config });
    await installed(made, "app");
    expect(await printed(name, ["cat", "/a"])).to.equal("b\n");
    expect(made.log("app"), "quiet").to.deep.equal([]);
  });

  it("makes a part that is built FROM another part's image follow it", async () => {
    const base = uniqueName("tsb-base");
    images.push(base);
    const made = await buildout({
      config: `${part("source = app").replace("parts = app", "parts = app base")}[base]\nrecipe = docker.build\nname = ${base}\nsource = base\n`,
      files: {
        "app/Dockerfile": `ARG BASE=${base}\nFROM $BASE\nRUN cat /version > /copied\n`,
        "base/Dockerfile": dockerfile("COPY version /version"),
        "base/version": "1",
      },
    });
    await installed(made, "app");
    expect(made.begun()).to.deep.equal(["install base", "install app"]);
    made.events.length = 0;
    await writeFile(join(made.directory, "base/version"), "2");
    await installed(made, "app");
    expect(made.begun()).to.deep.equal(["update base", "update app"]);
    expect(await printed(name, ["cat", "/copied"])).to.equal("2");
  });

  it("does not take an image that a user made from its own, under its own name, for its own", async () => {
    const made = await buildout({
      config: part("source = src"),
      files: { "src/Dockerfile": dockerfile("COPY v /v"), "src/v": "1" },
    });
    const { "image-id": id } = await installed(made, "app");
    await writeFiles(made.directory, { "src/not-copied": "" });
    expect((await installed(made, "app"))["image-id"], "the same after an update").to.equal(id);
    const container = uniqueName("tsb-build-users");
    const body = { Image: name, Cmd: ["true"] };
    await engineJson({ method: "POST", path: `/containers/create?name=${container}`, body });
    const commit = `/commit?container=${container}`;
    try {
      const users = await engineJson<{ Id: string }>({ method: "POST", path: commit, body: {} });
      const { RepoTags } = (await inspectedImage(name))!;
      await engineJson({
        method: "POST",
        path: `/images/${users.Id}/tag?repo=${RepoTags![0]!.replace(":latest", "")}`,
      });
      expect((await made.plan()).steps.flatMap(({ reasons }) => reasons)).to.deep.equal([
        `image ${name}:latest is another image now`,
      ]);
      await made.uninstall();
      // Podman leaves out the algorithm where it commits.
      expect((await inspectedImage(name))?.Id).to.contain(users.Id);
    } finally {
      await engineRemove("containers", container);
    }
  });

  it("removes a replaced image that a container ran on, once the container has moved", async () => {
    const container = uniqueName("tsb-build-run");
    const made = await buildout({
      config: `${part("source = src").replace("parts = app", "parts = app web")}[web]\nrecipe = docker.run\nname = ${container}\nimage = $<app:image-id>\ncommand = sleep 1000\n`,
      files: { "src/Dockerfile": dockerfile("COPY v /v", "STOPSIGNAL SIGKILL"), "src/v": "1" },
    });
    const first = await installed(made, "app");
    await writeFile(join(made.directory, "src/v"), "2");
    const second = await installed(made, "app");
    expect(second["image-id"]).not.to.equal(first["image-id"]);
    expect(await engineHas(`/images/${first["image-id"]}/json`)).to.equal(false);
  });

  it("does not count what the run itself writes into the folder", async () => {
    const made = await buildout({
      config: part("source = ."),
      files: { Dockerfile: dockerfile("COPY . /all") },
    });
    await installed(made, "app");
    expect((await made.install()).counts).to.include({ unchanged: 1 });
    expect(await printed(name, ["ls", "-1A", "/all"])).to.equal("Dockerfile\nbuildout.cfg\n");
  });

  it("takes a path that begins in the user's home", async () => {
    const made = await buildout({ config: part("source = ~/src\ndockerfile = ~/other") });
    await writeFiles(join(made.directory, "home"), { "src/v": "1", other: dockerfile("COPY v /v") });
    await installed(made, "app");
    expect(await printed(name, ["cat", "/v"])).to.equal("1");
  });

  it("says what is missing: the source, the Dockerfile, a secret", async () => {
    const made = await buildout({ config: part("source = nowhere") });
    const notes = async () => (await made.plan()).steps[0]?.notes;
    expect(await notes()).to.deep.equal([
      `would fail as things are: ${made.directory}/nowhere does not exist`,
    ]);
    expect(await failing(made)).to.equal(`build/no-source: ${made.directory}/nowhere does not exist`);
    await writeFiles(made.directory, { "src/x": "" });
    execFileSync("mkfifo", [join(made.directory, "pipe")]);
    await made.write(part("source = pipe"));
    expect(await failing(made)).to.match(
      /^build\/not-archive: .*\/pipe is neither a folder nor a tar archive\n/,
    );
    await made.write(part("source = src"));
    expect(await notes()).to.deep.equal([
      `would fail as things are: cannot read ${made.directory}/src/Dockerfile: it does not exist`,
    ]);
    expect(await failing(made)).to.equal(
      `context/no-dockerfile: cannot read ${made.directory}/src/Dockerfile: it does not exist`,
    );
    await made.write(part("source = src\ndockerfile = src/Other"));
    await writeFiles(made.directory, { "src/Other": "" });
    expect(await failing(made)).to.equal(
      `context/no-dockerfile: cannot read ${made.directory}/src/src/Other: it does not exist\nhelp: the path begins in the source: write dockerfile = Other`,
    );
    expect(blamed(made)).to.deep.equal(["dockerfile = src/Other"]);
    await made.write(part("context = ./src"));
    expect(await failing(made)).to.equal(
      `context/no-dockerfile: cannot read ${made.directory}/Dockerfile: it does not exist\nhelp: context says where the engine is: write source = ./src`,
    );
    await made.write(part("source = src\nsecrets = id=a,src=not-there"));
    await writeFiles(made.directory, { "src/Dockerfile": dockerfile("RUN true") });
    expect(await failing(made)).to.equal(
      `build/secret: the secret "a" cannot be read: there is no file ${made.directory}/not-there`,
    );
  });

  it("keeps the old image when a rebuild fails, and tries again", async () => {
    // Of this test alone: among steps of others that are the same, podman's cache takes one or the other.
    const own = `RUN echo ${name} > /n`;
    const made = await buildout({
      // Podman would take them in another order each time.
      config: part("source = src\nlabels = a=1\n    b=2\n    c=3\n    d=4"),
      files: { "src/Dockerfile": dockerfile(own) },
    });
    const first = await installed(made, "app");
    await writeFiles(made.directory, { "src/Dockerfile": dockerfile("RUN exit 9") });
    await failing(made);
    expect((await inspectedImage(name))?.Id).to.equal(first["image-id"]);
    await writeFiles(made.directory, { "src/Dockerfile": dockerfile(own) });
    await rm(join(made.directory, ".tsbuildout"), { recursive: true, force: true });
    const again = await installed(made, "app");
    expect(again["image-id"]).to.equal(first["image-id"]);
  });
});
