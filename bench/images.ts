import { mkdir, symlink, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { projectFolder } from "../test/support/cli.js";
import { ensureBaseImage } from "../test/support/images.js";
import { engineJson, engineRequest } from "../test/support/engine.js";
import { startRegistry, type Registry } from "../test/support/registry.js";
import { packFiles } from "../src/docker.js";
import { type Bench, type Command, WITHOUT_CAS, type Work } from "./harness.js";
import type { Row } from "./table.js";

const FILES = 5000;
const FILE = 4 * 1024;
const LARGE = 500 * 1024 * 1024;
const PUSHED = 100 * 1024 * 1024;
const MEMORY = 150 * 1024 * 1024;

/** Builds, pushes and pulls beside the docker CLI with buildx. The engine's data root should be in memory, too. */
export async function rows(bench: Bench): Promise<Row[]> {
  const docker = await findDocker(bench);
  // In memory as well: what goes to a disk later on would slow the next round down.
  const registry = await startRegistry({ folder: bench.folder });
  const cache = await newBuildCache();
  try {
    const table = await builds(bench, docker, cache);
    return [...table, ...(await transfers(bench, docker, registry))];
  } finally {
    await cache.remove();
    await registry.stop();
  }
}

/** What builds from now on leave in the engine's build cache: every round its 500 MB, twice, in memory. */
interface BuildCache {
  /** What was there before stays: it is somebody's. */
  readonly remove: () => Promise<void>;
}

async function newBuildCache(): Promise<BuildCache> {
  const before = new Set(await buildCacheIds());
  const fresh = async (): Promise<string[]> => (await buildCacheIds()).filter((id) => !before.has(id));
  const remove = async (): Promise<void> => {
    // What others were made from goes only after them, and the engine keeps what it still uses.
    for (
      let left = await fresh(), was = Infinity;
      left.length > 0 && left.length < was;
      left = await fresh()
    ) {
      was = left.length;
      for (const id of left) await prune(id);
    }
  };
  return { remove };
}

async function prune(id: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ id: [id] }));
  await engineJson({ method: "POST", path: `/build/prune?all=1&filters=${filters}` });
}

async function buildCacheIds(): Promise<string[]> {
  const path = "/system/df?type=build-cache";
  const { BuildCache } = await engineJson<{ BuildCache: readonly { ID: string }[] | null }>({ path });
  return (BuildCache ?? []).map(({ ID }) => ID);
}

interface Docker {
  readonly name: string;
  /** Where the program is. */
  readonly program: string;
  readonly run: (args: readonly string[]) => Promise<string>;
}

/** The docker program and buildx of a later Debian, unpacked and not installed. */
export async function findDocker(bench: Bench): Promise<Docker> {
  const script = join(projectFolder, "scripts/unpack-docker.mjs");
  const [program = "", buildx = ""] = (await bench.command(process.execPath, [script])).trim().split("\n");
  const config = join(bench.folder, "docker-config");
  await mkdir(join(config, "cli-plugins"), { recursive: true });
  await symlink(buildx, join(config, "cli-plugins/docker-buildx"));
  const how: Command = { env: { DOCKER_CONFIG: config } };
  const run = async (args: readonly string[]): Promise<string> => await bench.command(program, args, how);
  return {
    name: `docker ${(await run(["version", "--format", "{{.Client.Version}}"])).trim()}`,
    program,
    run,
  };
}

interface Context {
  readonly work: string;
  readonly folder: string;
  readonly name: string;
  /** Writes all files anew: buildx keeps what it was sent, and would send nothing the second time. */
  readonly write: () => Promise<void>;
}

async function builds(bench: Bench, docker: Docker, cache: BuildCache): Promise<Row[]> {
  const base = await ensureBaseImage();
  const contexts = [await manyFiles(bench, base), await oneFile(bench, base)];
  const table: Row[] = [];
  for (const context of contexts) table.push(...(await buildRows(bench, docker, { ...context, cache })));
  return table;
}

async function buildRows(
  bench: Bench,
  docker: Docker,
  context: Context & { readonly cache: BuildCache },
): Promise<Row[]> {
  const { work, folder, name, cache } = context;
  const cwd = join(bench.folder, `${name}-buildout`);
  await mkdir(cwd);
  const config = (builder: string): string =>
    `[buildout]\nparts = app\n[app]\nrecipe = docker.build\nname = ${name}\nsource = ${folder}\nno-cache = true\nbuilder = ${builder}\n`;
  await writeFile(join(cwd, "buildout.cfg"), config("buildkit"));
  const undo = async (): Promise<void> => void (await bench.ours(["uninstall", "--all", "-q"], { cwd }));
  const write = async (): Promise<void> => {
    await cache.remove();
    await context.write();
  };
  const before = async (): Promise<void> => {
    await undo();
    await write();
  };
  const ours: Work = { before, run: () => bench.ours(["install", "-q"], { cwd }) };
  const theirs = (...flags: string[]) =>
    docker.run(["build", "-q", "--provenance=false", "-t", `${name}-peer`, ...flags, folder]);
  const cold = await bench.compare({
    work: `build ${work}, no cache`,
    ours,
    peer: {
      name: docker.name,
      before: async () => [await gone(`${name}-peer`)(), await write()],
      run: () => theirs("--no-cache"),
    },
    rounds: 5,
    atMost: 1,
  });
  await undo();
  await gone(`${name}-peer`)();
  const memory = await bench.peakMemory(bench.tsbuildout, ["install", "-q"], { cwd });
  const unchanged = await bench.compare({
    work: `build ${work}, unchanged`,
    ours: { run: () => bench.ours(["install", "-q"], { cwd }) },
    peer: { name: docker.name, run: () => theirs() },
    floor: { run: () => bench.asking(`GET /images/${name}/json`) },
    rounds: 9,
    atMost: 1 / 3,
  });
  await undo();
  await gone(`${name}-peer`)();
  return [cold, unchanged, { work: `build ${work}: peak memory`, unit: "B", ours: memory, atMost: MEMORY }];
}

async function manyFiles(bench: Bench, base: string): Promise<Context> {
  const folder = join(bench.folder, "many");
  const write = async (): Promise<void> => {
    const content = randomBytes(FILE);
    for (let at = 0; at < FILES; at++) {
      const sub = join(folder, `d${Math.floor(at / 100)}`);
      if (at % 100 === 0) await mkdir(sub, { recursive: true });
      content.writeUInt32BE(at);
      await writeFile(join(sub, `f${at}`), content);
    }
  };
  await mkdir(folder);
  await writeFile(join(folder, "Dockerfile"), `FROM ${base}\nCOPY . /data\n`);
  await write();
  return { work: "5,000 files (20 MB)", folder, name: "tsb-bench-many", write };
}

async function oneFile(bench: Bench, base: string): Promise<Context> {
  const folder = join(bench.folder, "large");
  const write = async (): Promise<void> => await writeFile(join(folder, "file"), randomBytes(LARGE));
  await mkdir(folder);
  await writeFile(join(folder, "Dockerfile"), `FROM ${base}\nCOPY file /file\n`);
  await write();
  return { work: "one file (500 MB)", folder, name: "tsb-bench-large", write };
}

const repositoryOf = (name: string): string => name.slice(0, name.lastIndexOf(":"));

/** An image with a layer that no registry has seen, and that no build cache will know, in place of the last one.
 *  @param name with the tag 1 */
const fresh = async (name: string): Promise<void> => {
  await gone(name)();
  const body = packFiles([{ name: "data", content: randomBytes(PUSHED) }]);
  await engineJson({
    method: "POST",
    path: `/images/create?fromSrc=-&repo=${repositoryOf(name)}&tag=1`,
    body,
  }).catch(() => undefined);
};

const gone = (name: string) => async (): Promise<void> =>
  void (await engineRequest({ method: "DELETE", path: `/images/${name}?force=1` }));

const peakOf = (work: string, memory: number): Row => ({
  work: `${work} 100 MB: peak memory`,
  unit: "B",
  ours: memory,
  atMost: MEMORY,
});

async function transfers(bench: Bench, docker: Docker, registry: Registry): Promise<Row[]> {
  const cwd = join(bench.folder, "transfer-buildout");
  await mkdir(cwd);
  const config = async (recipe: string, options: string): Promise<void> =>
    await writeFile(
      join(cwd, "buildout.cfg"),
      `[buildout]\nparts = image\n[image]\nrecipe = ${recipe}\n${options}\n`,
    );
  const undo = async (): Promise<void> => void (await bench.ours(["uninstall", "--all", "-q"], { cwd }));
  const ours = `${registry.host}/bench-ours:1`;
  const theirs = `${registry.host}/bench-theirs:1`;
  const bare = `${registry.host}/bench-bare:1`;

  await config("docker.push", `name = ${ours}`);
  const install = (): Promise<string> => bench.ours(["install", "-q"], { cwd });
  const push = await bench.compare({
    work: "push 100 MB",
    ours: { before: async () => [await undo(), await fresh(ours)], run: install },
    peer: {
      name: docker.name,
      before: () => fresh(theirs),
      run: () => docker.run(["push", "-q", theirs]),
    },
    floor: {
      before: () => fresh(bare),
      run: () => bench.asking(`POST /images/${repositoryOf(bare)}/push?tag=1`),
    },
    rounds: 7,
    atMost: 1.05,
  });
  const again = (how: string, env: NonNullable<Command["env"]>): Promise<Row> =>
    bench.compare({
      work: `push what is there already${how}`,
      ours: { run: install },
      peer: { name: "node -e 0", run: () => bench.command(process.execPath, ["-e", "0"], { env }) },
      floor: { run: () => bench.asking(`GET /distribution/${ours}/json`) },
      rounds: 15,
      atMost: 2,
    });
  // Node 20 reads all certificates at each start, this program when it needs them: beside a node that has none to read, too.
  const withAndWithout = process.env["NODE_EXTRA_CA_CERTS"]
    ? [await again("", {}), await again(" (node without extra CAs)", WITHOUT_CAS)]
    : [await again("", {})];
  await undo();
  const peak = async (): Promise<number> =>
    await bench.peakMemory(bench.tsbuildout, ["install", "-q"], { cwd });
  const pushing = await peak();
  await undo();

  await config("docker.pull", `name = ${ours}`);
  const pull = await bench.compare({
    work: "pull 100 MB",
    ours: { before: async () => [await undo(), await gone(ours)()], run: install },
    peer: { name: docker.name, before: gone(theirs), run: () => docker.run(["pull", "-q", theirs]) },
    floor: {
      before: gone(bare),
      run: () => bench.asking(`POST /images/create?fromImage=${repositoryOf(bare)}&tag=1`),
    },
    rounds: 11,
    atMost: 1.05,
  });
  await undo();
  await gone(ours)();
  const pulling = await peak();
  await undo();
  for (const name of [ours, theirs, bare]) await gone(name)();
  return [push, ...withAndWithout, pull, peakOf("push", pushing), peakOf("pull", pulling)];
}
