import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startTsbuildout, tsbuildout } from "../support/cli.js";
import { WAITING } from "../support/recipe-files.js";
import { temporaryFolder, writeFiles } from "../support/tmp.js";

const CONFIG = "[buildout]\nparts = a b\n[a]\nrecipe = ./waiting.mjs\n[b]\nrecipe = ./waiting.mjs\n";

describe("the program", () => {
  let cwd: string;

  beforeEach(async () => {
    cwd = await temporaryFolder({ "buildout.cfg": CONFIG, "waiting.mjs": WAITING });
  });

  const names = async (): Promise<string[]> =>
    (await readdir(cwd)).filter((name) => name !== ".tsbuildout").sort();

  it("interrupted once, undoes what is under way, says so, and ends with 130; the next run completes", async () => {
    await writeFile(join(cwd, "go-a"), "");
    const run = startTsbuildout(["-j", "1", "--plain"], { cwd });
    await run.prints(/b \| waiting/);
    run.signal("SIGINT");
    const { code, stdout } = await run.done;
    expect(code).to.equal(130);
    expect(stdout)
      .to.contain("b | uninstalled because failed")
      .and.contain("b: aborted: the run was interrupted");
    expect(await names()).to.deep.equal([".installed.cfg", "buildout.cfg", "go-a", "thing-a", "waiting.mjs"]);
    await writeFile(join(cwd, "go-b"), "");
    expect((await tsbuildout([], { cwd })).code).to.equal(0);
    expect(await names()).to.include("thing-b");
  });

  it("interrupted twice, ends at once; the next run clears up and completes", async () => {
    const run = startTsbuildout(["-j", "1", "--plain"], { cwd, env: { STUBBORN: "1" } });
    await run.prints(/a \| waiting/);
    run.signal("SIGTERM");
    await run.prints(/a \| undoing/);
    run.signal("SIGTERM");
    expect((await run.done).code).to.equal(130);
    await writeFiles(cwd, { "go-a": "", "go-b": "" });
    const { code, stdout } = await tsbuildout(["--plain"], { cwd });
    expect(code).to.equal(0);
    expect(stdout).to.contain("a | uninstalled because changed");
    expect((await tsbuildout(["uninstall", "--all"], { cwd })).code).to.equal(0);
    expect(await names()).to.deep.equal(["buildout.cfg", "go-a", "go-b", "waiting.mjs"]);
  });

  it("lets one run at a time work on a buildout; the other one ends with 3 and names it", async () => {
    const run = startTsbuildout(["-j", "1", "--plain"], { cwd });
    await run.prints(/a \| waiting/);
    const other = await tsbuildout(["install"], { cwd });
    expect(other.code).to.equal(3);
    expect(other.stderr).to.match(
      /^error\[lock\/held\]: another run is under way: process \d+ on \S+ since 20/,
    );
    // Looking needs no lock.
    expect((await tsbuildout(["status"], { cwd })).stdout).to.match(/^a +unfinished/);
    await writeFiles(cwd, { "go-a": "", "go-b": "" });
    expect((await run.done).code).to.equal(0);
  });

  it("goes by the process that holds the lock, not by the clock", async () => {
    const run = startTsbuildout(["-j", "1", "--plain"], { cwd });
    await run.prints(/a \| waiting/);
    run.signal("SIGKILL");
    await run.done;
    const lock = join(cwd, ".installed.cfg.lock");
    const holder = JSON.parse(await readFile(lock, "utf8")) as object;
    // As if the clock had been set back by years since.
    await writeFile(lock, JSON.stringify({ ...holder, since: "2099-01-01T00:00:00.000Z" }));
    await writeFiles(cwd, { "go-a": "", "go-b": "" });
    expect((await tsbuildout([], { cwd })).code).to.equal(0);
    expect(await names()).not.to.include(".installed.cfg.lock");
  });

  it("stops when the disk is full, undoes, and goes on when there is room", async function () {
    const full = join(cwd, "full");
    await mkdir(full);
    mount(this, ["-t", "tmpfs", "-o", "size=64k", "tmpfs", full]);
    const fill = (pages: number): Promise<void> =>
      writeFile(join(full, "filler"), Buffer.alloc(pages * 4096));
    try {
      await writeFiles(cwd, {
        "full/buildout.cfg": CONFIG.replaceAll("./w", "../w"),
        "full/go-a": "",
        "full/go-b": "",
      });
      for (const room of [0, 1, 2, 3, 4, 6]) {
        await fill(15 - room);
        const first = await tsbuildout(["--plain"], { cwd: full });
        if (first.code !== 0) expect(first.stderr, `${room} pages`).to.contain("no space left");
        await fill(0);
        expect((await tsbuildout(["--plain"], { cwd: full })).code, `${room} pages, then more`).to.equal(0);
        expect(await readdir(full)).to.include.members(["thing-a", "thing-b", ".installed.cfg"]);
        expect((await tsbuildout(["uninstall", "--all"], { cwd: full })).code).to.equal(0);
        await rm(join(full, ".tsbuildout"), { recursive: true, force: true });
        expect((await readdir(full)).sort()).to.deep.equal(["buildout.cfg", "filler", "go-a", "go-b"]);
      }
    } finally {
      execFileSync("umount", ["-l", full]);
    }
  });

  it("says so when the folder cannot be written, and changes nothing", async function () {
    const fixed = join(cwd, "fixed");
    await mkdir(fixed);
    mount(this, ["-t", "tmpfs", "-o", "size=64k", "tmpfs", fixed]);
    try {
      await writeFiles(cwd, { "fixed/buildout.cfg": CONFIG.replaceAll("./w", "../w") });
      execFileSync("mount", ["-o", "remount,ro", fixed]);
      const { code, stderr } = await tsbuildout(["install"], { cwd: fixed });
      expect(code).to.equal(2);
      expect(stderr)
        .to.contain("error[state/not-written]: cannot write")
        .and.contain("make the folder writable");
      expect((await tsbuildout(["plan"], { cwd: fixed })).code).to.equal(0);
    } finally {
      execFileSync("umount", ["-l", fixed]);
    }
  });

  it("prints events, and as the last line what failed, as JSON", async () => {
    await writeFile(
      join(cwd, "bad.mjs"),
      WAITING.replace("await created", "throw new Error('no'); await created"),
    );
    await writeFile(join(cwd, "buildout.cfg"), "[buildout]\nparts = a\n[a]\nrecipe = ./bad.mjs\n");
    const { code, stdout } = await tsbuildout(["--json"], { cwd });
    expect(code).to.equal(1);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ type }) => type)).to.include.members([
      "run-started",
      "plan",
      "part-started",
      "part-ended",
    ]);
    expect(lines.at(-1))
      .to.have.property("error")
      .that.includes({ code: "internal/bug", message: "Error: no" });
  });

  it("plans with an exit code, and shows the steps as JSON", async () => {
    const plan = await tsbuildout(["plan", "--exit-code", "--json"], { cwd });
    expect(plan.code).to.equal(4);
    expect(JSON.parse(plan.stdout)).to.deep.equal({
      steps: ["a", "b"].map((part) => ({
        part,
        action: "install",
        recipe: "./waiting.mjs",
        reasons: ["not installed yet"],
        needs: [],
      })),
    });
    await writeFiles(cwd, { "go-a": "", "go-b": "" });
    await tsbuildout([], { cwd });
    expect((await tsbuildout(["plan", "--exit-code"], { cwd })).code).to.equal(0);
  });
});

/** Skips a test where the machine does not let us mount. */
function mount(test: Mocha.Context, args: readonly string[]): void {
  try {
    execFileSync("mount", args, { stdio: "pipe" });
  } catch {
    test.skip();
  }
}
