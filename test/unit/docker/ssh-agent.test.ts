import { expect } from "chai";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startAgent } from "../../../src/docker/ssh-agent.js";
import { failureOf } from "../../support/recipe-part.js";
import { temporaryFolder } from "../../support/tmp.js";

function keysOf(socket: string): string {
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  return execFileSync("ssh-add", ["-l"], { env, stdio: "pipe" }).toString();
}

describe("an ssh agent for some keys", () => {
  const { signal } = new AbortController();
  let key: string;
  before(async () => {
    key = join(await temporaryFolder(), "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "mine", "-f", key]);
  });

  it("holds them until it is closed", async () => {
    const agent = await startAgent([key], { env: process.env, signal });
    expect(keysOf(agent.socket)).to.contain("mine (ED25519)");
    await agent.close();
    expect(() => keysOf(agent.socket)).to.throw();
  });

  it("ends, and its socket goes, when the process that started it is killed", async () => {
    const module = import.meta.resolve("../../../src/docker/ssh-agent.js");
    const script = `import { startAgent } from ${JSON.stringify(module)};
      const { signal } = new AbortController();
      console.log((await startAgent([${JSON.stringify(key)}], { env: process.env, signal })).socket);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    const folder = dirname(said.toString().trim());
    expect(folder).to.match(/^\//).and.not.to.equal("/");
    child.kill("SIGKILL");
    const watcher = watch(dirname(folder));
    const gone = new Promise<void>((resolve) => {
      watcher.on("change", () => existsSync(folder) || resolve());
    });
    if (existsSync(folder)) await gone;
    watcher.close();
  });

  it("says that a file is no key, and that there is no program", async () => {
    const file = join(await temporaryFolder({ "no-key": "x" }), "no-key");
    const { message, notes } = await failureOf(startAgent([file], { env: process.env, signal }));
    expect(message).to.equal(`ssh-add does not take ${file}`);
    expect(notes?.join("\n")).to.be.a("string").and.not.match(/\r/);
    expect((await failureOf(startAgent([key], { env: { PATH: tmpdir() }, signal }))).message).to.equal(
      "the program ssh-agent cannot be run",
    );
  });
});
