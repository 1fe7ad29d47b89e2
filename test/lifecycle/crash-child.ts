// A process that is killed at its n-th step that changes anything on disk: crash-child.js FOLDER N COMMAND.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const [folder, at, command] = process.argv.slice(2) as [string, string, string];
let steps = 0;

/** Counts a step; at the n-th the process is gone, without a chance to tidy up. */
function step(): void {
  if (++steps === Number(at)) process.kill(process.pid, "SIGKILL");
}

type Changing = (...args: unknown[]) => Promise<unknown>;

function countCalls(target: object, names: readonly string[]): void {
  const functions = target as Record<string, Changing>;
  for (const name of names) {
    const original = functions[name]!;
    functions[name] = function (this: unknown, ...args: unknown[]) {
      step();
      return original.apply(this, args);
    };
  }
}

/** Half of a write reaches the disk before the process is gone. */
function tearWrites(prototype: object): void {
  const handle = prototype as Record<string, Changing>;
  const original = handle["write"]!;
  handle["write"] = async function (this: { fd: number }, ...args: unknown[]) {
    const [buffer, offset, length, position] = args as [Buffer, number, number, number];
    if (steps + 1 === Number(at)) fs.writeSync(this.fd, buffer, offset, length >> 1, position);
    step();
    return await original.apply(this, args);
  };
}

// The engine's own imports are bound before its first call, so what is replaced here is what it calls.
countCalls(fs.promises, ["open", "rename", "rm", "rmdir", "link", "writeFile", "mkdir"]);
syncBuiltinESMExports();
const probe = await fs.promises.open(join(folder, "buildout.cfg"), "r");
steps = 0;
const prototype = Object.getPrototypeOf(probe) as object;
countCalls(prototype, ["truncate", "datasync", "sync", "writeFile", "chmod"]);
tearWrites(prototype);
await probe.close();

const { Buildout } = await import("../../src/engine/buildout.js");
const { fileRecipes } = await import("./crash-recipe.js");
const recipes = Object.fromEntries(
  Object.entries(fileRecipes(join(folder, "world"))).map(([name, recipe]) => [
    name,
    async () => ({ default: recipe }),
  ]),
);
const buildout = new Buildout({
  file: "buildout.cfg",
  cwd: folder,
  assignments: [],
  env: {},
  home: folder,
  recipes,
});
// One part at a time, so that the n-th step is the same one every time.
const summary =
  command === "install"
    ? await buildout.install({ jobs: 1 })
    : await buildout.uninstall({ all: true, jobs: 1 });
process.stdout.write(JSON.stringify({ ok: summary.ok, steps }));
