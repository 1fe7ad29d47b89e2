import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { projectFolder, type CliResult } from "../support/cli.js";
import { engineJson } from "../support/engine.js";
import { temporaryFolder, writeFiles } from "../support/tmp.js";

type Environment = Readonly<Record<string, string>>;

/** Runs scripts/engine with nothing of this process's environment but PATH. */
function engine(args: readonly string[], env: Environment): Promise<CliResult> {
  return run(join(projectFolder, "scripts/engine"), args, env);
}

function run(command: string, args: readonly string[], env: Environment): Promise<CliResult> {
  const child = spawn(command, args, {
    cwd: projectFolder,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (chunk: string) => (text[stream] += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
}

/** An engine as far as `scripts/engine` looks: it says its version. */
async function fakeEngine(): Promise<{ readonly server: Server; readonly host: string }> {
  const server = createServer((_, response) => response.end('{"Version":"99.1"}'));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe("scripts/engine, for an engine of the user's", () => {
  let fake: Awaited<ReturnType<typeof fakeEngine>>;
  let home: string;

  before(async () => {
    fake = await fakeEngine();
    home = await temporaryFolder();
  });
  after(() => fake.server.close());

  it("uses that of DOCKER_HOST, and never stops it", async () => {
    const env = { HOME: home, DOCKER_HOST: fake.host, TSBUILDOUT_ENGINE_DIR: join(home, "engine") };
    expect((await engine(["up"], env)).stdout).to.equal(`Docker 99.1 at ${fake.host} (DOCKER_HOST)\n`);
    expect((await engine(["env"], env)).stdout).to.equal(`export DOCKER_HOST=${fake.host}\n`);
    expect((await engine(["down"], env)).stdout).to.equal("no private engine runs\n");
    expect((await engine(["status"], env)).stdout).to.equal(`Docker 99.1 at ${fake.host} (DOCKER_HOST)\n`);
    expect(existsSync(join(home, "engine"))).to.equal(false);
  });

  it("uses that of the current context", async () => {
    const meta = `.docker/contexts/meta/${createHash("sha256").update("far").digest("hex")}/meta.json`;
    const folder = await temporaryFolder({
      ".docker/config.json": '{"currentContext":"far"}',
      [meta]: JSON.stringify({ Name: "far", Endpoints: { docker: { Host: fake.host } } }),
    });
    const { stdout } = await engine(["status"], { HOME: folder });
    expect(stdout).to.equal(`Docker 99.1 at ${fake.host} (context far)\n`);
    const wrong = await engine(["status"], { HOME: folder, DOCKER_CONTEXT: "near" });
    expect(wrong.code).to.equal(1);
    expect(wrong.stderr).to.match(/^scripts\/engine: the docker context "near" does not exist \(/);
  });

  it("says which engine was tried when none answers, and how it is called when it is called wrongly", async () => {
    const env = {
      HOME: home,
      DOCKER_HOST: "unix:///nowhere.sock",
      TSBUILDOUT_ENGINE_DIR: join(home, "engine"),
    };
    const status = await engine(["status"], env);
    expect(status.code).to.equal(3);
    expect(status.stdout).to.equal(
      "no answer: unix:///nowhere.sock (DOCKER_HOST): connect ENOENT /nowhere.sock\nno Docker engine answers\n",
    );
    expect((await engine(["env"], env)).stderr).to.match(
      /^scripts\/engine: no Docker engine answers\.\nTried: unix/,
    );
    const wrong = await engine(["start"], env);
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.match(
      /^scripts\/engine: which command\?\nusage: scripts\/engine up\|down\|env\|status/,
    );
  });
});

describe("scripts/engine, for an engine of its own", () => {
  let dir: string;
  const own = (...args: string[]) =>
    engine([...args, "--private", "--dir", join(dir, "engine")], { HOME: dir });

  before(async () => {
    dir = await temporaryFolder();
  });
  after(() => own("down"));

  it("starts once, is kept while anybody wants it, comes back after a crash, and leaves nothing", async () => {
    const line = new RegExp(`^Docker \\S+ at unix://${dir}/engine/docker.sock \\(private engine\\)\\n$`);
    const first = await own("up", "--holder", String(process.pid));
    expect(first.stdout, first.stderr).to.match(line);
    const record = (): { dockerd: number; dataRoot: string } =>
      JSON.parse(readFileSync(join(dir, "engine/engine.json"), "utf8")) as {
        dockerd: number;
        dataRoot: string;
      };
    const { dockerd, dataRoot } = record();

    expect((await own("up")).stdout).to.match(line);
    expect(record().dockerd).to.equal(dockerd);
    expect((await own("down", "--holder", String(process.pid))).stdout).to.equal("");
    expect((await own("status")).stdout).to.match(line);

    process.kill(dockerd, "SIGKILL");
    writeFileSync(join(dir, "engine/dockerd.pid"), String(process.pid));
    expect((await own("up")).stdout).to.match(line);

    expect((await own("down")).stdout).to.equal("the private engine is stopped and removed\n");
    expect(existsSync(join(dir, "engine"))).to.equal(false);
    expect(existsSync(dataRoot)).to.equal(false);
    expect((await own("down")).stdout).to.equal("no private engine runs\n");
  });

  it("keeps out of the way of others that start and stop at the same time", async () => {
    const homes = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()] as const;
    const [one, two, elsewhere] = homes;
    try {
      const started = await Promise.all([one, two].map((home) => other(home, "up")));
      expect(started.map(({ code }) => code)).to.deep.equal([0, 0]);
      const host = `unix://${one}/e/docker.sock`;
      const { Id } = await engineJson<{ Id: string }>({
        host,
        method: "POST",
        path: "/networks/create",
        body: { Name: "front" },
      });
      // Of an engine that was started in another network namespace, where this name was free.
      await writeFiles(elsewhere, {
        "e/engine.json": JSON.stringify({
          ...record(one),
          owner: "another",
          dataRoot: join(elsewhere, "data"),
        }),
      });
      for (const home of [elsewhere, two]) expect((await other(home, "down")).code).to.equal(0);
      expect(links()).to.include.members([record(one).bridge, `br-${Id.slice(0, 12)}`]);
      const { bridge } = record(one);
      await other(one, "down");
      expect(links()).not.to.include.oneOf([bridge, `br-${Id.slice(0, 12)}`]);
    } finally {
      for (const home of homes) await other(home, "down");
    }
  });
});

/** The names of the network interfaces. */
function links(): string[] {
  const text = execFileSync("ip", ["-o", "link"], { encoding: "utf8" });
  return [...text.matchAll(/^\d+: ([^:@]+)/gm)].map(([, name]) => name!);
}

/** Of the engine in a folder of its own. */
function other(home: string, command: string): Promise<CliResult> {
  return engine([command, "--private", "--dir", join(home, "e")], { HOME: home });
}

function record(home: string): { readonly bridge: string } {
  return JSON.parse(readFileSync(join(home, "e/engine.json"), "utf8")) as { bridge: string };
}

describe("npm run test:engines", () => {
  it("has what is missing installed where there is a network, before it enters an engine's own", async () => {
    const bin = await temporaryFolder({
      "apt-get": "#!/bin/sh\nreadlink /proc/self/ns/net >>${0%/*}/networks\necho no mirror >&2\nexit 1\n",
    });
    chmodSync(join(bin, "apt-get"), 0o755);
    // A machine without iptables and dockerd: for this one process /usr/sbin is empty.
    const bare = 'mount -t tmpfs tmpfs /usr/sbin && exec "$@"';
    const script = [process.execPath, "scripts/test-engines.mjs", "docker-28"];
    const path = [bin, dirname(process.execPath), "/usr/bin", "/bin"].join(":");
    const { stderr } = await run("unshare", ["--mount", "sh", "-c", bare, "sh", ...script], { PATH: path });
    expect(stderr).to.include(
      "Error: apt-get install docker.io iptables iproute2 ca-certificates failed:\nno mirror\n",
    );
    const networks = readFileSync(join(bin, "networks"), "utf8").trim().split("\n");
    expect([...new Set(networks)]).to.deep.equal([readlinkSync("/proc/self/ns/net")]);
  });
});
