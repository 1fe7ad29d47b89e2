// The integration tests against other engines: `npm run test:engines [-- NAME ...]`. What an engine is known not
// to be able to do is listed in test/engines.json by test, with the reason; it is run all the same, and said.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOther } from "./lib/other-engines.mjs";
import { prepareMachine } from "./lib/private-engine.mjs";
import { ENGINES, unpack, unpackDocker } from "./lib/unpacked.mjs";

const FOLDER = join(tmpdir(), `tsbuildout-engines-${process.getuid()}`);
const KNOWN = JSON.parse(readFileSync("test/engines.json", "utf8"));

/** Gets what an engine and the tests need, as long as there is a way out: in an engine's network there is none. */
async function prepare() {
  prepareMachine();
  const { debianRoot } = await import("../dist/test/support/debian-root.js");
  debianRoot();
  unpackDocker(FOLDER);
}

async function testEngine(name) {
  process.stderr.write(`${name}: unpacking and starting\n`);
  const { like = name, features } = ENGINES[name];
  const engine = await startOther(name, { root: unpack(like, FOLDER), folder: FOLDER, features });
  try {
    process.stderr.write(`${name}: ${engine.version} at ${engine.host}\n`);
    return { name, version: engine.version, ...runMocha(engine, name) };
  } finally {
    await engine.stop();
  }
}

function runMocha({ enter, host }, name) {
  const output = `dist/engine-${name}.json`;
  const mocha = ["npx", "mocha", "dist/test/integration/**/*.test.js"];
  const reporter = ["--reporter", "json", "--reporter-option", `output=${output}`];
  const [command, ...args] = [...enter, ...mocha, ...reporter];
  const env = { ...process.env, DOCKER_HOST: host, TSBUILDOUT_TEST_ENGINE: name };
  spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"], env });
  const { stats, failures } = JSON.parse(readFileSync(output, "utf8"));
  const known = KNOWN[name] ?? {};
  const titles = failures.map((test) => ({ title: test.fullTitle, why: test.err.message.split("\n")[0] }));
  const failing = new Set(titles.map(({ title }) => title));
  return {
    passed: stats.passes,
    cannot: titles.filter(({ title }) => title in known).map(({ title }) => ({ title, why: known[title] })),
    failed: titles.filter(({ title }) => !(title in known)),
    // A reason that no longer holds, or for a test that is gone, is as wrong as a failure.
    stale: Object.keys(known).filter((title) => !failing.has(title)),
  };
}

function report({ name, version, passed, cannot, failed, stale }) {
  return [
    `${name} (${version}): ${passed} passed, ${cannot.length} it cannot do, ${failed.length} failed`,
    ...list("cannot:", cannot.map(withReason)),
    ...list("failed:", failed.map(withReason)),
    ...list("listed in test/engines.json, but passed or gone:", stale),
  ].join("\n");
}

function withReason({ title, why }) {
  return `${title}: ${why}`;
}

function list(heading, lines) {
  return lines.length > 0 ? [`  ${heading}`, ...lines.map((line) => `    ${line}`)] : [];
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(ENGINES);
const unknown = wanted.find((name) => !(name in ENGINES));
if (unknown) throw new Error(`no engine ${unknown}; there are: ${Object.keys(ENGINES).join(", ")}`);
mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
await prepare();
const reports = [];
for (const name of wanted) {
  const result = await testEngine(name);
  reports.push(report(result));
  if (result.failed.length + result.stale.length > 0) process.exitCode = 1;
}
const text = `${reports.join("\n\n")}\n`;
writeFileSync("dist/engines.txt", text);
process.stdout.write(text);
