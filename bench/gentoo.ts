import { randomFillSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type Engine } from "../src/docker.js";
import { importImage, type LocalArchive } from "../src/recipes/gentoo-import.js";
import { unpackImage } from "../src/recipes/gentoo-unpack.js";
import { engineHost, engineRemove, uniqueName } from "../test/support/engine.js";
import { ensureBaseImage } from "../test/support/images.js";
import type { Bench, Work } from "./harness.js";
import type { Row } from "./table.js";

/** Bytes of a stage archive, and of a base image. */
const STAGE = 300 << 20;
const BASE = 1024 << 20;
const ROUNDS = 3;

type Context = Parameters<typeof importImage>[0];

const nothing = (): void => undefined;
const resolved = async (): Promise<void> => await Promise.resolve();

/** What the recipes' steps are handed, without an engine room around them. */
function contextOf(): Context {
  const signal = new AbortController().signal;
  const buildout = { id: "bench" };
  const quiet = { log: nothing, warn: nothing, progress: nothing, created: resolved, removed: resolved };
  return { part: "bench", env: process.env, signal, buildout, ...quiet } as unknown as Context;
}

/** Stage archives become images beside `docker import`; an image is unpacked into a builder beside export and tar. */
export async function rows(bench: Bench): Promise<Row[]> {
  const engine = await connect({}, { env: { DOCKER_HOST: engineHost() }, home: bench.folder });
  const image = uniqueName("tsbg-bench");
  try {
    const archives = await makeArchives(bench);
    return [...(await imports(bench, engine, { image, archives })), ...(await unpack(bench, engine, image))];
  } finally {
    for (const tag of ["ours", "theirs", "base"]) await engineRemove("images", `${image}:${tag}`);
    await engine.close();
  }
}

interface Archives {
  readonly whole: string;
  readonly halves: readonly string[];
  readonly base: string;
}

/** As many files as a stage has, most of them small, with bytes that do not compress. */
async function makeArchives(bench: Bench): Promise<Archives> {
  const tree = async (name: string, size: number): Promise<string> => {
    const folder = join(bench.folder, name);
    const bytes = Buffer.alloc(1 << 20);
    for (let done = 0, file = 0; done < size; file++) {
      const length = Math.min(size - done, file % 10 === 0 ? 1 << 20 : 32 << 10);
      if (file % 100 === 0) await mkdir(join(folder, `d${file / 100}`), { recursive: true });
      randomFillSync(bytes);
      await writeFile(join(folder, `d${Math.floor(file / 100)}`, `f${file}`), bytes.subarray(0, length));
      done += length;
    }
    await bench.command("tar", ["-C", folder, "-cf", `${folder}.tar`, "."]);
    await bench.command("rm", ["-r", folder]);
    return `${folder}.tar`;
  };
  const halves = [await tree("first", STAGE / 2), await tree("second", STAGE / 2)];
  return { whole: await tree("stage", STAGE), halves, base: await tree("base", BASE) };
}

interface Importing {
  readonly image: string;
  readonly archives: Archives;
}

async function imports(bench: Bench, engine: Engine, { image, archives }: Importing): Promise<Row[]> {
  const ours = (parts: readonly LocalArchive[]): Work => ({
    before: async () => await engineRemove("images", `${image}:ours`),
    run: async () =>
      await importImage(contextOf(), {
        engine,
        archives: parts,
        reference: `${image}:ours`,
        labels: {},
        platform: undefined,
      }),
  });
  const theirs = {
    name: "docker import",
    before: async () => await engineRemove("images", `${image}:theirs`),
    run: async () => await bench.command("docker", ["import", archives.whole, `${image}:theirs`]),
  };
  const single = await bench.compare({
    work: "a stage archive of 300 MB becomes an image",
    ours: ours([{ path: archives.whole, prefix: "" }]),
    peer: theirs,
    rounds: ROUNDS,
    atMost: 1.1,
  });
  const [first = "", second = ""] = archives.halves;
  const several = await bench.compare({
    work: "two archives of 150 MB, one below a prefix, become an image",
    ours: ours([
      { path: first, prefix: "" },
      { path: second, prefix: "opt/second" },
    ]),
    peer: theirs,
    rounds: ROUNDS,
    atMost: 1.5,
  });
  return [single, several, await memory(bench, image, archives)];
}

/** Of the whole command line, with both archives. */
async function memory(bench: Bench, image: string, { halves }: Archives): Promise<Row> {
  const cwd = join(bench.folder, "gentoo");
  await mkdir(cwd, { recursive: true });
  const config = `[buildout]
parts = img
[img]
recipe = docker.gentoo-build
name = ${image}
tag = ours
privileged = false
archives =
    ${halves[0]}
    ${halves[1]} /opt/second
`;
  await writeFile(join(cwd, "buildout.cfg"), config);
  const ours = await bench.peakMemory(bench.tsbuildout, ["install"], { cwd });
  await bench.ours(["uninstall", "--all"], { cwd });
  return { work: "two archives of 150 MB: peak memory", unit: "B", ours, atMost: 150 << 20 };
}

async function unpack(bench: Bench, engine: Engine, image: string): Promise<Row[]> {
  const base = `${image}:base`;
  await bench.command("docker", ["import", join(bench.folder, "base.tar"), base]);
  const builder = uniqueName("tsbg-bench");
  const from = uniqueName("tsbg-bench");
  await bench.command("docker", ["run", "-d", "--name", builder, await ensureBaseImage(), "sleep", "3600"]);
  await bench.command("docker", ["create", "--name", from, base, "-"]);
  const clean = async (): Promise<unknown> =>
    await bench.command("docker", ["exec", builder, "rm", "-rf", "/content"]);
  const pipe = `docker exec ${builder} mkdir -p /content && docker export ${from} | docker exec -i ${builder} tar -xpf - -C /content`;
  try {
    const row = await bench.compare({
      work: "an image of 1 GB is unpacked inside a builder",
      ours: {
        before: clean,
        run: async () =>
          await unpackImage(contextOf(), { engine, name: builder }, { image: base, root: "/content" }),
      },
      peer: {
        name: "docker export | docker exec tar",
        before: clean,
        run: async () => await bench.command("sh", ["-c", pipe]),
      },
      rounds: ROUNDS,
      atMost: 1.1,
    });
    return [row];
  } finally {
    for (const name of [builder, from]) await engineRemove("containers", name);
  }
}
