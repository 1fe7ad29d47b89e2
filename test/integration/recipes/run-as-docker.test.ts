import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import {
  type CliResult,
  projectFolder,
  startTsbuildout,
  testEnvironment,
  tsbuildout,
} from "../../support/cli.js";
import { engineJson, engineRemove, uniqueName } from "../../support/engine.js";
import { loadImage } from "../../support/images.js";
import { temporaryFolder } from "../../support/tmp.js";

const PROXIES = { httpProxy: "http://ann:correct-horse@10.0.0.1:3128", noProxy: "a.test" };

function ends({ code, stdout, stderr }: CliResult, expected = 0): string {
  expect(code, stdout + stderr).to.equal(expected);
  return stdout + stderr;
}

/** What users of `docker run` lean on without thinking of it: the docker program says what is right. */
describe("docker.run beside docker run", () => {
  const image = `${uniqueName("tsb-as-docker")}:1`;
  let folder: string;
  let name: string;
  before(async () => {
    await loadImage(image, { Env: ["PATH=/bin", "FROM_IMAGE=1", "HTTP_PROXY=image"] });
  });
  beforeEach(async () => {
    name = uniqueName("tsb-as-docker");
    folder = await temporaryFolder({
      "docker/config.json": JSON.stringify({ proxies: { default: PROXIES } }),
    });
  });
  afterEach(async () => await engineRemove("containers", name));
  after(async () => await engineRemove("images", image));

  const settings = (): Record<string, string> => ({ DOCKER_CONFIG: join(folder, "docker"), GIVEN: "g" });
  const run = async (command: string, ...lines: string[]): Promise<CliResult> => {
    await writeFile(join(folder, "buildout.cfg"), config(...lines));
    return await tsbuildout([command], { cwd: folder, env: settings() });
  };
  const config = (...lines: string[]): string =>
    [
      "[buildout]",
      "parts = web",
      "[web]",
      "recipe = docker.run",
      `name = ${name}`,
      `image = ${image}`,
      ...lines,
    ]
      .join("\n")
      .concat("\n");
  const variables = async (): Promise<string[]> => {
    const path = `/containers/${name}/json`;
    const { Config } = await engineJson<{ Config: { Env: string[] } }>({ path });
    // Podman names the host there, which is another one each time.
    return Config.Env.filter((one) => !one.startsWith("HOSTNAME=")).sort();
  };
  const dockers = async (...options: string[]): Promise<string[]> => {
    const env = { ...testEnvironment(folder), ...settings() };
    execFileSync("docker", ["create", "--name", name, ...options, image], { env, stdio: "ignore" });
    const found = await variables();
    await engineRemove("containers", name);
    return found;
  };

  const same: readonly [what: string, env: readonly string[]][] = [
    ["no env: the settings' proxies, in both spellings", []],
    ["a bare name that is set, and one that is not", ["GIVEN", "NOT_GIVEN"]],
    ["a bare name that only the image has: it is gone", ["FROM_IMAGE"]],
    ["a proxy of one's own, in one spelling", ["HTTP_PROXY=mine"]],
    ["no proxy, by a bare name", ["HTTP_PROXY", "http_proxy"]],
  ];
  for (const [what, env] of same)
    it(`env: ${what}`, async () => {
      const expected = await dockers(...env.flatMap((one) => ["--env", one]));
      ends(await run("install", "start = false", "env =", ...env.map((one) => `  ${one}`)));
      expect(await variables()).to.deep.equal(expected);
    });

  it("env-file: a proxy that it names stands, as with Compose", async () => {
    await writeFile(join(folder, "own.env"), "http_proxy=mine\n");
    ends(await run("install", "start = false", "env-file = own.env"));
    expect(await variables()).to.include.members(["http_proxy=mine", `HTTP_PROXY=${PROXIES.httpProxy}`]);
  });

  it("the proxies' passwords are never shown or recorded, and other settings make no new container", async () => {
    const lines = ["command = sleep 600", "script = env"];
    const shown = ends(await run("install", ...lines));
    expect(shown).to.contain("http://ann:***@10.0.0.1:3128");
    const state = await readFile(join(folder, ".installed.cfg"), "utf8");
    expect(shown + state).not.to.contain("correct-horse");
    await writeFile(join(folder, "docker/config.json"), "{}");
    ends(await tsbuildout(["plan", "--exit-code"], { cwd: folder, env: settings() }));
    // The container still has them, and tells by its script.
    await engineJson({ method: "POST", path: `/containers/${name}/stop` });
    expect(ends(await run("install", ...lines))).not.to.contain("correct-horse");
  });

  it("a plan says what an install would: the name is somebody else's", async () => {
    await dockers();
    execFileSync("docker", ["create", "--name", name, image], {
      env: testEnvironment(folder),
      stdio: "ignore",
    });
    const { Id } = await engineJson<{ Id: string }>({ path: `/containers/${name}/json` });
    // The network is still to be made: the name is looked at all the same.
    const lines = ["networks = $<net:name>", "[net]", "recipe = docker.network", `name = ${name}`];
    const planned = ends(await run("plan", ...lines), 2);
    expect(planned).to.contain(`the name ${name} is taken by a container that this part did not make`);
    expect(planned).to.contain(`container ${Id.slice(0, 12)}`);
    const installed = ends(await run("install", ...lines), 1);
    expect(installed).to.contain(`the name ${name} is taken by a container that this part did not make`);
    ends(await tsbuildout(["uninstall", "--all"], { cwd: folder, env: settings() }));
    expect((await engineJson<{ Id: string }>({ path: `/containers/${name}/json` })).Id).to.equal(Id);
  });

  it("a plan that waits for an engine's answer ends by Ctrl-C, and one that reaches none goes on", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    await writeFile(join(folder, "buildout.cfg"), config(`engine-url = tcp://127.0.0.1:${port}`));
    const plan = startTsbuildout(["plan"], { cwd: folder, env: settings() });
    const [connection] = (await once(silent, "connection")) as [Socket];
    plan.signal("SIGINT");
    expect(await plan.done).to.deep.equal({ code: 130, stdout: "", stderr: "interrupted\n" });
    connection.destroy();
    silent.close();
    await writeFile(join(folder, "buildout.cfg"), config(`engine-url = unix://${folder}/none.sock`));
    const planned = ends(await tsbuildout(["plan"], { cwd: folder, env: settings() }));
    expect(planned).to.contain("web (docker.run): install");
  });

  it("a part that goes by another name takes over the container's", async () => {
    ends(await run("install", "start = false"));
    const text = config("start = false").replaceAll("web", "site");
    await writeFile(join(folder, "buildout.cfg"), text);
    ends(await tsbuildout(["plan"], { cwd: folder, env: settings() }));
    ends(await tsbuildout(["install"], { cwd: folder, env: settings() }));
  });

  const inBash = async (assignment: string): Promise<void> => {
    await writeFile(join(folder, "buildout.cfg"), config("start = false"));
    const program = join(projectFolder, "dist/bundle/tsbuildout.cjs");
    const env = { ...testEnvironment(folder), ...settings() };
    const words = ["-c", `"$0" "$1" web:${assignment}`, process.execPath, program];
    execFileSync("bash", words, { cwd: folder, env, stdio: "pipe" });
  };

  it("env-file: what a shell's <(…) gives", async () => {
    await inBash("env-file=<(sleep 0.2; echo A=1)");
    expect(await variables()).to.include("A=1");
  });

  it("security-opt: a seccomp profile that a shell's <(…) gives", async () => {
    await inBash(`security-opt=seccomp=<(echo '{"defaultAction": "SCMP_ACT_ALLOW"}')`);
    const path = `/containers/${name}/json`;
    const { HostConfig } = await engineJson<{ HostConfig: { SecurityOpt: string[] } }>({ path });
    expect(HostConfig.SecurityOpt).to.deep.equal([`seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`]);
  });

  for (const [option, text] of [
    ["env-file", "./pipe"],
    ["security-opt", "seccomp=./pipe"],
  ] as const)
    it(`${option}: a pipe that nobody writes to is waited for until Ctrl-C`, async () => {
      execFileSync("mkfifo", [join(folder, "pipe")]);
      await writeFile(join(folder, "buildout.cfg"), config(`${option} = ${text}`));
      const waiting = startTsbuildout(["install"], { cwd: folder, env: settings() });
      // It is at the pipe as soon as a writer can open it; what the writer holds open gives no end.
      const writer = execFileSync("bash", ["-c", "exec 3>pipe; sleep 600 >&3 2>&- <&- & echo $!"], {
        cwd: folder,
        encoding: "utf8",
      });
      try {
        waiting.signal("SIGINT");
        expect((await waiting.done).code).to.equal(130);
      } finally {
        process.kill(Number(writer));
      }
    });
});
