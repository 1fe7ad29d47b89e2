import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { type CliRun, startTsbuildout, tsbuildout } from "../support/cli.js";
import { engineObjects } from "../support/engine.js";
import { ensureBaseImage } from "../support/images.js";
import { temporaryFolder } from "../support/tmp.js";

/** A stage that says that it has begun, and ends when the test opens its gate. */
const gated = (name: string, after: string): string =>
  `[${name}]\nrecipe = docker.stage\nimage = tsbuildout-test/busybox\nafter = ${after}\nvol = ./gate:/gate\n` +
  `run =\n    echo ${name} begun\n    until [ -e /gate/${name} ]; do sleep 0.05; done\n    echo ${name} ends\n`;

/** Gives the server's events one by one, however many come in one piece. */
async function eventsAt(address: string): Promise<() => Promise<string>> {
  const body = (await fetch(address)).body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async () => {
    while (!text.includes("\n\n")) text += (await body.read()).value!;
    const [event = ""] = text.split("\n\n", 1);
    text = text.slice(event.length + 2);
    return event;
  };
}

describe("a run that goes on", () => {
  let folder: string;
  let run: CliRun;
  const here = (...args: string[]) => tsbuildout(args, { cwd: folder });
  const open = (name: string): Promise<void> => writeFile(join(folder, "gate", name), "");
  before(async () => {
    const image = await ensureBaseImage();
    const first = `[first]\nrecipe = docker.stage\nimage = ${image}\nrun = echo first\n`;
    const config = `[buildout]\nparts = last\n${first}${gated("slow", "first")}${gated("last", "slow")}`;
    folder = await temporaryFolder({ "buildout.cfg": config, "gate/.keep": "" });
    run = startTsbuildout(["install"], { cwd: folder });
    await run.prints(/slow \| slow begun/);
  });
  after(async () => {
    run.signal("SIGKILL");
    await here("uninstall", "--all");
  });

  it("is listed, and its page knows what is done and what runs", async () => {
    const { runs } = JSON.parse((await here("runs", "--json")).stdout) as { runs: { result: string }[] };
    expect(runs.map(({ result }) => result)).to.deep.equal(["running"]);
    const server = startTsbuildout(["serve", "--port", "0"], { cwd: folder });
    const [address] = await server.printed(/http:\S+/);
    const list = await (await fetch(address)).text();
    const page = `${address.slice(0, -1)}${/href="(\/runs\/[^"]+)"/.exec(list)![1]!}`;
    const parts = async () =>
      (
        (await (await fetch(`${page}?data`)).json()) as { parts: { name: string; result: string }[] }[]
      )[0]!.parts.map(({ name, result }) => `${name} ${result}`);
    const next = await eventsAt(`${address}events`);
    expect(await next()).to.equal(": here");
    // What is written comes a moment later, and the server tells.
    while ((await parts())[1] !== "slow running") expect(await next()).to.equal("data: changed");
    expect(await parts()).to.deep.equal(["first done", "slow running", "last waiting"]);
    const [id] = /\d{8}-\d{6}-[0-9a-f]+/.exec(page)!;
    await appendFile(join(folder, ".tsbuildout/runs", id, "events.jsonl"), "torn\n");
    expect(await next()).to.equal("data: changed");
    server.signal("SIGINT");
    expect((await server.done).code).to.equal(0);
  });

  it("is followed by logs -f until the part has ended, not the run", async () => {
    const follow = startTsbuildout(["logs", "-f", "slow"], { cwd: folder });
    await follow.prints(/slow begun/);
    await open("slow");
    await run.prints(/last \| last begun/);
    expect(await follow.done).to.deep.equal({ code: 0, stdout: "slow begun\nslow ends\n", stderr: "" });
  });

  it("lets go of a follower at Ctrl-C, and goes on itself", async () => {
    const follow = startTsbuildout(["logs", "-f", "last"], { cwd: folder });
    await follow.prints(/last begun/);
    follow.signal("SIGINT");
    expect(await follow.done).to.deep.equal({ code: 130, stdout: "last begun\n", stderr: "interrupted\n" });
  });

  it("leaves nothing of a stage that Ctrl-C ended, and goes on from there the next time", async () => {
    run.signal("SIGINT");
    const ended = await run.done;
    expect(ended.code).to.equal(130);
    const state = await readFile(join(folder, ".installed.cfg"), "utf8");
    const id = /(tsbuildout-[0-9a-f]+)-first/.exec(state)![1]!;
    const left = (await engineObjects("org.tsbuildout.buildout")).filter((name) => name.includes(id));
    expect(left).to.deep.equal([`volume ${id}-first`, `volume ${id}-slow`]);
    await open("last");
    const again = await here("install");
    expect(again.stdout).to.contain("last | last ends\n").and.not.to.contain("slow |");
    expect((await here("runs")).stdout).to.match(/ done .*\n.* aborted /);
  });

  it("is none where the file is wrong: nothing was done", async () => {
    await writeFile(join(folder, "wrong.cfg"), "[buildout]\nparts = a\n[a]\nrecipe = docker.stage\n");
    const before = (await here("runs")).stdout;
    expect((await here("-c", "wrong.cfg", "install")).code).to.equal(2);
    expect((await here("runs")).stdout).to.equal(before);
  });

  it("that was killed is cleared away by the next one, with the container that still runs", async () => {
    const config = "[buildout]\nparts = a\n[a]\nrecipe = docker.stage\nimage = tsbuildout-test/busybox\n";
    const cwd = await temporaryFolder({ "buildout.cfg": `${config}run = echo begun; sleep 1000\n` });
    const killed = startTsbuildout(["install"], { cwd });
    await killed.prints(/a \| begun/);
    killed.signal("SIGKILL");
    await killed.done;
    const { runs } = JSON.parse((await tsbuildout(["runs", "--json"], { cwd })).stdout) as {
      runs: { result: string }[];
    };
    expect(runs.map(({ result }) => result)).to.deep.equal(["aborted"]);
    await writeFile(join(cwd, "buildout.cfg"), `${config}run = echo whole\n`);
    const next = await tsbuildout(["install"], { cwd });
    expect(next).to.deep.include({ code: 0, stderr: "" });
    expect(next.stdout).to.contain("a | whole\n");
    expect((await tsbuildout(["uninstall", "--all"], { cwd })).code).to.equal(0);
  });
});
