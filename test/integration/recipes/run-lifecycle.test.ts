import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import run_ from "../../../src/recipes/docker.run.js";
import { RecipeError } from "../../../src/recipe.js";
import { testBuildout } from "../../../src/testing.js";
import {
  engineHas,
  engineJson,
  engineRemove,
  engineRequest,
  uniqueName,
  engineKill,
} from "../../support/engine.js";
import { freePort } from "../../support/free-port.js";
import { ensureBaseImage, loadImage } from "../../support/images.js";
import { type OneContainer, oneContainer } from "../../support/one-container.js";
import { failureOf, RunRig, type PartRig } from "../../support/recipe-part.js";
import { temporaryFolder, writeFiles } from "../../support/tmp.js";

interface Inspected {
  readonly Config: { readonly Image: string };
  readonly Id: string;
  readonly Image: string;
  readonly State: { readonly Running: boolean; readonly Status: string; readonly ExitCode: number };
  readonly HostConfig: {
    readonly Memory: number;
    readonly MemorySwap: number;
    readonly MemoryReservation: number;
    readonly CpuShares: number;
    readonly NanoCpus: number;
    readonly PidsLimit: number | null;
    readonly CpusetCpus: string;
    readonly RestartPolicy: { readonly Name: string; readonly MaximumRetryCount: number };
  };
  readonly NetworkSettings: {
    readonly Networks: Record<string, { readonly Aliases: string[] | null; readonly IPAddress: string }>;
    readonly Ports?: Record<string, readonly { readonly HostPort: string }[] | null>;
  };
  readonly Mounts: readonly { readonly Name: string; readonly Destination: string }[];
}

const inspect = async (name: string): Promise<Inspected> =>
  await engineJson<Inspected>({ path: `/containers/${name}/json` });

/** What a command in the container writes. */
async function exec(name: string, ...Cmd: string[]): Promise<string> {
  const body = { Cmd, AttachStdout: true, Tty: true };
  const { Id } = await engineJson<{ Id: string }>({ method: "POST", path: `/containers/${name}/exec`, body });
  const answer = await engineRequest({ method: "POST", path: `/exec/${Id}/start`, body: { Tty: true } });
  return answer.body.toString().replaceAll("\r\n", "\n");
}

/** Waits for an answer that nobody gives. */
const ASKS = `printf "one\\nPassword: "; exec sleep 1000`;
const ASKED = ["out one", "out Password: "];

/** What the log has of a container that is given up once it has written something. */
async function lastWords(the: OneContainer, texts: Record<string, string>): Promise<readonly string[]> {
  const stop = new AbortController();
  const failed = failureOf(the.install(texts, stop.signal));
  while (the.part.log.length === 0) await engineHas("/version");
  stop.abort(new RecipeError({ code: "part/timeout", message: "not done within 1 second" }));
  expect(await failed).to.deep.equal({ code: "part/timeout", message: "not done within 1 second" });
  return the.part.log;
}

describe("docker.run: a container's life", () => {
  let run: RunRig;
  let image: string;
  let made: (readonly ["containers" | "networks" | "volumes" | "images", string])[];
  before(async () => {
    run = await RunRig.open();
    image = await ensureBaseImage();
  });
  beforeEach(() => (made = []));
  afterEach(async () => {
    for (const [kind, name] of made.toReversed()) await engineRemove(kind, name);
  });
  after(async () => await run.close());
  const part = (texts: Record<string, string>): PartRig => {
    const name = uniqueName("tsb-life");
    made.push(["containers", texts["name"] ?? name]);
    return run.part(run_, name, { image, command: "sleep 1000", ...texts });
  };
  const network = async (): Promise<string> => {
    const name = uniqueName("tsb-life");
    made.unshift(["networks", name]);
    await engineJson({ method: "POST", path: "/networks/create", body: { Name: name } });
    return name;
  };

  it("is made, looked at, stopped and removed with its anonymous volumes and no other", async () => {
    const volume = uniqueName("tsb-life");
    made.unshift(["volumes", volume]);
    const rig = part({ volumes: `/anonymous\n${volume}:/named`, ports: "127.0.0.1::80" });
    const outputs = await rig.install();
    const is = await inspect(rig.part);
    expect(is.State.Running).to.be.true;
    expect(outputs["container-id"]).to.equal(is.Id);
    expect(outputs["image-id"]).to.equal(is.Image);
    expect(outputs["ip-address"]).to.match(/^\d+\.\d+\.\d+\.\d+$/);
    expect(outputs["port-80"]).to.match(/^\d+$/);
    expect(outputs["ports"]).to.equal(`127.0.0.1:${outputs["port-80"]}:80/tcp`);
    expect(await rig.look()).to.deep.equal([]);
    const anonymous = is.Mounts.find(({ Destination }) => Destination === "/anonymous")?.Name;
    await rig.uninstall();
    expect(await engineHas(`/containers/${rig.part}/json`)).to.be.false;
    expect(await engineHas(`/volumes/${anonymous}`)).to.be.false;
    expect(await engineHas(`/volumes/${volume}`)).to.be.true;
    await rig.uninstall();
  });

  it("stopped by somebody: started again, the same container", async () => {
    const rig = part({ script: "echo once >> /ran" });
    const before = await rig.install();
    await engineKill(rig.part);
    const [drift, ...more] = await rig.look();
    expect(more).to.deep.equal([]);
    expect(drift?.kind).to.equal("stopped");
    // Podman has a word for what it has not cleaned up yet.
    expect(drift?.message).to.be.oneOf(
      ["exited", "stopped"].map((state) => `container ${rig.part} is ${state}`),
    );
    const after = await rig.update();
    expect(after["container-id"]).to.equal(before["container-id"]);
    expect(await exec(rig.part, "cat", "/ran")).to.equal("once\n");
    expect(await rig.look()).to.deep.equal([]);
  });

  it("started again by somebody, with other ports: others are told of them", async () => {
    const rig = part({ ports: "80 81/udp" });
    const before = await rig.install();
    await engineJson({ method: "POST", path: `/containers/${rig.part}/restart?t=0` });
    const { Ports = {} } = (await inspect(rig.part)).NetworkSettings;
    const now = Ports["80/tcp"]?.[0]?.HostPort;
    const told = (await rig.look()).filter(({ message }) => / publishes .*:80\/tcp.*, not /.test(message));
    // Podman keeps the ports of a container.
    expect(told).to.have.length(now === before["port-80"] ? 0 : 1);
    expect((await rig.update())["port-80"]).to.equal(now);
    expect(await rig.look()).to.deep.equal([]);
  });

  it("started again by somebody, with another address in the engine's own network", async () => {
    const rig = part({});
    const { "ip-address": before } = await rig.install();
    await engineJson({ method: "POST", path: `/containers/${rig.part}/stop?t=0` });
    // It may take the address.
    await part({}).install();
    await engineJson({ method: "POST", path: `/containers/${rig.part}/start` });
    const [endpoint] = Object.values((await inspect(rig.part)).NetworkSettings.Networks);
    const now = endpoint?.IPAddress;
    expect(await rig.look()).to.deep.equal(
      now === before
        ? []
        : [{ kind: "changed", message: `container ${rig.part} has address ${now}, not ${before}` }],
    );
    expect((await rig.update())["ip-address"]).to.equal(now);
    expect(await rig.look()).to.deep.equal([]);
  });

  it("paused by somebody: goes on", async () => {
    const rig = part({});
    await rig.install();
    await engineJson({ method: "POST", path: `/containers/${rig.part}/pause` });
    expect(await rig.look()).to.deep.equal([{ kind: "stopped", message: `container ${rig.part} is paused` }]);
    await rig.update();
    expect((await inspect(rig.part)).State.Status).to.equal("running");
  });

  it("removed by somebody: made again", async () => {
    const rig = part({});
    const before = await rig.install();
    await engineRemove("containers", rig.part);
    expect(await rig.look()).to.deep.equal([{ kind: "missing", message: `container ${rig.part} is gone` }]);
    const after = await rig.update();
    expect(after["container-id"]).to.not.equal(before["container-id"]);
    expect((await inspect(rig.part)).State.Running).to.be.true;
  });

  it("another image under the same name: a new container", async () => {
    const tag = `${uniqueName("tsbuildout-test/life")}:1`;
    made.unshift(["images", tag]);
    await loadImage(tag, { Labels: { version: "1" } });
    const rig = part({ image: tag });
    const before = await rig.install();
    expect((await rig.update())["container-id"]).to.equal(before["container-id"]);
    const old = before["image-id"] ?? "";
    await loadImage(tag, { Labels: { version: "2" } });
    const after = await rig.update();
    expect(after["container-id"]).to.not.equal(before["container-id"]);
    expect(after["image-id"]).to.not.equal(old);
    await engineRemove("images", old);
  });

  it("gets its name back when somebody has renamed it, and goes under any name", async () => {
    const rig = part({});
    const before = await rig.install();
    const other = `${rig.part}-other`;
    const rename = async (): Promise<void> =>
      void (await engineJson({ method: "POST", path: `/containers/${rig.part}/rename?name=${other}` }));
    await rename();
    expect(await rig.look()).to.deep.equal([
      { kind: "changed", message: `container ${rig.part} is called ${other} now` },
    ]);
    expect((await rig.update())["container-id"]).to.equal(before["container-id"]);
    expect(await rig.look()).to.deep.equal([]);
    await rename();
    await rig.uninstall();
    expect(await engineHas(`/containers/${before["container-id"]}/json`)).to.be.false;
  });

  it("is not taken for another one whose id begins with its name", async () => {
    const other = part({});
    const { "container-id": id = "" } = await other.install();
    const rig = part({ name: id.slice(0, 10) });
    await rig.install();
    await engineRemove("containers", id.slice(0, 10));
    const after = await rig.update();
    expect(after["container-id"]).to.not.equal(id);
    expect((await inspect(other.part)).State.Running).to.be.true;
  });

  it("limits and restart policy change in place", async () => {
    const rig = part({ memory: "64m" });
    const before = await rig.install();
    const changed = {
      memory: "128m",
      cpus: "0.5",
      "pids-limit": "50",
      "cpuset-cpus": "0",
      restart: "on-failure:2",
    };
    const after = await rig.update(changed);
    expect(after["container-id"]).to.equal(before["container-id"]);
    const { HostConfig } = await inspect(rig.part);
    expect(HostConfig).to.deep.include({
      Memory: 134_217_728,
      NanoCpus: 5e8,
      PidsLimit: 50,
      CpusetCpus: "0",
    });
    expect(HostConfig.RestartPolicy).to.deep.equal({ Name: "on-failure", MaximumRetryCount: 2 });
    await rig.update({ memory: "32m", restart: "", "pids-limit": "" });
    const lower = (await inspect(rig.part)).HostConfig;
    expect(lower.Memory).to.equal(33_554_432);
    expect(lower.RestartPolicy.Name).to.equal("no");
    expect(lower.PidsLimit ?? 0).to.be.at.most(0);
  });

  for (const [limit, before, after, key] of [
    ["memory", "64m", "", "Memory"],
    ["memory", "64m", "0", "Memory"],
    ["memory-swap", "128m", "-1", "MemorySwap"],
    ["memory-reservation", "32m", "0", "MemoryReservation"],
    ["cpus", "0.5", "0", "NanoCpus"],
    ["cpu-shares", "512", "0", "CpuShares"],
  ] as const)
    it(`a limit that is taken away takes a new container: ${limit} = ${after}`, async () => {
      const rig = part({ memory: "64m", [limit]: before });
      const { "container-id": first } = await rig.install();
      const { "container-id": second } = await rig.update({ [limit]: after });
      expect(second).to.not.equal(first);
      expect((await inspect(rig.part)).HostConfig[key]).to.be.at.most(0);
    });

  it("networks change in place", async () => {
    const [one, two, three] = [await network(), await network(), await network()];
    const rig = part({ networks: `${one}\n${two}` });
    const before = await rig.install();
    const after = await rig.update({ networks: `${two} alias=b\n${three}`, "network-aliases": "all" });
    expect(after["container-id"]).to.equal(before["container-id"]);
    const { Networks } = (await inspect(rig.part)).NetworkSettings;
    expect(Object.keys(Networks).sort()).to.deep.equal([two, three].sort());
    expect(Networks[two]?.Aliases).to.include.members(["b", "all"]);
    expect(after[`ip-address-${three}`]).to.equal(Networks[three]?.IPAddress);
    await engineJson({
      method: "POST",
      path: `/networks/${three}/disconnect`,
      body: { Container: rig.part, Force: true },
    });
    expect(await rig.look()).to.deep.equal([
      { kind: "changed", message: `container ${rig.part} is not in network ${three}` },
    ]);
    await rig.update();
    expect(await rig.look()).to.deep.equal([]);
    const none = await rig.update({ networks: "", "network-aliases": "" });
    expect(none["container-id"]).to.equal(before["container-id"]);
    const [joined, ...more] = Object.keys((await inspect(rig.part)).NetworkSettings.Networks);
    expect(more).to.deep.equal([]);
    expect(joined).to.be.oneOf(["bridge", "podman"]);
    await engineJson({ method: "POST", path: `/containers/${rig.part}/restart` });
    expect((await inspect(rig.part)).State.Running).to.be.true;
  });

  it("a layout is there before the start; changed, it is copied again and the script runs again", async () => {
    const layout = await temporaryFolder({ "etc/app.conf": "one\n", "srv/empty/.keep": "" });
    const rig = part({
      layout,
      "layout-uid": "100",
      "layout-gid": "200",
      command: "sh -c 'cat /etc/app.conf; sleep 1000'",
      script: "cat /etc/app.conf >> /seen",
      "wait-for": "log ^one$",
    });
    const before = await rig.install();
    expect(await exec(rig.part, "stat", "-c", "%u %g %n", "/etc/app.conf")).to.equal(
      "100 200 /etc/app.conf\n",
    );
    expect((await rig.update())["container-id"]).to.equal(before["container-id"]);
    expect(await exec(rig.part, "cat", "/seen")).to.equal("one\n");
    await writeFiles(layout, { "etc/app.conf": "two\n" });
    const inputs = await rig.inputs();
    expect(inputs["layout"]).to.not.equal(rig.record?.inputs["layout"]);
    expect((await rig.update())["container-id"]).to.equal(before["container-id"]);
    expect(await exec(rig.part, "cat", "/seen")).to.equal("one\ntwo\n");
  });

  it("a layout that does not fit is what is wrong", async () => {
    const layout = await temporaryFolder({ "bin/busybox/file": "" });
    expect((await failureOf(part({ layout }).install())).option).to.equal("layout");
  });

  it("an update that was cut off goes through layout and script again", async () => {
    const layout = await temporaryFolder({ "etc/app.conf": "one\n" });
    const rig = part({ layout, script: "echo ran >> /seen" });
    await rig.install();
    await rig.update({}, { unfinished: true });
    expect(await exec(rig.part, "cat", "/seen")).to.equal("ran\nran\n");
  });

  it("start = false makes it and no more; changed, it is started or stopped", async () => {
    const rig = part({ start: "false" });
    await rig.install();
    expect((await inspect(rig.part)).State.Status).to.equal("created");
    expect(await rig.look()).to.deep.equal([]);
    await rig.update({ start: "true" });
    expect((await inspect(rig.part)).State.Running).to.be.true;
    await rig.update({ start: "false" });
    expect((await inspect(rig.part)).State.Running).to.be.false;
  });

  it("a container of somebody else that has the name stays, and is named", async () => {
    const name = uniqueName("tsb-life");
    await engineJson({ method: "POST", path: `/containers/create?name=${name}`, body: { Image: image } });
    const rig = part({ name });
    const { Id, Config } = await inspect(name);
    const problem = await failureOf(rig.install());
    expect(problem).to.deep.equal({
      code: "container/name-taken",
      message: `the name ${name} is taken by a container that this part did not make`,
      notes: [`container ${Id.slice(0, 12)}, image ${Config.Image}, created`],
      help: ["take another name, or remove that container"],
      option: "name",
    });
    await rig.uninstall();
    expect((await inspect(name)).Id).to.equal(Id);
  });

  it("a container that somebody has put in the place of its own is not changed by an update, nor removed", async () => {
    const rig = part({ restart: "no" });
    await rig.install();
    await engineRemove("containers", rig.part);
    await engineJson({ method: "POST", path: `/containers/create?name=${rig.part}`, body: { Image: image } });
    const { Id } = await inspect(rig.part);
    for (const changed of [{ restart: "always" }, { image: "other" }])
      expect((await failureOf(rig.update(changed))).code).to.equal("container/name-taken");
    const { Id: now, State } = await inspect(rig.part);
    expect([now, State.Status]).to.deep.equal([Id, "created"]);
  });

  it("what an earlier, broken run of the same part left is replaced", async () => {
    const rig = part({});
    const left = await rig.install();
    const again = run.part(run_, rig.part, rig.texts);
    expect((await again.install())["container-id"]).to.not.equal(left["container-id"]);
    expect(again.resources).to.deep.equal([{ kind: "container", name: rig.part }]);
  });

  it("a port that is taken names who has it", async () => {
    const first = part({ ports: "127.0.0.1::80" });
    const { "port-80": port } = await first.install();
    const second = part({ ports: `127.0.0.1:${port}:80` });
    const problem = await failureOf(second.install());
    expect(problem.code).to.equal("container/port-taken");
    expect(problem.message).to.equal(`port ${port}/tcp of the host is taken by container ${first.part}`);
    expect(problem.notes).to.have.length(1);
    expect(problem.notes![0]).to.match(/^the engine says: .*port is already allocated/);
    expect(problem.help).to.deep.equal(["publish another port, or stop that container"]);
  });

  it("a port that another program listens on is told as such", async () => {
    const port = await freePort();
    const program = createServer();
    await new Promise<void>((resolve) => program.listen(port, "0.0.0.0", resolve));
    try {
      const problem = await failureOf(part({ ports: `${port}:80` }).install());
      expect(problem).to.deep.include({
        code: "container/port-taken",
        message: `port ${port}/tcp of the host is taken by a program`,
        help: ["publish another port, or end that program: on the engine's host, ss -lntup shows it"],
      });
    } finally {
      program.close();
    }
  });

  it("a port that two containers of one run want names the other one, also while that is being started", async () => {
    const probe = part({ ports: "127.0.0.1::80" });
    const { "port-80": port } = await probe.install();
    await probe.uninstall();
    const both = [1, 2].map(() => part({ ports: `127.0.0.1:${port}:80` }));
    const ends = await Promise.allSettled(both.map((rig) => rig.install()));
    const loser = ends.findIndex(({ status }) => status === "rejected");
    const { reason } = ends[loser] as PromiseRejectedResult;
    expect((reason as Error).message).to.equal(
      `port ${port}/tcp of the host is taken by container ${both[1 - loser]?.part}`,
    );
  });

  it("a start that fails is not blamed on a container with the same port of another address", async () => {
    // Of one that the engine chooses the other address may be a connection's of somebody else.
    const port = await freePort();
    await part({ ports: `127.0.0.2:${port}:80` }).install();
    const problem = await failureOf(
      part({ ports: `127.0.0.1:${port}:80`, command: "nosuchprogram" }).install(),
    );
    expect(problem).to.deep.include({ code: "engine/refused" });
    expect(problem.message).to.include("nosuchprogram");
  });

  it("a missing image under pull-policy = never says so", async () => {
    const problem = await failureOf(
      part({ image: "tsbuildout-test/nothing:0", "pull-policy": "never" }).install(),
    );
    expect(problem).to.deep.equal({
      code: "image/missing",
      message: "the engine has no image tsbuildout-test/nothing:0",
      notes: ["pull-policy = never"],
      option: "image",
    });
  });

  it("ends by its stop signal before it is removed", async () => {
    const folder = await temporaryFolder();
    const command = `sh -c 'trap "echo bye > /out/bye; exit" TERM; echo ready; while :; do sleep 0.1; done'`;
    const volumes = `${folder}:/out`;
    const rig = part({ command, "stop-signal": "SIGTERM", volumes, "wait-for": "log ready" });
    await rig.install();
    await rig.uninstall();
    expect(await readFile(join(folder, "bye"), "utf8")).to.equal("bye\n");
  });
});

describe("docker.run: waiting", () => {
  const the = oneContainer("tsb-wait");

  it("exit: exit code, standard output, log lines; not drift afterwards", async () => {
    const outputs = await the.install({
      command: `sh -c 'echo out; echo err >&2; printf "the end"; exit 3'`,
      "wait-for": "exit 0 3",
      env: "A=1",
    });
    expect(outputs).to.include({ "exit-code": "3", stdout: "out\nthe end" });
    expect([...the.part.log].sort()).to.deep.equal(["err err", "out out", "out the end"]);
    expect(await the.part.look()).to.deep.equal([]);
    expect(await the.part.update()).to.include({ "exit-code": "3", stdout: "out\nthe end" });
  });

  it("exit with another code fails, with the last lines", async () => {
    const problem = await failureOf(the.install({ command: "sh -c 'echo no; exit 4'", "wait-for": "exit" }));
    expect(problem.code).to.equal("container/exited");
    expect(problem.message).to.equal(`container ${the.part.part} ended with exit code 4`);
    expect(problem.notes).to.deep.equal(["its last lines were:\nno"]);
  });

  it("exit that is not waited for any longer: what is asked for is seen, be the line without an end", async () => {
    expect(await lastWords(the, { command: `sh -c '${ASKS}'`, "wait-for": "exit" })).to.deep.equal(ASKED);
  });

  it("exit with auto-remove and without a log driver", async () => {
    const texts = { command: "echo gone", "wait-for": "exit", "auto-remove": "true", "log-driver": "none" };
    expect(await the.install(texts)).to.include({ "exit-code": "0", stdout: "gone" });
    expect(await the.part.look()).to.deep.equal([]);
  });

  it("keeps the end of a long standard output", async () => {
    const outputs = await the.install({ command: "seq 1 100000", "wait-for": "exit" });
    expect(outputs["stdout"]?.length).to.be.at.most(65_536);
    expect(outputs["stdout"]).to.match(/\n99999\n100000$/);
    const warned = the.part.warnings.map(
      ({ code, message }) => `${code}: ${message.replace(/what \S+/, "what it")}`,
    );
    expect(warned).to.deep.equal(["container/long-output: only the end of what it wrote is kept"]);
  });

  it("healthy", async () => {
    await the.install({
      command: "sh -c 'sleep 0.3; touch /ok; sleep 1000'",
      "healthcheck-command": "test -e /ok",
      "healthcheck-interval": "100ms",
      "healthcheck-retries": "1000",
      "wait-for": "healthy",
    });
    const { State } = await engineJson<{ State: { Health: { Status: string } } }>({
      path: `/containers/${the.part.part}/json`,
    });
    expect(State.Health.Status).to.equal("healthy");
  });

  it("unhealthy fails, with what the check and the container said", async () => {
    const problem = await failureOf(
      the.install({
        command: "sh -c 'echo no disk; sleep 1000'",
        "healthcheck-command": "echo broken; exit 1",
        "healthcheck-interval": "50ms",
        "healthcheck-retries": "1",
        "wait-for": "healthy",
      }),
    );
    expect(problem.message).to.equal(`container ${the.part.part} is unhealthy`);
    expect(problem.notes).to.deep.equal([
      "its last check ended with exit code 1:\nbroken",
      "the last lines of its log:\nno disk",
    ]);
  });

  it("healthy without a check fails at once", async () => {
    const problem = await failureOf(the.install({ command: "sleep 1000", "wait-for": "healthy" }));
    expect(problem.code).to.equal("container/no-healthcheck");
  });

  it("port", async () => {
    await the.install({
      command: "sh -c 'sleep 0.2; nc -l -p 8080'",
      "wait-for": "port 8080",
    });
    expect(
      (await engineJson<{ State: { Running: boolean } }>({ path: `/containers/${the.part.part}/json` })).State
        .Running,
    ).to.be.true;
  });

  it("log", async () => {
    await the.install({
      command: "sh -c 'echo not yet; sleep 0.2; echo now ready >&2; sleep 1000'",
      "wait-for": "log ready$",
    });
  });

  it("a container that ends before it is ready fails, with its log", async () => {
    const problem = await failureOf(
      the.install({ command: "sh -c 'echo oh no; exit 2'", "wait-for": "log ready" }),
    );
    expect(problem.message).to.equal(
      `container ${the.part.part} ended with exit code 2 before it came to log /ready/`,
    );
    expect(problem.notes).to.deep.equal(["the last lines of its log:\noh no"]);
  });

  for (const timeout of ["60d", "9999.5ms"])
    it(`waits for ${timeout} where wait-timeout says so`, async () => {
      const settings = { command: "sh -c 'echo ready; sleep 1000'", "wait-for": "log ready" };
      await the.install({ ...settings, "wait-timeout": timeout });
    });

  it("gives up after wait-timeout", async () => {
    const problem = await failureOf(
      the.install({ command: "sleep 1000", "wait-for": "port 80", "wait-timeout": "300ms" }),
    );
    expect(problem.message).to.equal(
      `container ${the.part.part} did not come to listen on port 80/tcp within 0.3 s`,
    );
  });

  it("says of a container that ends again and again that it was restarted", async () => {
    const problem = await failureOf(
      the.install({
        command: "sh -c 'echo dying; exit 3'",
        restart: "always",
        "wait-for": "log ready",
        "wait-timeout": "5s",
      }),
    );
    expect(problem.code).to.equal("container/wait-timeout");
    expect(problem.notes![0]).to.match(/^it was restarted (once|\d+ times)(; its last exit code is 3)?$/);
    expect(problem.notes![1]).to.match(/^the last lines of its log:\n(dying\n?)+$/);
  });
});

describe("docker.run: waiting for several", () => {
  it("starts the others meanwhile, however few are worked on at once", async () => {
    const folder = await temporaryFolder();
    const names = ["a", "b", "c"].map((name) => uniqueName(`tsb-each-${name}`));
    // Each is ready once all have begun.
    const each = `recipe = docker.run
image = ${await ensureBaseImage()}
volumes = ${folder}:/begun
command = sh -c 'touch /begun/$(hostname); until [ $(ls /begun | wc -l) = 3 ]; do sleep 0.1; done; echo ready; sleep 1000'
stop-timeout = 0
wait-for = log ready
`;
    const config = `[buildout]\nparts = ${names.join(" ")}\n${names.map((name) => `[${name}]\n${each}`).join("")}`;
    const buildout = await testBuildout({ config });
    try {
      expect((await buildout.install({ jobs: 2 })).counts.done).to.equal(3);
      const said = buildout.events.flatMap((event) => (event.type === "part-progress" ? event.step : []));
      expect(said).to.include("waiting for it to log /ready/");
    } finally {
      await buildout.uninstall();
      await buildout.dispose();
    }
  });
});

describe("docker.run: a part's own timeout", () => {
  const the = oneContainer("tsb-late", { restart: "always", "wait-for": "log ready" });

  it("says what its container does instead of what it waits for", async () => {
    const stop = new AbortController();
    const failed = failureOf(the.install({ command: "sh -c 'echo dying; exit 3'" }, stop.signal));
    const restarts = async (): Promise<number> => {
      const path = `/containers/${the.part.part}/json`;
      if (!(await engineHas(path))) return 0;
      return (await engineJson<{ RestartCount: number }>({ path })).RestartCount;
    };
    while ((await restarts()) === 0);
    stop.abort(new RecipeError({ code: "part/timeout", message: "not done within 1 second" }));
    const { notes, ...problem } = await failed;
    expect(problem).to.deep.equal({ code: "part/timeout", message: "not done within 1 second" });
    expect(notes).to.have.lengthOf(3);
    expect(notes![0]).to.equal(`container ${the.part.part} did not come to log /ready/`);
    expect(notes![1]).to.match(/^it was restarted (once|\d+ times)(; its last exit code is 3)?$/);
    expect(notes![2]).to.match(/^the last lines of its log:\n(dying\n?)+$/);
  });
});

describe("docker.run: scripts", () => {
  const the = oneContainer("tsb-script", { command: "sleep 1000" });

  it("run as they are written, also where the root is read-only", async () => {
    const script =
      "cat <<'END'\n  two blanks\n\n$$HOME\nEND\necho \"$$(id -un)\" >&2\nread x || echo nothing to read";
    await the.install({ script, "read-only": "true", env: "A=1" });
    const lines = [...the.part.log].sort();
    expect(lines).to.deep.equal(
      ["err root", "out ", "out   two blanks", "out $HOME", "out nothing to read"].sort(),
    );
  });

  it("by the user, the shell and the first line asked for", async () => {
    await the.install({
      script: "id -un; echo $$0",
      "script-user": "nobody",
      "script-shell": "/bin/busybox ash -e",
    });
    expect(the.part.log).to.include("out nobody");
    await the.part.uninstall();
    await the.install({ script: "#!/bin/awk -f\nBEGIN { print 6 * 7 }", "script-user": "nobody" });
    expect(the.part.log).to.deep.equal(["out 42"]);
  });

  it("that fail say how, and show their last lines", async () => {
    const problem = await failureOf(
      the.install({ script: "set -e\nfor i in $$(seq 30); do echo line $$i; done\nfalse\necho never" }),
    );
    expect(problem.message).to.equal(`script in container ${the.part.part} ended with exit code 1`);
    const last = Array.from({ length: 20 }, (_, i) => `line ${i + 11}`).join("\n");
    expect(problem.notes).to.deep.equal([`its last lines were:\n${last}`]);
  });

  it("that are not waited for any longer: what is asked for is seen, be the line without an end", async () => {
    expect(await lastWords(the, { script: ASKS })).to.deep.equal(ASKED);
  });

  it("by a shell that is not there say what is missing", async () => {
    const problem = await failureOf(the.install({ script: "true", "script-shell": "/bin/bash" }));
    expect(problem.code).to.equal("container/script-failed");
    expect(problem.help?.[0]).to.match(/see that the container has what runs it: \/bin\/bash/);
  });
});
