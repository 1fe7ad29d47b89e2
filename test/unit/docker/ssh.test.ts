import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { waitContainer } from "../../../src/docker/attach.js";
import { connect } from "../../../src/docker/connect.js";
import { Gate } from "../../../src/docker/ssh.js";
import { ask } from "../../support/config.js";
import { fakeEngine } from "../../support/listening.js";
import { container } from "../../support/played-part.js";
import { playedEngine } from "../../support/played-engine.js";
import { contentOf, temporaryFolder } from "../../support/tmp.js";

/** Resolves when a process is no more, not even as one that nobody has waited for. */
async function gone(pid: number): Promise<void> {
  const state = (): string => /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
  try {
    while (state() !== "Z") await turn();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && ["ENOENT", "ESRCH"].includes(String(error.code))))
      throw error;
  }
}

/** A program that hands an engine's socket on as ssh would, until a command is to be run there. */
const ssh = (socket: string): string => `#!${process.execPath}
import("node:net").then(({ connect }) => {
  const engine = connect(${JSON.stringify(socket)});
  engine.pipe(process.stdout);
  process.stdin.on("data", (chunk) => {
    if (!/exec.\\w+.start/.test(chunk)) return void engine.write(chunk);
    process.stdout.write("HTTP/1.1 101 UPGRADED\\r\\nConnection: Upgrade\\r\\nUpgrade: tcp\\r\\n\\r\\n", () => {
      process.stderr.write("Connection to far closed by remote host.\\n");
      process.exit(255);
    });
  });
  process.stdin.on("end", () => process.exit(0));
});
`;

/** Connects to an engine, and says when its ssh runs. */
const CONNECTING = `
import { existsSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { connect } from ${JSON.stringify(new URL("../../../src/docker/connect.js", import.meta.url).href)};
const connecting = connect({ url: "ssh://far" }, { env: process.env, home: "/" });
while (!existsSync(process.env.PID)) await turn();
process.stdout.write("it runs");
await connecting;
`;

describe("an ssh connection to an engine", () => {
  it("ends with the program that it was made for", async () => {
    const folder = await temporaryFolder({ ssh: '#!/bin/sh\necho $$ >"$PID"\nexec sleep 1000\n' });
    await chmod(join(folder, "ssh"), 0o755);
    const pidFile = join(folder, "pid");
    const env = { PATH: `${folder}:${process.env["PATH"]}`, PID: pidFile };
    const program = spawn(process.execPath, ["--input-type=module", "-e", CONNECTING], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(program, "exit");
    await once(program.stdout, "data");
    const pid = Number(await contentOf(pidFile));
    program.kill("SIGTERM");
    await ended;
    await gone(pid);
  });

  it("is not needed by others while an answer waits for what they do", async () => {
    const [waiting, started] = [new Map<string, ServerResponse>(), new Set<string>()];
    const exit = (id: string): void => void waiting.get(id)?.end('{"StatusCode":0}');
    const far = await fakeEngine((request, response) => {
      const [, id = "", what] = /containers\/(\w+)\/(\w+)/.exec(request.url ?? "") ?? [];
      if (what === "wait") {
        waiting.set(id, response.writeHead(200));
        response.flushHeaders();
        if (started.has(id)) exit(id);
        return;
      }
      started.add(id);
      exit(id);
      response.writeHead(204).end();
    });
    const bin = await temporaryFolder({ ssh: ssh(far.url.replace("unix://", "")) });
    await chmod(join(bin, "ssh"), 0o755);
    const engine = await connect({ url: "ssh://far" }, { env: { PATH: bin }, home: "/" });
    const ids = Array.from({ length: 10 }, (_, i) => `c${i}`);
    const exits = Promise.all(ids.map(async (id) => await waitContainer(engine, id)));
    await Promise.all(
      ids.map(async (id) => await engine.request({ method: "POST", path: `/containers/${id}/start` })),
    );
    expect(new Set(await exits)).to.deep.equal(new Set([0]));
    await engine.close();
    await far.close();
  });

  it("is made with few others at a time", async () => {
    const gate = new Gate();
    const entered: number[] = [];
    const enter = async (i: number): Promise<void> => {
      await gate.enter();
      entered.push(i);
    };
    const all = Array.from({ length: 8 }, (_, i) => enter(i));
    await Promise.all(all.slice(0, 6));
    expect(entered).to.deep.equal([0, 1, 2, 3, 4, 5]);
    gate.leave();
    await all[6];
    gate.leave();
    await all[7];
    expect(entered).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("on which a login's words come before the engine's says exactly engine/unreachable", async () => {
    const bin = await temporaryFolder({ ssh: "#!/bin/sh\necho 'Welcome to far'\nexec cat >/dev/null\n" });
    await chmod(join(bin, "ssh"), 0o755);
    const { stderr } = await ask(
      { "buildout.cfg": "[buildout]\nparts = web\n[web]\nrecipe = docker.network\n" },
      { args: ["install"], env: { DOCKER_HOST: "ssh://far", PATH: `${bin}:${process.env["PATH"]}` } },
    );
    expect(
      stderr,
    ).to.equal(`error[engine/unreachable]: cannot reach the Docker engine at ssh://far (DOCKER_HOST) (part web)
  buildout.cfg:4:10
4 | recipe = docker.network
  |          ^^^^^^^^^^^^^^
  = note: the answer is not HTTP: does a login there print something?
`);
  });

  it("that ends in the middle of a run says exactly engine/ssh-failed", async () => {
    const { url, close } = await playedEngine({ answers: container() });
    try {
      const bin = await temporaryFolder({ ssh: ssh(url.replace("unix://", "")) });
      await chmod(join(bin, "ssh"), 0o755);
      const { code, stderr } = await ask(
        { "buildout.cfg": "[buildout]\nparts = web\n[web]\nrecipe = docker.run\nimage = x\nscript = y\n" },
        { args: ["install"], env: { DOCKER_HOST: "ssh://far", PATH: bin } },
      );
      expect(stderr).to.equal(`error[engine/ssh-failed]: the ssh connection to far ended (part web)
  buildout.cfg:4:10
4 | recipe = docker.run
  |          ^^^^^^^^^^
  = note: ssh: Connection to far closed by remote host.
`);
      expect(code).to.equal(1);
    } finally {
      await close();
    }
  });
});
