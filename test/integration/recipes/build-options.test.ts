import { expect } from "chai";
import { createHash, randomBytes } from "node:crypto";
import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildOptions } from "../../../src/recipes/build-options.js";
import { cacheOptions } from "../../../src/recipes/build-cache-options.js";
import type { TestBuildout } from "../../../src/testing.js";
import { realBuildx } from "../../support/buildx.js";
import { makeCertificates } from "../../support/certificates.js";
import { countingProxy } from "../../support/counting-proxy.js";
import { apiBefore, engineJson, engineRemove, isPodman, uniqueName } from "../../support/engine.js";
import { everyOption } from "../../support/every-option.js";
import { baseImage, ensureBaseImage, loadImage } from "../../support/images.js";
import {
  diagnostics,
  failing,
  imageBuildout,
  inspectedImage,
  installed,
  printed,
  type ImageBuildout,
} from "../../support/image-buildout.js";
import { tlsProxy } from "../../support/proxies.js";
import { startRegistry } from "../../support/registry.js";
import { manifestIn } from "../../support/registry-content.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

const SHM = "df -k /dev/shm | awk 'END { print $2 }'";

/** What a step of the build sees of an option: a command's output, and what it is to be like. */
const STEPS: readonly (readonly [
  option: string,
  text: string,
  command: string,
  seen: RegExp,
  builders?: readonly string[],
])[] = [
  ["shm-size", "32m", SHM, /^32768$/, ["classic"]],
  ["network", "none", "ls /sys/class/net", /^lo$/],
  ["extra-hosts", "one.test:10.1.2.3", "grep one.test /etc/hosts", /^10\.1\.2\.3\s+one\.test$/],
  ["extra-hosts", "two.test=[::7]", "grep two.test /etc/hosts", /^::7\s+two\.test$/],
  ["build-args", "SEEN=a b", "echo $SEEN", /^a b$/],
  ["memory", "64m", limit("memory/memory.limit_in_bytes", "memory.max"), /^67108864$/, ["classic"]],
  ["cpu-shares", "512", limit("cpu/cpu.shares", "cpu.weight"), /^(512|20|59)$/, ["classic"]],
  ["cpuset-cpus", "0", "awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status", /^0$/, ["classic"]],
  ["cpuset-mems", "0", "awk '/^Mems_allowed_list/ { print $2 }' /proc/self/status", /^0$/, ["classic"]],
  ["cpu-quota", "50000", limit("cpu/cpu.cfs_quota_us", "cpu.max"), /^50000( 100000)?$/, ["classic"]],
  ["ulimits", "nofile=64:128", "ulimit -n; ulimit -H -n", /^64\n128$/, ["classic"]],
  ["cgroup-parent", "tsb-above", "grep -c tsb-above/ /proc/self/cgroup", /^[1-9]/, ["classic"]],
  [
    "container-limits",
    "\n  cpusetcpus=0\n  memory=64m",
    `awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status; ${limit("memory/memory.limit_in_bytes", "memory.max")}`,
    /^0\n67108864$/,
    ["classic"],
  ],
];

/** A file of the control groups, of version 1 or else of version 2. */
function limit(one: string, two: string): string {
  return `cat /sys/fs/cgroup/${one} 2>/dev/null || cat /sys/fs/cgroup/${two}`;
}

/** Options that a test of their own looks after: below, or in the other tests of docker.build. */
const ELSEWHERE =
  "name tag tags source dockerfile dockerfile-inline target labels quiet secrets ssh builder custom-context decode " +
  "cache-from cache-to no-cache pull rm force-rm encoding memory-swap platform output provenance sbom build-contexts " +
  // In build-steps.test.ts.
  "cpu-period isolation allow no-cache-filter annotations check";

describe("docker.build: every option", () => {
  let name: string;
  const open: TestBuildout[] = [];
  before(async () => void (await ensureBaseImage()));
  beforeEach(() => void (name = uniqueName("tsb-option")));
  afterEach(async () => {
    for (const made of open.splice(0)) {
      await made.uninstall();
      await made.dispose();
    }
    await engineRemove("images", name);
  });

  const config = (options: readonly string[], lines: readonly string[]): string =>
    [
      "[buildout]\nparts = app\n[app]\nrecipe = docker.build",
      `name = ${name}`,
      ...options,
      "dockerfile-inline =",
      ...lines.map((line) => `  ${line.replaceAll("$", "$$$$")}`),
      "",
    ].join("\n");
  const buildout = async (config: string, more: Partial<ImageBuildout> = {}): Promise<TestBuildout> => {
    const made = await imageBuildout({ config, ...more });
    open.push(made);
    return made;
  };
  const built = async (options: readonly string[], lines: readonly string[]): Promise<TestBuildout> => {
    const made = await buildout(config(options, lines));
    await installed(made, "app");
    return made;
  };
  const read = async (path: string): Promise<string> => (await printed(name, ["cat", path])).trimEnd();

  for (const [option, text, command, seen, builders = ["classic", "buildkit"]] of STEPS)
    for (const builder of builders)
      it(`${option} = ${text.trim().replaceAll(/\s*\n\s*/g, " | ")}, by the builder ${builder}`, async () => {
        const lines = [`FROM ${baseImage}`, "ARG SEEN", `RUN (${command}) > /seen`];
        await built([`builder = ${builder}`, "no-cache = true", `${option} = ${text}`], lines);
        expect(await read("/seen")).to.match(seen);
      });

  everyOption(buildOptions, [
    ...STEPS.map(([option]) => option),
    ...ELSEWHERE.split(" "),
    ...Object.keys(cacheOptions),
  ]);

  for (const builder of ["classic", "buildkit"])
    it(`build-args: the proxies of the docker CLI's settings are some, by the builder ${builder}`, async () => {
      const proxies = { default: { httpProxy: "http://ann:correct-horse@10.0.0.1:3128", noProxy: "a.test" } };
      const folder = await temporaryFolder({ "config.json": JSON.stringify({ proxies }) });
      const lines = [`FROM ${baseImage}`, "RUN echo $HTTP_PROXY $http_proxy $no_proxy > /seen"];
      const made = await buildout(
        config([`builder = ${builder}`, "no-cache = true", "build-args = no_proxy=b.test"], lines),
        { env: { DOCKER_CONFIG: folder } },
      );
      await installed(made, "app");
      const { httpProxy } = proxies.default;
      expect(await read("/seen")).to.equal(`${httpProxy} ${httpProxy} b.test`);
      const { Config } = await engineJson<{ Config: object }>({ path: `/images/${name}/json` });
      expect(JSON.stringify(Config), "in the image").not.to.contain("3128");
      expect(JSON.stringify(made.events), "in the log").not.to.contain("correct-horse");
    });

  it("memory-swap: where the engine's kernel counts it", async () => {
    const { SwapLimit } = await engineJson<{ SwapLimit: boolean }>({ path: "/info" });
    const command = limit("memory/memory.memsw.limit_in_bytes", "memory.swap.max");
    const options = ["builder = classic", "no-cache = true", "memory = 64m", "memory-swap = 96m"];
    await built(options, [`FROM ${baseImage}`, `RUN (${command} || echo unknown) > /seen`]);
    // Version 2 counts swap alone.
    if (SwapLimit) expect(await read("/seen")).to.match(/^(100663296|33554432)$/);
  });

  it("shm-size: by BuildKit since engine 23, and said before", async () => {
    const options = ["builder = buildkit", "no-cache = true", "shm-size = 32m"];
    const made = await built(options, [`FROM ${baseImage}`, `RUN ${SHM} > /seen`]);
    const old = (await apiBefore(42)) && !(await isPodman());
    expect(diagnostics(made)).to.deep.equal(
      old
        ? [
            "build/no-limits: shm-size: the BuildKit of this engine does not limit its steps\nhelp: set builder = classic to have the limits",
          ]
        : [],
    );
    if (!old) expect(await read("/seen")).to.equal("32768");
  });

  for (const builder of ["classic", "buildkit"])
    it(`no-cache: every step is done anew, by the builder ${builder}`, async () => {
      const lines = [`FROM ${baseImage}`, "RUN cat /proc/sys/kernel/random/uuid > /seen"];
      const made = await built([`builder = ${builder}`], lines);
      const first = await read("/seen");
      await made.write(config([`builder = ${builder}`, "labels = a=1"], lines));
      await installed(made, "app");
      expect(await read("/seen"), "cached").to.equal(first);
      await made.write(config([`builder = ${builder}`, "labels = a=2", "no-cache = true"], lines));
      await installed(made, "app");
      expect(await read("/seen"), "anew").not.to.equal(first);
    });

  it("rm and force-rm: whether the containers of steps stay (classic builder)", async () => {
    const label = uniqueName("tsb-step");
    const containers = async (): Promise<string[]> => {
      const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
      const path = `/containers/json?all=1&filters=${filters}`;
      return (await engineJson<{ Id: string }[]>({ path })).map(({ Id }) => Id);
    };
    const lines = (step: string): string[] => [`FROM ${baseImage}`, `LABEL ${label}=1`, `RUN ${step}`];
    const classic = ["builder = classic", "no-cache = true"];
    await built(classic, lines("true"));
    expect(await containers()).to.deep.equal([]);
    const made = await built([...classic, "rm = false", "force-rm = false"], lines("true"));
    const left = await containers();
    expect(left).to.have.lengthOf.at.least(1);
    for (const id of left) await engineRemove("containers", id);

    await made.write(config(classic, lines("false")));
    await failing(made);
    expect(await containers(), "force-rm").to.deep.equal([]);
    await made.write(config([...classic, "force-rm = false"], lines("false")));
    await failing(made);
    const failed = await containers();
    expect(failed, "to be looked into").to.have.lengthOf.at.least(1);
    for (const id of failed) await engineRemove("containers", id);
    // What a failing step was to stand on, nobody else takes away.
    const filters = encodeURIComponent(JSON.stringify({ label: [label], dangling: ["true"] }));
    const images = await engineJson<{ Id: string }[]>({ path: `/images/json?filters=${filters}` });
    for (const { Id } of images) await engineRemove("images", Id);
    await made.write(config(classic, lines("true")));
  });

  for (const builder of ["classic", "buildkit"])
    it(`platform: the image is for that one, by the builder ${builder}`, async () => {
      const made = await buildout(
        `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nsource = src\nbuilder = ${builder}\nplatform = linux/arm64\n`,
        { files: { "src/Dockerfile": "FROM scratch\nCOPY data /data\n", "src/data": "x" } },
      );
      await installed(made, "app");
      const { Architecture } = await engineJson<{ Architecture: string }>({ path: `/images/${name}/json` });
      expect(Architecture).to.equal("arm64");
    });

  it("encoding: gzip packs the context on the way", async () => {
    const size = 2 * 1024 * 1024;
    const files = { "src/Dockerfile": `FROM ${baseImage}\nCOPY data /data\n`, "src/data": "0".repeat(size) };
    const sent = async (encoding: string): Promise<number> => {
      const proxy = await countingProxy();
      try {
        const options = `source = src\nbuilder = classic\nencoding = ${encoding}\nengine-url = ${proxy.url}`;
        const part = `[app]\nrecipe = docker.build\nname = ${name}\n${options}\n`;
        const made = await buildout(`[buildout]\nparts = app\n${part}`, { files });
        await installed(made, "app");
        expect(await read("/data")).to.have.lengthOf(size);
        await made.uninstall();
        return proxy.sent();
      } finally {
        proxy.close();
      }
    };
    expect(await sent("identity")).to.be.greaterThan(size);
    expect(await sent("gzip")).to.be.lessThan(size / 10);
  });

  describe("with a registry", () => {
    let registry: Awaited<ReturnType<typeof startRegistry>>;
    let held: string;
    before(async () => void (registry = await startRegistry()));
    after(async () => await registry.stop());
    beforeEach(() => void (held = `${registry.host}/${name}-held:1`));
    afterEach(async () => await engineRemove("images", held));

    for (const builder of ["classic", "buildkit"])
      it(`pull: another image in the registry is built from, by the builder ${builder}`, async () => {
        await loadImage(held, { Env: ["VERSION=1"] });
        await push(held);
        const lines = [`FROM ${held}`, "RUN echo $VERSION > /seen"];
        const made = await built([`builder = ${builder}`], lines);
        const moved = async (version: string): Promise<void> => {
          const here = await inspectedImage(held);
          await loadImage(held, { Env: [`VERSION=${version}`] });
          await push(held);
          await engineRemove("images", held);
          const back = `/images/${here?.Id}/tag?repo=${held.slice(0, -2)}&tag=1`;
          await engineJson({ method: "POST", path: back });
        };
        await moved("2");
        expect((await made.install()).counts, "not asked for").to.include({ unchanged: 1 });
        await made.write(config([`builder = ${builder}`, "pull = true"], lines));
        await installed(made, "app");
        expect(await read("/seen")).to.equal("2");
        expect((await made.install()).counts).to.include({ unchanged: 1 });
        await moved("3");
        const pulling = config([`builder = ${builder}`, "pull = true"], lines);
        for (const how of ["offline = true", "newest = false"]) {
          await made.write(`${pulling}[buildout]\n${how}\n`);
          expect((await made.install()).counts, how).to.include({ unchanged: 1 });
        }
        const { digest } = await manifestIn(held);
        const manifests = `http://${held.replace("/", "/v2/").replace(/:1$/, "/manifests")}`;
        await fetch(`${manifests}/${digest}`, { method: "DELETE" });
        await made.write(pulling);
        expect((await made.install()).counts, "the registry has none").to.include({ unchanged: 1 });
      });

    for (const builder of ["classic", "buildkit"])
      it(`an image that the build itself fetches is no change, by the builder ${builder}`, async () => {
        await loadImage(held, { Env: ["VERSION=1"] });
        await push(held);
        await engineRemove("images", held);
        const made = await built([`builder = ${builder}`], [`FROM ${held}`, "RUN echo $VERSION > /seen"]);
        expect(await read("/seen")).to.equal("1");
        expect((await made.install()).counts).to.include({ unchanged: 1 });
      });

    it("cache-to and cache-from: an image brings its steps along, where nothing else has them", async () => {
      // Known to no build cache: the engine that has built it keeps its steps.
      const data = randomBytes(16).toString("hex");
      const lines = [`FROM ${baseImage}`, `RUN echo ${data}; cat /proc/sys/kernel/random/uuid > /seen`];
      const made = await built(["builder = buildkit", "cache-to = type=inline"], lines);
      const first = await read("/seen");
      await engineJson({ method: "POST", path: `/images/${name}/tag?repo=${held.slice(0, -2)}&tag=1` });
      await push(held);
      await made.uninstall();
      await engineRemove("images", held);
      await forgetSteps(data);
      await made.write(config(["builder = buildkit", `cache-from = ${held}`], lines));
      await installed(made, "app");
      expect(await read("/seen")).to.equal(first);
      await made.uninstall();
      await forgetSteps(data);
      await made.write(config(["builder = buildkit"], lines));
      await installed(made, "app");
      expect(await read("/seen"), "without it").not.to.equal(first);
    });
  });

  describe("with the real buildx", () => {
    let env: Readonly<Record<string, string>>;
    before(async () => void (env = await realBuildx()));
    const withBuildx = async (
      options: readonly string[],
      lines: readonly string[],
      more: Readonly<Record<string, string>> = {},
    ): Promise<TestBuildout> =>
      await buildout(config(["builder = buildx", ...options], lines), {
        env: { ...env, ...more },
        files: { "src/data": "of the folder\n", "more/data": "of the other\n" },
      });

    it("output: the files of the image in a folder", async () => {
      const made = await withBuildx(
        ["source = src", "output = type=local,dest=out"],
        ["FROM scratch", "COPY data /data"],
      );
      const outputs = await installed(made, "app");
      expect(outputs["image-id"]).to.equal("");
      const data = join(made.directory, "out/data");
      expect(await readFile(data, "utf8")).to.equal("of the folder\n");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      await rm(join(made.directory, "out"), { recursive: true });
      expect((await made.plan()).steps[0]?.reasons).to.deep.equal([
        `output ${join(made.directory, "out")} is gone`,
      ]);
      await installed(made, "app");
      expect(await readFile(data, "utf8"), "made again").to.equal("of the folder\n");
    });

    it("build-contexts: files of another folder", async () => {
      const made = await withBuildx(
        ["source = src", "build-contexts = other=more"],
        [`FROM ${baseImage}`, "COPY --from=other data /data"],
      );
      if (await apiBefore(42)) {
        expect(await failing(made)).to.contain(
          "unsupported frontend capability moby.buildkit.frontend.contexts",
        );
        return;
      }
      await installed(made, "app");
      expect(await read("/data")).to.equal("of the other");
      expect((await made.install()).counts).to.include({ unchanged: 1 });
      await writeFiles(made.directory, { "more/data": "of the other, changed\n" });
      await installed(made, "app");
      expect(await read("/data")).to.equal("of the other, changed");
    });

    const asking = async (option: string): Promise<TestBuildout> =>
      await withBuildx(["source = src", option], ["FROM scratch", "COPY data /data"]);

    it("provenance, sbom, cache-to and several platforms: said where the engine has no place for them", async () => {
      for (const [option, what] of [
        ["provenance = mode=max", "Attestation"],
        ["sbom = true", "Attestation"],
        ["cache-to = type=local,dest=out", "Cache export"],
      ] as const) {
        const refused = await asking(option);
        expect(await failing(refused))
          .to.match(
            new RegExp(`^build/failed: the build failed: ${what} is not supported for the docker driver`),
          )
          .and.to.contain("help: Switch to a different driver, or turn on the containerd image store");
        const text = refused.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
        expect(text.join(""), "where it is asked for").to.contain(` | ${option}`);
      }
      const several = await asking("platform = linux/amd64 linux/arm64");
      const { steps } = await several.plan();
      expect(steps.flatMap(({ notes = [] }) => notes)).to.deep.equal([
        "would fail as things are: platform: this engine can hold an image of one platform only",
      ]);
      expect(await failing(several)).to.equal(
        "build/platforms: platform: this engine can hold an image of one platform only\nhelp: give one platform; set output = type=registry,name=…,push=true; or turn on the engine's containerd image store",
      );
    });

    it("secrets, labels and build arguments", async () => {
      const made = await withBuildx(
        ["secrets = id=s,src=src/data", "labels = a=1", "build-args = B=2"],
        [`FROM ${baseImage}`, "ARG B", "RUN --mount=type=secret,id=s (cat /run/secrets/s; echo $B) > /seen"],
      );
      await installed(made, "app");
      expect(await read("/seen")).to.equal("of the folder\n2");
      expect((await inspectedImage(name))?.Config.Labels).to.include({ a: "1" });
      expect((await made.install()).counts).to.include({ unchanged: 1 });
    });

    it("context and machine-name: with the certificates of the docker context", async () => {
      const certificates = await makeCertificates();
      const proxy = await tlsProxy(certificates);
      const id = createHash("sha256").update(name).digest("hex");
      const meta = { Name: name, Endpoints: { docker: { Host: `tcp://127.0.0.1:${proxy.port}` } } };
      const folder = env["DOCKER_CONFIG"] ?? "";
      await writeFiles(folder, { [`contexts/meta/${id}/meta.json`]: JSON.stringify(meta) });
      await cp(certificates.client, join(folder, `contexts/tls/${id}/docker`), { recursive: true });
      try {
        for (const option of ["context", "machine-name"]) {
          const lines = [`FROM ${baseImage}`, `RUN echo ${option} ${name} > /seen`];
          const made = await withBuildx([`${option} = ${name}`], lines);
          await installed(made, "app");
          expect(await read("/seen")).to.equal(`${option} ${name}`);
          await made.uninstall();
        }
      } finally {
        await proxy.close();
      }
    });

    it("machine-name: with the certificates of docker-machine's record, wherever they are", async () => {
      const certificates = await makeCertificates();
      const proxy = await tlsProxy(certificates);
      const pem = (file: string): string => join(certificates.client, file);
      const AuthOptions = { ClientCertPath: pem("cert.pem"), ClientKeyPath: pem("key.pem") };
      const Driver = { URL: `tcp://127.0.0.1:${proxy.port}` };
      const store = await temporaryFolder({
        [`machines/${name}/config.json`]: JSON.stringify({ Driver, HostOptions: { AuthOptions } }),
        [`machines/${name}/ca.pem`]: await readFile(pem("ca.pem"), "utf8"),
      });
      try {
        const lines = [`FROM ${baseImage}`, `RUN echo machine ${name} > /seen`];
        const made = await withBuildx([`machine-name = ${name}`], lines, { MACHINE_STORAGE_PATH: store });
        await installed(made, "app");
        expect(await read("/seen")).to.equal(`machine ${name}`);
        await made.uninstall();
      } finally {
        await proxy.close();
      }
    });

    it("secrets: a build argument of the same name as a secret's variable is another thing", async () => {
      const made = await withBuildx(
        ["secrets =\n  id=s,env=TOKEN\n  id=BARE", "build-args =\n  TOKEN=argument\n  BARE=other"],
        [
          `FROM ${baseImage}`,
          "ARG TOKEN BARE",
          `RUN --mount=type=secret,id=s --mount=type=secret,id=BARE : ${name}; echo $TOKEN $BARE $(cat /run/secrets/s /run/secrets/BARE) > /seen`,
        ],
        { TOKEN: "hush-", BARE: "hush" },
      );
      await installed(made, "app");
      expect(await read("/seen")).to.equal("argument other hush-hush");
    });

    it("secrets: from a folder whose name buildx would take for two", async () => {
      const made = await withBuildx([], []);
      const options = ["builder = buildx", 'secrets = id=s,src=one "s"'];
      const step = `RUN --mount=type=secret,id=s : ${name}; cat /run/secrets/s > /seen`;
      const text = config(options, [`FROM ${baseImage}`, step]);
      await writeFiles(made.directory, { 'a,b/one "s"': "in there" });
      await made.write(text.replace("[buildout]", `[buildout]\ndirectory = ${made.directory}/a,b`));
      await installed(made, "app");
      expect(await read("/seen")).to.equal("in there");
    });

    it("secrets: a step that prints one does not show it in the log", async () => {
      const made = await withBuildx(
        ["secrets =\n  id=f,src=src/data\n  id=v,env=TOKEN"],
        [
          `FROM ${baseImage}`,
          // The name is there so that no other run has done this step.
          `RUN --mount=type=secret,id=f --mount=type=secret,id=v : ${name}; cat /run/secrets/f; cat /run/secrets/v`,
        ],
        { TOKEN: "hush-hush" },
      );
      await installed(made, "app");
      expect(made.log("app")).to.include.members(["***"]);
      expect(made.log("app").join("\n")).not.to.match(/of the folder|hush/);
    });
  });
});

/** Takes the steps with a text in them from the engine's build cache, those that were made from them first. */
async function forgetSteps(text: string): Promise<void> {
  const path = "/system/df";
  const steps = async (): Promise<string[]> => {
    const { BuildCache } = await engineJson<{
      BuildCache: readonly { ID: string; Description: string }[] | null;
    }>({ path });
    return (BuildCache ?? []).flatMap(({ ID, Description }) => (Description.includes(text) ? [ID] : []));
  };
  for (const id of await steps()) {
    const filters = encodeURIComponent(JSON.stringify({ id: [id] }));
    await engineJson({ method: "POST", path: `/build/prune?all=1&filters=${filters}` });
  }
  expect(await steps()).to.deep.equal([]);
}

/** As anybody; to a registry of 127.0.0.1. */
async function push(image: string): Promise<void> {
  const [repository, tag] = [image.slice(0, image.lastIndexOf(":")), image.slice(image.lastIndexOf(":") + 1)];
  const headers = { "X-Registry-Auth": Buffer.from("{}").toString("base64") };
  await engineJson({ method: "POST", path: `/images/${repository}/push?tag=${tag}`, headers }).catch(
    () => undefined,
  );
}
