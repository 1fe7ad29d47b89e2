import { expect } from "chai";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Buildout } from "../../src/engine/buildout.js";
import { fileRecipes, thingsIn } from "./crash-recipe.js";

const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** What is there at first, or what it is changed to: new values, and one part in the place of another. */
function config(value: number, last: string): string {
  return `[buildout]
parts = web log ${last}
[web]
recipe = thing
v = $<db:id>
[db]
recipe = thing
v = ${value}
[log]
recipe = thing
w = ${value}
[${last}]
recipe = thing
`;
}

const CONFIG_BEFORE = config(1, "old");
const CONFIG_AFTER = config(2, "new");
const WORLD_BEFORE = { db: "1 ", log: " 1", old: " ", web: "id-1 " };
const WORLD_AFTER = { db: "2 ", log: " 2", new: " ", web: "id-2 " };

function open(folder: string): Buildout {
  const recipes = Object.fromEntries(
    Object.entries(fileRecipes(join(folder, "world"))).map(([name, recipe]) => [
      name,
      async () => ({ default: recipe }),
    ]),
  );
  return new Buildout({ file: "buildout.cfg", cwd: folder, assignments: [], env: {}, home: folder, recipes });
}

/** Runs a command in a process that is killed at a step; resolves to whether it was. */
function killedAt(folder: string, step: number, command: string): Promise<boolean> {
  const child = spawn(process.execPath, [
    join(import.meta.dirname, "crash-child.js"),
    folder,
    String(step),
    command,
  ]);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.resume();
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(true);
      else if (code === 0) resolve(false);
      else reject(new Error(`the child ended with ${code}:\n${errors}`));
    });
  });
}

async function check(folder: string, text: string, world: Record<string, string>): Promise<void> {
  await writeFile(join(folder, "buildout.cfg"), text);
  expect((await open(folder).install()).ok).to.equal(true);
  expect(await thingsIn(join(folder, "world"))).to.deep.equal(world);
  expect((await open(folder).plan()).changes).to.equal(false);
  const names = Object.keys(world).map((name) => `file-${name}`);
  const left = [".installed.cfg", ".tsbuildout", "buildout.cfg", ...names, "world"];
  expect((await readdir(folder)).sort()).to.deep.equal(left);
  expect(await readdir(join(folder, ".tsbuildout"))).to.deep.equal(["states"]);
  expect((await open(folder).uninstall({ all: true })).ok).to.equal(true);
  expect(await thingsIn(join(folder, "world"))).to.deep.equal({});
  expect((await readdir(folder)).sort()).to.deep.equal(["buildout.cfg", "world"]);
}

describe("a process that is killed", () => {
  let start: string;

  before(async () => {
    start = await mkdtemp(join(place, "tsbuildout-crash-"));
    await writeFile(join(start, "buildout.cfg"), CONFIG_BEFORE);
  });
  after(() => rm(start, { recursive: true, force: true }));

  /** Kills the command at each of its steps, each time from the same beginning. */
  async function atEachStep(command: string, recover: (folder: string) => Promise<void>): Promise<void> {
    let killed = true;
    let step = 0;
    while (killed) {
      const folder = await mkdtemp(join(place, "tsbuildout-crash-"));
      try {
        await cp(start, folder, { recursive: true });
        killed = await killedAt(folder, ++step, command);
        await recover(folder).catch((error: unknown) => {
          throw new Error(`killed at step ${step} of ${command}`, { cause: error });
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    expect(step).to.be.greaterThan(20);
  }

  it("at each step of a first install: one more install completes it, and an uninstall leaves nothing", async () => {
    await atEachStep("install", (folder) => check(folder, CONFIG_BEFORE, WORLD_BEFORE));
  });

  it("at each step of an install that changes, adds and removes parts", async () => {
    await open(start).install();
    await writeFile(join(start, "buildout.cfg"), CONFIG_AFTER);
    await atEachStep("install", (folder) => check(folder, CONFIG_AFTER, WORLD_AFTER));
  });

  it("at each step of an uninstall", async () => {
    await atEachStep("uninstall", (folder) => check(folder, CONFIG_AFTER, WORLD_AFTER));
  });
});
