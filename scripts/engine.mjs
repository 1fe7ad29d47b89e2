// up, down, env, status: see `scripts/engine --help`. Plain Node: it runs before node_modules exists.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canInstall, program } from "./lib/apt.mjs";
import { candidates, firstThatAnswers } from "./lib/endpoints.mjs";
import { layout, recorded, remove, start } from "./lib/private-engine.mjs";

const HELP = `usage: scripts/engine up|down|env|status [--dir DIR] [--data-root DIR] [--private] [--holder PID] [--settings JSON]

up      make sure that a Docker engine answers: the one of DOCKER_HOST, of the current docker context or of
        the default sockets; otherwise start a private one (as root; on Debian and Ubuntu docker.io is installed)
down    stop the private engine and remove all it had; an engine that was not started here is left alone
env     print what to put into the environment:  eval "$(scripts/engine env)"
status  say which engine answers; exit code 3 if none does

--dir DIR        the private engine's folder: socket, pid file, logs (or TSBUILDOUT_ENGINE_DIR;
                 by default a folder of this user in the temporary folder)
--data-root DIR  where it keeps images and volumes (by default in /dev/shm where there is room, else in DIR)
--private        look at no other engine than the private one
--settings JSON  up: what its daemon.json holds, where it is started (by default nothing)
--holder PID     up: the engine is wanted as long as process PID lives; down: PID does not want it any more.
                 The engine is stopped when nobody is left who wants it.
`;

class UsageError extends Error {}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dir: { type: "string" },
      "data-root": { type: "string" },
      settings: { type: "string", default: "{}" },
      private: { type: "boolean", default: false },
      holder: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const command = { up, down, env, status }[positionals[0]];
  if (values.help) return process.stdout.write(HELP);
  if (!command || positionals.length > 1) throw new UsageError(`which command?\n${HELP}`);
  return command({ at: layout(values.dir), ...values });
}

/** The user's engines first, then the private one if there is one on record. */
function find({ at, private: only }) {
  const others = only ? [] : candidates();
  return firstThatAnswers([...others, ...(recorded(at) ? [at.endpoint] : [])]);
}

async function up(options) {
  if (runAgainUnderLock(options.at)) return;
  const { at } = options;
  let { engine, tried } = await find(options);
  if (!engine) {
    mustBeAbleToStart(tried);
    process.stderr.write(`No Docker engine answers; starting a private one in ${at.dir}\n`);
    await start(at, { dataRoot: options["data-root"], settings: options.settings });
    ({ engine } = await find({ ...options, private: true }));
  }
  if (engine.from === "private engine") holders(at).add(options.holder ?? "user");
  process.stdout.write(`${describe(engine)}\n`);
}

async function down({ at, holder }) {
  if (runAgainUnderLock(at)) return;
  const who = holders(at);
  if (holder) who.remove(holder);
  if (holder && who.any()) return;
  const stopped = await remove(at);
  process.stdout.write(stopped ? "the private engine is stopped and removed\n" : "no private engine runs\n");
}

async function env(options) {
  const { engine, tried } = await find(options);
  if (!engine) throw new Error(noEngine(tried));
  const lines = [`export DOCKER_HOST=${quote(engine.host)}`];
  if (engine.certs)
    lines.push("export DOCKER_TLS_VERIFY=1", `export DOCKER_CERT_PATH=${quote(engine.certs)}`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function status(options) {
  const { engine, tried } = await find(options);
  for (const line of tried) process.stdout.write(`no answer: ${line}\n`);
  process.stdout.write(engine ? `${describe(engine)}\n` : "no Docker engine answers\n");
  if (!engine) process.exitCode = 3;
}

/** Two runs must not start, or start and stop, one engine at the same time. True when the work is done. */
function runAgainUnderLock(at) {
  if (process.env.TSBUILDOUT_ENGINE_LOCKED === at.dir || !program("flock")) return false;
  const again = ["-o", `${at.dir}.lock`, process.execPath, ...process.argv.slice(1)];
  const locked = { ...process.env, TSBUILDOUT_ENGINE_LOCKED: at.dir };
  process.exitCode = spawnSync("flock", again, { stdio: "inherit", env: locked }).status ?? 1;
  return true;
}

/** Who wants the private engine: processes by pid, or "user" who started it by hand. */
function holders(at) {
  const folder = join(at.dir, "holders");
  return {
    add: (name) => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, name), "");
    },
    remove: (name) => rmSync(join(folder, name), { force: true }),
    any: () =>
      existsSync(folder) &&
      readdirSync(folder).some((name) => name === "user" || existsSync(`/proc/${name}`)),
  };
}

function mustBeAbleToStart(tried) {
  const root = process.platform === "linux" && process.getuid() === 0;
  if (!root || !(program("dockerd") || canInstall())) throw new Error(noEngine(tried));
}

function noEngine(tried) {
  return `no Docker engine answers.
Tried: ${tried.join("\n       ")}
Install Docker Engine (https://docs.docker.com/engine/install/) and start it, or set DOCKER_HOST.
As root on Debian or Ubuntu, \`scripts/engine up\` installs docker.io and starts a private engine.`;
}

function describe({ host, from, version }) {
  return `Docker ${version} at ${host} (${from})`;
}

/** For a shell that evaluates it. */
function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

try {
  await main();
} catch (error) {
  const usage = error instanceof UsageError || error.code?.startsWith("ERR_PARSE_ARGS");
  process.stderr.write(`scripts/engine: ${error.message}\n`);
  process.exitCode = usage ? 2 : 1;
}
