import { expect } from "chai";
import { json } from "node:stream/consumers";
import run_ from "../../../src/recipes/docker.run.js";
import { runOptions } from "../../../src/recipes/run-options.js";
import { engineHas, engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { everyOption } from "../../support/every-option.js";
import { fakeEngine } from "../../support/fake-engine.js";
import { ensureBaseImage } from "../../support/images.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";
import { failureOf, RunRig, type PartRig } from "../../support/recipe-part.js";

/** For every option, what the engine's own inspect says of a container that was made with it. */
type Case = readonly [
  option: string,
  text: string,
  path: string,
  expected: unknown,
  more?: Readonly<Record<string, string>>,
];

const CASES: readonly Case[] = [
  ["command", "sh -c 'echo \"a b\"'", "Config.Cmd", ["sh", "-c", 'echo "a b"']],
  ["command", '["sh", "-c", "echo \\"a b\\""]', "Config.Cmd", ["sh", "-c", 'echo "a b"']],
  ["command", '[ -f "a b" ]', "Config.Cmd", ["[", "-f", "a b", "]"]],
  ["entrypoint", "sh -c", "Config.Entrypoint", ["sh", "-c"]],
  ["user", "65534:65534", "Config.User", "65534:65534"],
  ["group-add", "10 wheel", "HostConfig.GroupAdd", ["10", "wheel"]],
  ["workdir", "/tmp", "Config.WorkingDir", "/tmp"],
  ["env", "A=b=c\nB=", "Config.Env", ["A=b=c", "B=", "PATH=/bin"]],
  ["tty", "true", "Config.Tty", true],
  ["stdin-open", "true", "Config.OpenStdin", true],
  ["init", "true", "HostConfig.Init", true],
  ["stop-signal", "SIGINT", "Config.StopSignal", "SIGINT"],
  ["stop-timeout", "1m", "Config.StopTimeout", 60],
  ["stop-timeout", "-1", "Config.StopTimeout", -1],
  ["labels", "a=b=c", "Config.Labels.a", "b=c"],
  ["restart", "on-failure:3", "HostConfig.RestartPolicy", { Name: "on-failure", MaximumRetryCount: 3 }],
  ["auto-remove", "true", "HostConfig.AutoRemove", true],
  ["hostname", "web1", "Config.Hostname", "web1"],
  ["domainname", "example.test", "Config.Domainname", "example.test"],
  [
    "ports",
    "127.0.0.1:18080:80 81/udp",
    "HostConfig.PortBindings",
    { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "18080" }], "81/udp": [{ HostIp: "", HostPort: "" }] },
  ],
  [
    "ports",
    "[::1]:18081:82 18084-18085:90-91/tcp",
    "HostConfig.PortBindings",
    {
      "82/tcp": [{ HostIp: "::1", HostPort: "18081" }],
      "90/tcp": [{ HostIp: "", HostPort: "18084" }],
      "91/tcp": [{ HostIp: "", HostPort: "18085" }],
    },
  ],
  ["expose", "70-71", "Config.ExposedPorts", { "70/tcp": {}, "71/tcp": {} }],
  ["network-mode", "none", "HostConfig.NetworkMode", "none"],
  ["dns", "10.0.0.53", "HostConfig.Dns", ["10.0.0.53"]],
  ["dns-search", "a.test b.test", "HostConfig.DnsSearch", ["a.test", "b.test"]],
  ["dns-options", "ndots:2", "HostConfig.DnsOptions", ["ndots:2"]],
  ["extra-hosts", "db=10.0.0.5", "HostConfig.ExtraHosts", ["db:10.0.0.5"]],
  ["volumes", "/tmp:/host:ro\n/anon", "HostConfig.Binds", ["/tmp:/host:ro"]],
  ["volumes", "/tmp:/host:ro\n/anon", "Config.Volumes", { "/anon": {} }],
  [
    "mounts",
    "type=bind,source=/tmp,target=/y,readonly,bind-propagation=rslave",
    "HostConfig.Mounts",
    [
      {
        Type: "bind",
        Source: "/tmp",
        Target: "/y",
        ReadOnly: true,
        BindOptions: { Propagation: "rslave" },
      },
    ],
  ],
  [
    "mounts",
    "type=tmpfs,target=/x,tmpfs-size=1m,tmpfs-mode=700",
    "HostConfig.Mounts",
    [{ Type: "tmpfs", Target: "/x", TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o700 } }],
  ],
  ["tmpfs", "/run:size=64m", "HostConfig.Tmpfs", { "/run": "size=64m" }],
  ["read-only", "true", "HostConfig.ReadonlyRootfs", true],
  ["shm-size", "8m", "HostConfig.ShmSize", 8_388_608],
  ["privileged", "true", "HostConfig.Privileged", true],
  ["cap-add", "CAP_NET_ADMIN CAP_SYS_TIME", "HostConfig.CapAdd", ["CAP_NET_ADMIN", "CAP_SYS_TIME"]],
  ["cap-drop", "ALL", "HostConfig.CapDrop", ["ALL"]],
  ["security-opt", "no-new-privileges", "HostConfig.SecurityOpt", ["no-new-privileges"]],
  [
    "devices",
    "/dev/null:/dev/nothing:rw",
    "HostConfig.Devices",
    [{ PathOnHost: "/dev/null", PathInContainer: "/dev/nothing", CgroupPermissions: "rw" }],
  ],
  ["device-cgroup-rules", "b 7:* rmw", "HostConfig.DeviceCgroupRules", ["b 7:* rmw"]],
  [
    "gpus",
    "device=0",
    "HostConfig.DeviceRequests",
    [{ Driver: "", Count: 0, DeviceIDs: ["0"], Capabilities: [["gpu"]], Options: null }],
  ],
  ["sysctls", "net.ipv4.ip_forward=1", "HostConfig.Sysctls", { "net.ipv4.ip_forward": "1" }],
  ["ulimits", "nofile=100:200", "HostConfig.Ulimits", [{ Name: "nofile", Soft: 100, Hard: 200 }]],
  ["ipc", "shareable", "HostConfig.IpcMode", "shareable"],
  ["pid", "host", "HostConfig.PidMode", "host"],
  ["uts", "host", "HostConfig.UTSMode", "host"],
  ["userns-mode", "host", "HostConfig.UsernsMode", "host"],
  ["cgroupns", "host", "HostConfig.CgroupnsMode", "host"],
  ["cgroup-parent", "/tsbuildout", "HostConfig.CgroupParent", "/tsbuildout"],
  ["runtime", "runc", "HostConfig.Runtime", "runc"],
  ["memory", "64m", "HostConfig.Memory", 67_108_864],
  ["memory", ".5g", "HostConfig.Memory", 536_870_912],
  ["memory-swap", "128m", "HostConfig.MemorySwap", 134_217_728, { memory: "64m" }],
  ["memory-reservation", "32m", "HostConfig.MemoryReservation", 33_554_432],
  ["cpus", "0.5", "HostConfig.NanoCpus", 500_000_000],
  ["cpus", "1/2", "HostConfig.NanoCpus", 500_000_000],
  ["cpu-shares", "512", "HostConfig.CpuShares", 512],
  ["cpuset-cpus", "0", "HostConfig.CpusetCpus", "0"],
  ["cpuset-mems", "0", "HostConfig.CpusetMems", "0"],
  ["pids-limit", "100", "HostConfig.PidsLimit", 100],
  ["oom-score-adj", "500", "HostConfig.OomScoreAdj", 500],
  [
    "device-read-bps",
    "/dev/null:1mb",
    "HostConfig.BlkioDeviceReadBps",
    [{ Path: "/dev/null", Rate: 1_048_576 }],
  ],
  [
    "device-write-bps",
    "/dev/null:1m /dev/zero:2000",
    "HostConfig.BlkioDeviceWriteBps",
    [
      { Path: "/dev/null", Rate: 1_048_576 },
      { Path: "/dev/zero", Rate: 2000 },
    ],
  ],
  ["device-read-iops", "/dev/null:100", "HostConfig.BlkioDeviceReadIOps", [{ Path: "/dev/null", Rate: 100 }]],
  [
    "device-write-iops",
    "/dev/null:200",
    "HostConfig.BlkioDeviceWriteIOps",
    [{ Path: "/dev/null", Rate: 200 }],
  ],
  ["log-driver", "none", "HostConfig.LogConfig", { Type: "none", Config: {} }],
  [
    "log-options",
    "max-size=1m",
    "HostConfig.LogConfig",
    { Type: "json-file", Config: { "max-size": "1m" } },
    { "log-driver": "json-file" },
  ],
  ["healthcheck-command", "true || false", "Config.Healthcheck.Test", ["CMD-SHELL", "true || false"]],
  ["healthcheck-interval", "3s", "Config.Healthcheck.Interval", 3_000_000_000],
  ["healthcheck-timeout", "4s", "Config.Healthcheck.Timeout", 4_000_000_000],
  ["healthcheck-start-period", "5s", "Config.Healthcheck.StartPeriod", 5_000_000_000],
  ["healthcheck-retries", "7", "Config.Healthcheck.Retries", 7],
  ["health-retries", "7", "Config.Healthcheck.Retries", 7],
];

/** Options that a test of their own looks after: below, or in the tests of the lifecycle and of the engine room. */
const ELSEWHERE = [
  "name",
  "image",
  "platform",
  "pull-policy",
  "networks",
  "network-aliases",
  "links",
  "volumes-from",
  "layout",
  "layout-uid",
  "layout-gid",
  "healthcheck-start-interval",
  "blkio-weight",
  "blkio-weight-device",
  "storage-options",
  "annotations",
  "start",
  "wait-for",
  "wait-timeout",
  "script",
  "script-shell",
  "script-user",
  "env-file",
];

function at(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);
}

describe("docker.run: every option", () => {
  let run: RunRig;
  let image: string;
  let part: PartRig | undefined;
  before(async () => {
    run = await RunRig.open();
    image = await ensureBaseImage();
  });
  afterEach(async () => {
    if (part) await engineRemove("containers", part.part);
    part = undefined;
  });
  after(async () => await run.close());
  const create = async (texts: Record<string, string>): Promise<Record<string, unknown>> => {
    part = run.part(run_, uniqueName("tsb-run"), { image, start: "false", ...texts });
    await part.install();
    return await engineJson<Record<string, unknown>>({ path: `/containers/${part.part}/json` });
  };

  for (const [option, text, path, expected, more] of CASES)
    it(`${option} = ${text.replaceAll("\n", " | ")} -> ${path}`, async () => {
      expect(at(await create({ ...more, [option]: text }), path)).to.deep.equal(expected);
    });

  everyOption(runOptions, [...CASES.map(([option]) => option), ...ELSEWHERE]);

  it("healthcheck-start-interval: where the engine knows it", async () => {
    const { ApiVersion } = await engineJson<{ ApiVersion: string }>({ path: "/version" });
    const is = await create({ "healthcheck-command": "true", "healthcheck-start-interval": "6s" });
    const known = Number(ApiVersion.split(".")[1]) >= 44;
    expect(at(is, "Config.Healthcheck.StartInterval")).to.equal(known ? 6_000_000_000 : undefined);
  });

  it("asks for weights, options of the storage and annotations, which few kernels and engines have", async () => {
    let asked: object | undefined;
    const engine = await fakeEngine({
      "POST /containers/create": (request, response) =>
        void json(request).then((body) => {
          asked = (body as { HostConfig: object }).HostConfig;
          response.writeHead(500).end("{}");
        }),
    });
    try {
      const failed = create({
        "engine-url": engine.url,
        "blkio-weight": "300",
        "blkio-weight-device": "/dev/null:200",
        "storage-opt": "size=1g",
        annotations: "a=1\nb=x y",
      });
      await failed.catch(() => undefined);
      expect(asked)
        .to.include({ BlkioWeight: 300 })
        .and.to.deep.include({
          BlkioWeightDevice: [{ Path: "/dev/null", Weight: 200 }],
          StorageOpt: { size: "1g" },
          Annotations: { a: "1", b: "x y" },
        });
    } finally {
      await engine.close();
    }
  });

  it("start: the container runs, or is there and no more", async () => {
    const is = await create({ start: "true", command: "sleep 1000" });
    expect(at(is, "State.Running")).to.equal(true);
    await engineRemove("containers", part?.part ?? "");
    expect(at(await create({ start: "false" }), "State.Status")).to.equal("created");
  });

  it("sets nothing that was not asked for: the image's defaults stand", async () => {
    const is = await create({});
    expect(at(is, "Config.Cmd")).to.deep.equal(["sh"]);
    expect(at(is, "Config.Env")).to.deep.equal(["PATH=/bin"]);
    expect(at(is, "Config.StopSignal")).to.equal("SIGKILL");
    expect(at(is, "Config.Image")).to.equal(image);
    expect(at(is, "HostConfig.Memory")).to.equal(0);
    expect(at(is, "HostConfig.RestartPolicy.Name")).to.be.oneOf(["", "no"]);
    expect(at(is, "Config.Labels")).to.include({
      "org.tsbuildout.buildout": "recipe-test",
      "org.tsbuildout.part": part?.part,
    });
  });

  it("name: another than the part's", async () => {
    const name = uniqueName("tsb-run");
    part = run.part(run_, uniqueName("tsb-part"), { image, start: "false", container: name });
    try {
      await part.install();
      expect(await engineHas(`/containers/${name}/json`)).to.be.true;
      expect(part.provides).to.deep.equal([`container:${name}`]);
    } finally {
      await engineRemove("containers", name);
    }
  });

  it("env: a bare name takes its value from the environment, as a secret, or stays bare", async () => {
    part = run.part(run_, uniqueName("tsb-run"), { image, start: "false", env: "TOKEN\nNOT_THERE\nA=1" });
    part.env = { ...part.env, TOKEN: "t0ken" };
    await part.install();
    const is = await engineJson<{ Config: { Env: string[] } }>({ path: `/containers/${part.part}/json` });
    expect(is.Config.Env).to.deep.equal(["TOKEN=t0ken", "NOT_THERE", "A=1", "PATH=/bin"]);
    expect(part.computed).to.deep.equal({ "env-from-environment": "TOKEN=t0ken\nNOT_THERE" });
    expect(part.secrets).to.deep.equal(["t0ken"]);
  });

  it("env-file: variables of files, as secrets, that env wins over", async () => {
    const folder = await temporaryFolder({
      "one.env":
        "# comment\nA=file # and why\nB='a \"b\" $C'\nNONE\nexport TOKEN=t0ken-of-file\nBARE # note\n# E=1\nD=\nLAST",
      "two.env": 'B="later"\n',
    });
    const files = `${folder}/one.env\n? ${folder}/missing.env\n${folder}/two.env`;
    part = run.part(run_, uniqueName("tsb-run"), { image, start: "false", env: "A=1", "env-file": files });
    part.env = { ...part.env, BARE: "b", LAST: "l" };
    await part.install();
    const is = await engineJson<{ Config: { Env: string[] } }>({ path: `/containers/${part.part}/json` });
    const own = ["A=1", "B=later", "TOKEN=t0ken-of-file", "BARE=b", "D=", "LAST=l"];
    expect(is.Config.Env).to.have.members([...own, "PATH=/bin"]);
    expect(Object.keys(part.computed)).to.deep.equal(["env-from-files"]);
    expect(part.secrets).to.deep.equal(["t0ken-of-file"]);
  });

  it("entrypoint: set to nothing leaves the image's out", async () => {
    expect(at(await create({ entrypoint: "", command: "true" }), "Config.Entrypoint")).to.satisfy(
      (words: unknown) => words === null || JSON.stringify(words) === '[""]',
    );
  });

  it("security-opt: a seccomp profile is sent, and a changed one makes a new container", async () => {
    const texts = { "security-opt": "seccomp=profile.json systempaths=unconfined" };
    await writeFiles(run.directory, { "profile.json": '{ "defaultAction": "SCMP_ACT_ALLOW" }\n' });
    const is = await create(texts);
    expect(at(is, "HostConfig.SecurityOpt")).to.deep.equal(['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']);
    expect(at(is, "HostConfig.MaskedPaths")).to.deep.equal([]);
    expect(at(is, "HostConfig.ReadonlyPaths")).to.deep.equal([]);
    await part!.update();
    expect(part!.record?.outputs["container-id"]).to.equal(is["Id"]);
    await writeFiles(run.directory, { "profile.json": '{ "defaultAction": "SCMP_ACT_LOG" }' });
    expect((await part!.update())["container-id"]).not.to.equal(is["Id"]);
    await engineRemove("containers", part!.part);
    const problem = await failureOf(create({ "security-opt": "seccomp=/no/such.json" }));
    expect(problem.option).to.equal("security-opt");
    expect(problem.message).to.contain("/no/such.json is not a seccomp profile: ENOENT");
  });

  it("platform: the engine is asked for an image of it", async () => {
    part = run.part(run_, uniqueName("tsb-run"), { image, start: "false", platform: "linux/s390x" });
    expect((await failureOf(part.install())).code).to.equal("engine/not-found");
  });

  it("networks, aliases and addresses: all joined, each as asked for", async () => {
    const front = uniqueName("tsb-net");
    const back = uniqueName("tsb-net");
    const octet = 1 + (process.pid % 200);
    const IPAM = { Config: [{ Subnet: `10.194.${octet}.0/24` }] };
    await engineJson({ method: "POST", path: "/networks/create", body: { Name: front } });
    await engineJson({ method: "POST", path: "/networks/create", body: { Name: back, IPAM } });
    try {
      const is = await create({
        networks: `${front}\n${back} ip=10.194.${octet}.77 mac=02:42:0a:00:00:07 alias=store`,
        "network-aliases": "web www",
        links: "other:db",
      });
      const { id } = { id: String(is["Id"]).slice(0, 12) };
      const networks = at(is, "NetworkSettings.Networks") as Record<string, Record<string, unknown>>;
      expect(Object.keys(networks).sort()).to.deep.equal([front, back].sort());
      const aliases = (name: string) =>
        ((networks[name]?.["Aliases"] ?? []) as string[]).filter((one) => one !== id);
      expect(aliases(front)).to.have.members(["web", "www"]);
      expect(aliases(back)).to.have.members(["store", "web", "www"]);
      expect(networks[back]?.["IPAMConfig"]).to.deep.include({ IPv4Address: `10.194.${octet}.77` });
      expect(networks[front]?.["Links"]).to.deep.equal(["other:db"]);
      expect(at(is, "HostConfig.NetworkMode")).to.equal(front);
      expect(part?.uses).to.include.members([`network:${front}`, `network:${back}`, "container:other"]);
    } finally {
      if (part) await engineRemove("containers", part.part);
      for (const name of [front, back]) await engineRemove("networks", name);
    }
  });

  it("volumes-from and network-mode: another container's", async () => {
    const other = uniqueName("tsb-other");
    const body = { Image: image, Cmd: ["sleep", "1000"], Volumes: { "/shared": {} } };
    await engineJson({ method: "POST", path: `/containers/create?name=${other}`, body });
    await engineJson({ method: "POST", path: `/containers/${other}/start` });
    try {
      const is = await create({ "volumes-from": `${other}:ro`, "network-mode": `container:${other}` });
      expect(at(is, "HostConfig.VolumesFrom")).to.deep.equal([`${other}:ro`]);
      const mounts = at(is, "Mounts") as { Destination: string; RW: boolean }[];
      expect(mounts.map(({ Destination, RW }) => [Destination, RW])).to.deep.equal([["/shared", false]]);
      expect(part?.uses).to.include(`container:${other}`);
      expect(Object.keys(part?.record?.inputs ?? {})).to.include(`container ${other}`);
    } finally {
      if (part) await engineRemove("containers", part.part);
      await engineRemove("containers", other);
    }
  });

  it("links: on the default network, the engine's own", async () => {
    const other = uniqueName("tsb-other");
    await engineJson({ method: "POST", path: `/containers/create?name=${other}`, body: { Image: image } });
    try {
      const is = await create({ links: `${other}:db` });
      expect(at(is, "HostConfig.Links")).to.deep.equal([`/${other}:/${part?.part}/db`]);
      expect(part?.warnings.map(({ code }) => code)).to.deep.equal(["container/legacy-links"]);
    } finally {
      if (part) await engineRemove("containers", part.part);
      await engineRemove("containers", other);
    }
  });

  it("command: $${x} is the shell's own", async () => {
    expect(at(await create({ command: "sh -c 'echo $${x} $x'" }), "Config.Cmd")).to.deep.equal([
      "sh",
      "-c",
      "echo ${x} $x",
    ]);
  });

  const mistakes: readonly [texts: Record<string, string>, option: string, message: string][] = [
    [{ name: "a b" }, "name", '"a b" cannot be the name of a container'],
    [
      { networks: "back", "network-mode": "host" },
      "network-mode",
      "network-mode and networks exclude each other",
    ],
    [
      { "network-aliases": "web" },
      "network-aliases",
      "network-aliases need networks: the default network knows no aliases",
    ],
    [
      { "auto-remove": "true", restart: "always" },
      "restart",
      "auto-remove and a restart policy exclude each other",
    ],
    [{ "read-only": "true", layout: "x" }, "layout", "a layout cannot be copied onto a read-only root"],
    [{ "memory-swap": "1g" }, "memory-swap", "memory-swap needs memory"],
    [{ sysctls: "net.core.somaxconn" }, "sysctls", "net.core.somaxconn has no value"],
    [{ pid: "private" }, "pid", '"private" is neither host nor container:NAME'],
    [{ volumes: "a:/data\nb:/data/" }, "volumes", "/data is given twice"],
    [{ networks: "a\na" }, "networks", "a is given twice"],
    [
      { networks: "default" },
      "networks",
      "default is no network's name: leave networks out, or write bridge",
    ],
    [{ start: "false", script: "true" }, "script", "a script needs a container that runs, and start = false"],
    [
      { start: "false", "wait-for": "healthy" },
      "wait-for",
      "there is nothing to wait for with start = false",
    ],
    [
      { "wait-for": "log ready", "log-driver": "none" },
      "wait-for",
      "there is no log to wait for with log-driver = none",
    ],
    [
      { "wait-for": "exit", script: "true" },
      "script",
      "a script needs a container that runs on, and wait-for = exit waits for its end",
    ],
    [{ "wait-for": "exit\nhealthy" }, "wait-for", "exit can be waited for alone"],
    [{ "wait-for": "exit", restart: "always" }, "wait-for", "a container with restart = always does not end"],
    [{ image: "a b" }, "image", '"a b" is not an image reference: "library/a b" is not a repository\'s name'],
  ];
  for (const [texts, option, message] of mistakes)
    it(`refuses ${JSON.stringify(texts)}`, async () => {
      const rig = run.part(run_, "tsb-mistake", { image, ...texts });
      const found = (await rig.configure()).map((problem) => [problem.option, problem.message]);
      expect(found).to.deep.equal([[option, message]]);
    });
});
