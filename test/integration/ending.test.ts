import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { readFile, watch, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { projectFolder, startTsbuildout, testEnvironment, tsbuildout } from "../support/cli.js";
import { temporaryFolder } from "../support/tmp.js";

/** A folder with one part, whose install does this. */
function withInstall(body: string): Promise<string> {
  return temporaryFolder({
    "buildout.cfg": "[buildout]\nparts = a\n[a]\nrecipe = ./recipe.js\n",
    "package.json": '{ "type": "module" }',
    "recipe.js": `export default { doc: "", options: {}, async install({ signal, log, secret }) { ${body} } };`,
  });
}

const UNTIL_ABORTED = `
  log("at work");
  const alive = setInterval(() => log("still at work"), 10);
  await new Promise((resolve, reject) => signal.addEventListener("abort", () => {
    clearInterval(alive);
    reject(signal.reason);
  }));`;

/** More than a pipe takes. */
const LINES = 20_000;

const UNFINISHED = "the run ended before it was done: a recipe ended it, or waits for what never comes";

/** What becomes of a program whose standard output is on a full disk. */
async function onFullDisk(cwd: string, ...args: string[]): Promise<{ code: number; stderr: string }> {
  const full = openSync("/dev/full", "w");
  const program = join(projectFolder, "dist/bundle/tsbuildout.cjs");
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: testEnvironment(cwd),
    stdio: ["ignore", full, "pipe"],
  });
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const [code] = (await once(child, "close")) as [number];
  closeSync(full);
  return { code, stderr };
}

describe("what a recipe prints by itself", () => {
  const body =
    'secret("s3cr3t-t0ken"); console.log("one s3cr3t-t0ken"); console.error("two"); process.stdout.write("3\\n");';

  it("goes to standard error, without the secrets that the run knows: standard output is JSON", async () => {
    const { code, stdout, stderr } = await tsbuildout(["--json"], { cwd: await withInstall(body) });
    expect(code).to.equal(0);
    expect(stderr).to.equal("one ***\ntwo\n3\n");
    for (const line of stdout.trimEnd().split("\n")) expect(JSON.parse(line)).to.have.property("type");
  });

  it("when it is loaded is not in the way of the value that was asked for", async () => {
    const cwd = await withInstall("");
    const recipe = await readFile(join(cwd, "recipe.js"), "utf8");
    await writeFile(
      join(cwd, "recipe.js"),
      `console.log("welcome");\n${recipe.replace("options: {}", 'options: { x: { kind: "", doc: "", default: "1", decode: String } }')}`,
    );
    const { stdout, stderr } = await tsbuildout(["query", "a:x"], { cwd });
    expect([stdout, stderr]).to.deep.equal(["1\n", "welcome\n"]);
  });
});

describe("ends of a process that nobody asked for", () => {
  for (const [what, body] of [
    ["waits for what never comes", "await new Promise(() => {});"],
    ["ends the process", "process.exit(0);"],
    ["ends the process as if a part had failed", "process.exit(1);"],
  ] as const)
    it(`a recipe that ${what} is no success`, async () => {
      const cwd = await withInstall(body);
      const { code, stdout, stderr } = await tsbuildout(["--json"], { cwd });
      expect(code).to.equal(70);
      const message = `${UNFINISHED} (under way: a)`;
      expect(stderr).to.equal(`internal error: ${message}\n`);
      const last = stdout.trimEnd().split("\n").at(-1)!;
      expect(JSON.parse(last)).to.deep.equal({ error: { code: "internal", message, notes: [] } });
    });

  it("what a recipe throws where nobody catches it is told as a bug", async () => {
    const cwd = await withInstall(
      'setImmediate(() => { throw new Error("late"); }); await new Promise(() => {});',
    );
    const { code, stderr } = await tsbuildout([], { cwd });
    expect(code).to.equal(70);
    expect(stderr).to.match(
      /^internal error: this is a bug of tsbuildout or of a recipe \(under way: a\)\nError: late\n/,
    );
  });

  it("what a recipe throws where nobody catches it may be anything", async () => {
    const cwd = await withInstall(
      'secret("s3cr3t-t0ken"); setImmediate(() => { throw undefined; }); await new Promise(() => {});',
    );
    const { code, stdout, stderr } = await tsbuildout(["--json"], { cwd });
    expect(code).to.equal(70);
    expect(stderr).to.equal(
      "internal error: this is a bug of tsbuildout or of a recipe (under way: a)\nundefined\n",
    );
    const message = "undefined (under way: a)";
    const last = stdout.trimEnd().split("\n").at(-1)!;
    expect(JSON.parse(last)).to.deep.equal({ error: { code: "internal", message, notes: [] } });
  });

  it("what a recipe throws where nobody catches it is told without the secrets in it", async () => {
    const cwd = await withInstall(
      'secret("s3cr3t-t0ken"); setImmediate(() => { throw new Error("no s3cr3t-t0ken"); }); await new Promise(() => {});',
    );
    const { code, stdout, stderr } = await tsbuildout(["--json"], { cwd });
    expect(code).to.equal(70);
    expect(stderr).to.match(
      /^internal error: this is a bug of tsbuildout or of a recipe \(under way: a\)\nError: no \*\*\*\n/,
    );
    expect(stdout).to.contain('{"error":{"code":"internal","message":"no *** (under way: a)","notes":[]}}');
    expect(stdout + stderr).not.to.contain("s3cr3t");
  });

  it("a terminal that is closed interrupts tidily", async () => {
    const cwd = await withInstall(UNTIL_ABORTED);
    const run = startTsbuildout([], { cwd });
    await run.prints(/at work/);
    run.signal("SIGHUP");
    const { code, stdout } = await run.done;
    expect(code).to.equal(130);
    expect(stdout).to.contain("interrupted: what is under way is undone; once more ends at once\n");
    expect(stdout).to.contain("interrupted: 1 aborted");
  });

  it("a reader that leaves in the middle of a run interrupts it tidily", async () => {
    const cwd = await withInstall(UNTIL_ABORTED);
    const { code, status } = await startAndLeave(cwd);
    expect(code).to.equal(130);
    expect(status).to.equal("nothing is installed\n");
  });

  it("whoever looks on in the midst of a run is told of it", async () => {
    const cwd = await withInstall(UNTIL_ABORTED);
    const run = startTsbuildout([], { cwd });
    await run.prints(/at work/);
    for (const command of ["status", "plan"]) {
      const { code, stderr } = await tsbuildout([command], { cwd });
      expect(code).to.equal(0);
      expect(stderr).to.match(/^warning\[lock\/held\]: another run is under way: process \d+ on /);
    }
    run.signal("SIGINT");
    await run.done;
    expect((await tsbuildout(["status"], { cwd })).stderr).to.equal("");
  });

  it("what a recipe leaves open is not waited for", async () => {
    const cwd = await withInstall("setInterval(() => {}, 1_000_000);");
    const { code, stdout } = await tsbuildout([], { cwd });
    expect(code).to.equal(0);
    expect(stdout).to.match(/\n1 installed \(.*\)\n$/);
  });

  it("who reads only when all is done misses nothing", async () => {
    const cwd = await withInstall(`for (let at = 0; at < ${LINES}; at++) log("line " + at);`);
    const program = join(projectFolder, "dist/bundle/tsbuildout.cjs");
    const child = spawn(process.execPath, [program], { cwd, env: testEnvironment(cwd) });
    await recorded(cwd);
    const said = await text(child.stdout);
    expect(said.split("\n").filter((line) => line.startsWith("a | line "))).to.have.length(LINES);
    expect(said).to.match(/\n1 installed \(.*\)\n$/);
  });

  it("a folder that is gone is said so", async () => {
    const folder = await temporaryFolder();
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" plan';
    const program = join(projectFolder, "dist/bundle/tsbuildout.cjs");
    const child = spawn("sh", ["-c", script, process.execPath, program], { cwd: folder });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    const [code] = (await once(child, "close")) as [number];
    expect(stderr).to.equal("error: the current folder is gone: change to one that is there\n");
    expect(code).to.equal(2);
  });

  it("a full disk under the log does not stop the run, which then has failed", async function () {
    if (process.platform !== "linux") this.skip(); // there is no /dev/full
    const cwd = await withInstall("");
    const failed = {
      code: 1,
      stderr: "cannot write standard output: ENOSPC: no space left on device, write\n",
    };
    expect(await onFullDisk(cwd)).to.deep.equal(failed);
    expect((await tsbuildout(["status"], { cwd })).stdout).to.match(/^a {2}ok /);
    // What is written in the last moment, too.
    expect(await onFullDisk(cwd), "nothing to do").to.deep.equal(failed);
    expect(await onFullDisk(cwd, "--json", "annotate")).to.deep.equal(failed);
    expect(await onFullDisk(cwd, "--version")).to.deep.equal(failed);
  });
});

/** Waits for a run's record of what is installed, and for the end of its lock. */
async function recorded(cwd: string): Promise<void> {
  const there = (): boolean =>
    existsSync(join(cwd, ".installed.cfg")) && !existsSync(join(cwd, ".installed.cfg.lock"));
  for await (const _ of watch(cwd)) if (there()) return;
}

/** Runs until the first line and reads no further. */
async function startAndLeave(cwd: string): Promise<{ code: number; status: string }> {
  const program = join(projectFolder, "dist/bundle/tsbuildout.cjs");
  const child = spawn(process.execPath, [program], { cwd, env: testEnvironment(cwd) });
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [code] = (await once(child, "exit")) as [number];
  return { code, status: (await tsbuildout(["status"], { cwd })).stdout };
}
