import { expect } from "chai";
import type { TestBuildout } from "../../../src/testing.js";
import { realBuildx } from "../../support/buildx.js";
import {
  apiBefore,
  engineJson,
  engineRemove,
  engineRequest,
  isPodman,
  uniqueName,
} from "../../support/engine.js";
import { baseImage, ensureBaseImage } from "../../support/images.js";
import {
  blamed,
  diagnostics,
  failing,
  imageBuildouts,
  installed,
  printed,
} from "../../support/image-buildout.js";

const NO_LIMITS =
  "the BuildKit of this engine does not limit its steps\nhelp: set builder = classic to have the limits";

/** What BuildKit heeds in the engines of today, what older ones pass over, and what nothing but buildx can say to it. */
describe("docker.build: the settings of RUN steps and of BuildKit", () => {
  let name: string;
  let buildx: Readonly<Record<string, string>>;
  const opened = imageBuildouts();
  before(async () => {
    await ensureBaseImage();
    buildx = await realBuildx();
  });
  beforeEach(() => void (name = uniqueName("tsb-steps")));
  afterEach(async () => await engineRemove("images", name));
  const config = (options: readonly string[], lines: readonly string[]): string =>
    [
      "[buildout]\nparts = app\n[app]\nrecipe = docker.build",
      `name = ${name}`,
      ...options,
      "dockerfile-inline =",
      ...lines.map((line) => `  ${line}`),
      "",
    ].join("\n");
  const buildout = async (options: readonly string[], lines: readonly string[]): Promise<TestBuildout> =>
    await opened({ config: config(options, lines), env: buildx });
  const read = async (path: string): Promise<string> => (await printed(name, ["cat", path])).trimEnd();

  /** An image on one that another part builds. */
  const onAnother = (label: string): string =>
    [
      `[buildout]\nparts = app base\n[app]\nrecipe = docker.build\nname = ${name}\nbuilder = buildx`,
      `build-contexts = below=docker-image://${name}-base`,
      "dockerfile-inline =\n  FROM below\n  RUN cat /label > /seen",
      `[base]\nrecipe = docker.build\nname = ${name}-base`,
      `dockerfile-inline =\n  FROM ${baseImage}\n  RUN echo ${label} > /label\n`,
    ].join("\n");

  for (const line of ["cpu-shares = 5", "container_limits = cpushares=5", "container_limits.cpushares = 5"])
    it(`a limit is told where it is written: ${line}`, async () => {
      const made = await buildout(["builder = buildkit", line], ["FROM scratch", `LABEL x=${name}`]);
      await installed(made, "app");
      expect(blamed(made)).to.deep.equal((await isPodman()) ? [] : [line]);
    });

  for (const builder of ["buildkit", "buildx"]) {
    it(`ulimits: since engine 23, and said before, by the builder ${builder}`, async () => {
      const options = [`builder = ${builder}`, "no-cache = true", "ulimits = nofile=64:128"];
      const made = await buildout(options, [`FROM ${baseImage}`, "RUN (ulimit -n; ulimit -H -n) > /seen"]);
      await installed(made, "app");
      const old = (await apiBefore(42)) && !(await isPodman());
      expect(diagnostics(made)).to.deep.equal(old ? [`build/no-limits: ulimits: ${NO_LIMITS}`] : []);
      if (!old) expect(await read("/seen")).to.equal("64\n128");
    });

    it(`cgroup-parent: by buildx since engine 23, and said else, by the builder ${builder}`, async () => {
      const options = [`builder = ${builder}`, "no-cache = true", "cgroup-parent = tsb-above"];
      const made = await buildout(options, [`FROM ${baseImage}`, "RUN cat /proc/self/cgroup > /seen"]);
      await installed(made, "app");
      const heeded = builder === "buildx" && !(await apiBefore(42));
      expect(diagnostics(made)).to.deep.equal(heeded ? [] : [`build/no-limits: cgroup-parent: ${NO_LIMITS}`]);
      expect((await read("/seen")).includes("tsb-above/")).to.equal(heeded);
    });

    it(`check: fails the build for what is else a warning, by the builder ${builder}`, async () => {
      const lines = ["from scratch", "COPY <<x /x", "x"];
      const strict = [`builder = ${builder}`, "check = error=true"];
      const made = await buildout(strict, lines);
      if (await apiBefore(46)) {
        await made.write(config(strict, [`FROM ${baseImage}`]));
        await installed(made, "app");
        expect(diagnostics(made)).to.deep.equal([
          "build/no-checks: check: the BuildKit of this engine checks no Dockerfiles\nhelp: let the Dockerfile begin with `# syntax=docker/dockerfile:1`",
        ]);
        return;
      }
      expect(await failing(made)).to.contain("lint violation found for rules: ConsistentInstructionCasing");
      await made.write(
        config([`builder = ${builder}`, "check = skip=ConsistentInstructionCasing;error=true"], lines),
      );
      await installed(made, "app");
    });
  }

  it("cpu-period: what the quota is a part of, by the builder classic", async () => {
    const options = ["builder = classic", "no-cache = true", "cpu-period = 20000", "cpu-quota = 10000"];
    const files = "/sys/fs/cgroup/cpu/cpu.cfs_period_us /sys/fs/cgroup/cpu.max";
    const made = await buildout(options, [`FROM ${baseImage}`, `RUN cat ${files} > /seen || true`]);
    await installed(made, "app");
    expect(await read("/seen")).to.match(/^(10000 )?20000$/);
  });

  it("isolation: the engine says what it knows", async () => {
    const made = await buildout(["builder = classic", "isolation = hyperv"], [`FROM ${baseImage}`]);
    expect(await failing(made)).to.match(/^build\/failed: .*hyperv/);
    await made.write(config(["builder = classic", "isolation = default"], [`FROM ${baseImage}`]));
    await installed(made, "app");
  });

  it("no-cache-filter: only the stage that is named is built anew", async () => {
    const uuid = "cat /proc/sys/kernel/random/uuid";
    const lines = [
      `FROM ${baseImage} AS kept`,
      `RUN ${uuid} > /kept`,
      `FROM ${baseImage} AS again`,
      `RUN ${uuid} > /again`,
      `FROM ${baseImage}`,
      "COPY --from=kept /kept /kept",
      "COPY --from=again /again /again",
    ];
    const made = await buildout(["builder = buildx"], lines);
    await installed(made, "app");
    const [kept, again] = [await read("/kept"), await read("/again")];
    await made.write(config(["builder = buildx", "no-cache-filter = again"], lines));
    await installed(made, "app");
    expect(await read("/kept")).to.equal(kept);
    expect(await read("/again")).not.to.equal(again);
  });

  it("allow: a step may have what it asks for, and not without", async () => {
    const lines = [`FROM ${baseImage}`, "RUN --network=host ls /sys/class/net > /seen"];
    const made = await buildout(["builder = buildx", "no-cache = true"], lines);
    if (await apiBefore(42)) {
      expect(await failing(made), "a step of this age cannot ask").to.contain("network");
      return;
    }
    expect(await failing(made)).to.contain("network.host");
    await made.write(config(["builder = buildx", "no-cache = true", "allow = network.host"], lines));
    await installed(made, "app");
    await made.write(config(["builder = buildx", "allow = no.such"], lines));
    expect(await failing(made)).to.contain("no.such");
  });

  for (const builder of ["buildkit", "buildx"])
    it(`annotations: in the manifest where the engine keeps one, and said where it does not, by the builder ${builder}`, async () => {
      const options = [
        `builder = ${builder}`,
        "annotations =\n  tsb.note=kept, as=written\n  manifest:tsb.more=too",
      ];
      const made = await buildout(options, [`FROM ${baseImage}`]);
      await installed(made, "app");
      const { DriverStatus } = await engineJson<{ DriverStatus: unknown }>({ path: "/info" });
      const keeps = JSON.stringify(DriverStatus).includes("io.containerd.snapshotter");
      const { body } = await engineRequest({ path: `/images/${name}/get` });
      for (const annotation of [/"tsb\.note": ?"kept, as=written"/, /"tsb\.more": ?"too"/])
        expect(annotation.test(body.toString("latin1")), String(annotation)).to.equal(keeps);
      expect(diagnostics(made)).to.deep.equal(
        keeps
          ? []
          : [
              "build/no-annotations: annotations: the engine keeps none without its containerd image store\nhelp: turn on the containerd image store, or build with builder = buildx:NAME",
            ],
      );
    });

  it("build-contexts: the image of another part is built before, and followed", async () => {
    const made = await opened({ config: onAnother("one"), env: buildx });
    if (await apiBefore(42)) {
      expect(await failing(made)).to.contain(
        "unsupported frontend capability moby.buildkit.frontend.contexts",
      );
      return;
    }
    await installed(made, "app");
    await made.write(onAnother("two"));
    await installed(made, "app");
    expect(await read("/seen")).to.equal("two");
    expect((await made.install()).counts).to.include({ unchanged: 2 });
  });

  it("build-contexts: said where a folder is not there", async () => {
    const made = await buildout(["builder = buildx", "build-contexts = more=nowhere"], [`FROM ${baseImage}`]);
    expect(await failing(made)).to.equal(
      `folder/unreadable: cannot read ${made.directory}/nowhere: it does not exist`,
    );
  });

  it("allow and no-cache-filter: said where there is no buildx", async () => {
    const options = ["builder = buildkit", "allow = network.host", "no-cache-filter = x"];
    expect(await failing(await buildout(options, ["FROM scratch"]))).to.equal(
      "build/needs-buildx: no-cache-filter, allow: docker buildx is needed for this\nnote: builder = buildkit was asked for\nhelp: set builder = auto, or leave no-cache-filter, allow away",
    );
  });
});
