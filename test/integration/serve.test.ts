import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { type CliRun, startTsbuildout, tsbuildout } from "../support/cli.js";
import { ensureBaseImage } from "../support/images.js";
import { temporaryFolder } from "../support/tmp.js";

const SECRET = "a secret for the hook";

const git = (cwd: string, ...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
    cwd,
    encoding: "utf8",
  }).trim();

/** How many runs a page lists. */
async function listed(page: string): Promise<number> {
  return [...(await (await fetch(page)).text()).matchAll(/<tr><td>/g)].length;
}

/** The process of the run that a buildout waits for. */
async function running(directory: string): Promise<number> {
  return (JSON.parse(await readFile(join(directory, ".installed.cfg.lock"), "utf8")) as { pid: number }).pid;
}

describe("tsbuildout serve", () => {
  let origin: string;
  let clone: string;
  let server: CliRun;
  let address: string;

  before(async () => {
    const image = await ensureBaseImage();
    const stage = (name: string, triggers: string): string =>
      `[${name}]\nrecipe = docker.stage\nimage = ${image}\ntriggers = ${triggers}\nvol = code\nrun = cat /code/${name}.txt\n`;
    const config = `[buildout]\nparts = a b\n\n${stage("a", "a.txt")}\n${stage("b", "b.txt")}`;
    origin = await temporaryFolder({
      "buildout.cfg": config,
      "a.txt": "a1\n",
      "b.txt": "b1\n",
      ".gitignore": ".tsbuildout\n.installed.cfg*\n",
    });
    git(origin, "init", "-q", "-b", "main");
    git(origin, "add", ".");
    git(origin, "commit", "-q", "-m", "one");
    clone = await temporaryFolder();
    git(clone, "clone", "-q", origin, ".");
    server = startTsbuildout(["serve", "--port", "0"], {
      cwd: clone,
      env: { TSBUILDOUT_WEBHOOK_SECRET: SECRET },
    });
    const said = await server.printed(/http:\S+/);
    address = said[0];
  });
  after(async () => {
    server.signal("SIGINT");
    await server.done;
    const checkout = join(clone, ".tsbuildout", "checkout");
    await tsbuildout(["uninstall", "--all"], { cwd: checkout });
  });

  async function push(before: string, after: string): Promise<number> {
    const body = JSON.stringify({ ref: "refs/heads/main", before, after });
    const signature = `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
    const headers = {
      "X-Hub-Signature-256": signature,
      "X-GitHub-Event": "push",
      "X-GitHub-Delivery": `d-${after.slice(0, 20)}`,
    };
    return (await fetch(`${address}github/push`, { method: "POST", body, headers })).status;
  }

  it("runs what a push concerns, in a checkout of its own, and shows the run", async () => {
    const first = git(origin, "rev-parse", "HEAD");
    expect(await push("0".repeat(40), first)).to.equal(202);
    await server.prints(new RegExp(`push ${first.slice(0, 12)} of main: done`));
    await writeFile(join(origin, "a.txt"), "a2\n");
    git(origin, "commit", "-q", "-a", "-m", "two");
    const second = git(origin, "rev-parse", "HEAD");
    expect(await push(first, second)).to.equal(202);
    await server.prints(new RegExp(`push ${second.slice(0, 12)} of main: done`));
    const list = await (await fetch(address)).text();
    const runs = [...list.matchAll(/href="(\/runs\/[^"]+)"/g)].map((match) => match[1]!);
    expect(runs).to.have.length(2);
    const [shown] = (await (await fetch(`${address.slice(0, -1)}${runs[0]!}?data`)).json()) as {
      parts: { name: string; result: string; reasons: string[]; log: [number, string, string][] }[];
    }[];
    expect(shown!.parts.map(({ name, result }) => `${name} ${result}`)).to.deep.equal(["a done"]);
    expect(shown!.parts[0]!.log.map((line) => line[2])).to.deep.equal(["a2"]);
    expect(git(clone, "status", "--porcelain")).to.equal("");
    expect(git(clone, "rev-parse", "HEAD"), "what somebody works on is not touched").to.equal(first);
  });

  it("looks at everything after a forced push, says why a run failed, and knows its runs after a restart", async () => {
    const gone = "1".repeat(40);
    await writeFile(join(origin, "b.txt"), "b2\n");
    git(origin, "commit", "-q", "-a", "--amend", "-m", "three");
    const third = git(origin, "rev-parse", "HEAD");
    expect(await push(gone, third)).to.equal(202);
    await server.prints(new RegExp(`push ${third.slice(0, 12)} of main: done`));
    await writeFile(join(origin, "buildout.cfg"), "[buildout]\nparts = a\n[a]\nrecipe = docker.stage\n");
    git(origin, "commit", "-q", "-a", "-m", "four");
    const fourth = git(origin, "rev-parse", "HEAD");
    expect(await push(third, fourth)).to.equal(202);
    await server.prints(
      new RegExp(
        "  error\\[stage/no-image\\]: stage a has no image, and waits for no other stage.*\n(.*\n)+" +
          `push ${fourth.slice(0, 12)} of main: failed with exit code 2`,
      ),
    );
    expect(await listed(address)).to.equal(3);
    const slow = `[buildout]\nparts = a\n[a]\nrecipe = docker.stage\nimage = ${await ensureBaseImage()}\nrun = sleep 60\n`;
    await writeFile(join(origin, "buildout.cfg"), slow);
    git(origin, "commit", "-q", "-a", "-m", "five");
    const fifth = git(origin, "rev-parse", "HEAD");
    expect(await push(fourth, fifth)).to.equal(202);
    // Before its run is kept there is nothing to be known of it.
    while ((await listed(address)) < 4) await setTimeout(20);
    process.kill(await running(join(clone, ".tsbuildout/checkout")), "SIGKILL");
    await server.prints(new RegExp(`push ${fifth.slice(0, 12)} of main: failed with SIGKILL`));
    const other = startTsbuildout(["serve", "--port", "0"], { cwd: clone });
    expect(await listed((await other.printed(/http:\S+/))[0])).to.equal(4);
    other.signal("SIGINT");
    await other.done;
  });

  it("keeps what it has installed in its checkout when the parts of the folder go", async () => {
    const kept = [".tsbuildout/checkout/.installed.cfg", ".tsbuildout/deliveries"].map((name) =>
      join(clone, name),
    );
    const read = () => Promise.all(kept.map((path) => readFile(path, "utf8")));
    const before = await read();
    for (const argv of [["install"], ["uninstall", "--all"]])
      expect((await tsbuildout(argv, { cwd: clone })).code, argv.join(" ")).to.equal(0);
    expect(await read()).to.deep.equal(before);
    expect((await readdir(join(clone, ".tsbuildout"))).sort()).to.deep.equal(["checkout", "deliveries"]);
  });

  it("takes no secret that is empty: anybody could sign with it", async () => {
    const env = { TSBUILDOUT_WEBHOOK_SECRET: "" };
    const { code, stderr } = await tsbuildout(["serve", "--port", "0"], { cwd: clone, env });
    expect(stderr).to.equal(
      "error[usage/arguments]: TSBUILDOUT_WEBHOOK_SECRET is empty\n   = help: unset it, or give it the webhook's secret\n",
    );
    expect(code).to.equal(2);
  });
});
