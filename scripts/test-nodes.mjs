// The package as it would be published, on other versions of Node: `npm run test:nodes [-- 22 24]`. Each version
// gets a fresh folder with the packed tarball installed, locally and globally, runs the quick start from each, and then
// the unit tests.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";

const project = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "tsbuildout-nodes-"));

function run(command, args, cwd, env = {}) {
  const options = { cwd, encoding: "utf8", env: { ...process.env, ...env }, maxBuffer: 2 ** 28 };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (status === 0) return stdout;
  throw new Error(
    `${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}${error?.message ?? ""}`,
  );
}

function passed(what) {
  process.stdout.write(`  ${what}\n`);
}

/** npm itself, so that it runs on the Node under test, and not on whichever is on PATH. */
const npmCli = join(run("npm", ["root", "--global"], project).trim(), "npm/bin/npm-cli.js");

function testNode(version, tarball) {
  const home = join(folder, version);
  mkdirSync(home);
  run("npm", ["init", "-y"], home);
  run("npm", ["install", "--no-audit", "--no-fund", `node@${version}`], home);
  const node = join(home, "node_modules/node/bin/node");
  const path = { PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  process.stdout.write(`Node ${run(node, ["--version"], home).trim()}\n`);
  const install = (...where) =>
    run(node, [npmCli, "install", "--no-audit", "--no-fund", ...where, tarball], home, path);

  install();
  const exports = 'for (const e of ["", "/recipe", "/docker", "/testing"]) await import("tsbuildout" + e)';
  run(node, ["--input-type=module", "-e", exports], home);
  passed("its exports can be imported");
  quickStart(join(home, "node_modules/.bin/tsbuildout"), join(home, "local"), path);
  passed("the quick start, from a local installation: installs, has nothing to do, uninstalls");
  install("--global", "--prefix", join(home, "global"));
  quickStart(join(home, "global/bin/tsbuildout"), join(home, "elsewhere"), path);
  passed("the quick start, from a global installation: installs, has nothing to do, uninstalls");
  unitTests(node);
}

/** As the shell would run it: `bin` as npm linked it, by the `node` that comes first on PATH. */
function quickStart(program, example, env) {
  cpSync(join(project, "examples/quickstart"), example, { recursive: true });
  const tsbuildout = (...args) => run(program, args, example, env);
  try {
    tsbuildout("install");
    tsbuildout("plan", "--exit-code");
  } finally {
    tsbuildout("uninstall", "--all");
  }
}

function unitTests(node) {
  const mocha = [
    join(project, "node_modules/mocha/bin/mocha.js"),
    "dist/test/unit/**/*.test.js",
    "--reporter",
    "dot",
  ];
  const summary = run(node, mocha, project);
  passed(`the unit tests: ${/\d+ passing/.exec(summary)?.[0]}`);
}

try {
  run("npm", ["pack", "--pack-destination", folder], project);
  const [name] = spawnSync("ls", [folder], { encoding: "utf8" }).stdout.trim().split("\n");
  const versions = process.argv.length > 2 ? process.argv.slice(2) : ["20", "22", "24"];
  for (const version of versions) testNode(version, join(folder, name));
} catch (error) {
  process.stderr.write(`scripts/test-nodes: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
