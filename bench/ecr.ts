import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testBuildout } from "../src/testing.js";
import type { Context } from "../src/recipe.js";
import { fileRows, parseCacheOn } from "../src/recipes/build-cache-files.js";
import { startEcr } from "../test/support/ecr.js";
import { uniqueName } from "../test/support/engine.js";
import { writeFiles } from "../test/support/tmp.js";
import type { Bench } from "./harness.js";
import type { Row } from "./table.js";

const FILES = 20_000;
const SIZE = 10_240;
const IMAGES = 20;

/** The key of a cache over many files, and how often a folder of unchanged images asks ECR. */
export async function rows(bench: Bench): Promise<Row[]> {
  return [...(await keys(bench)), ...(await calls())];
}

async function keys(bench: Bench): Promise<Row[]> {
  const root = join(bench.folder, "cache-on");
  for (let folder = 0; folder < FILES / 100; folder++) {
    await mkdir(join(root, `d${folder}`), { recursive: true });
    for (let file = 0; file < 100; file++)
      await writeFile(join(root, `d${folder}`, `f${file}`), `${folder}/${file}\n`.padEnd(SIZE, "x"));
  }
  // As somebody runs it: in the folder of the project.
  process.chdir(root);
  // A file that was written just now is not trusted to stay: let the two seconds of that pass.
  const young = Date.now();
  const cacheDirectory = join(bench.folder, "cache-on-digests");
  const key = async (directory: string) => {
    const context = { buildout: { cacheDirectory: directory }, signal: new AbortController().signal };
    const entries = parseCacheOn("**");
    return await fileRows(context as unknown as Context, { folders: [root], entries });
  };
  const peer = {
    name: "sha256sum",
    run: async () =>
      await bench.command("sh", ["-c", `find ${root} -type f -print0 | xargs -0 sha256sum >/dev/null`]),
  };
  let fresh = 0;
  const first = { run: async () => await key(join(bench.folder, `fresh-${fresh++}`)) };
  const work = `ecr: key over ${FILES} files, ${(FILES * SIZE) / 1e6} MB`;
  const cold = await bench.compare({ work: `${work}, first time`, ours: first, peer, atMost: 1.3 });
  while (Date.now() - young < 2500) await key(join(bench.folder, `fresh-${fresh++}`));
  const second = { run: async () => await key(cacheDirectory) };
  const again = {
    work: `${work}, second time`,
    ours: second,
    peer: { ...first, name: "first time" },
    atMost: 0.1,
  };
  return [cold, await bench.compare(again)];
}

/** Calls of a run in which nothing has changed: one for each repository, and at most one login. */
async function calls(): Promise<Row[]> {
  const aws = await startEcr();
  const id = uniqueName("bench");
  const config = `[buildout]\nparts = images\n[images]\nrecipe = docker.images\ndirectory = images\npush = ecr\ntags = 1.0\n`;
  const buildout = await testBuildout({ config, env: { ...process.env, ...aws.env } });
  const names = Array.from({ length: IMAGES }, (_, at) => `images/${id}-${at}/Dockerfile`);
  const files = names.map((name) => [name, `FROM scratch\nLABEL name=${name}\nCOPY Dockerfile /\n`] as const);
  await writeFiles(buildout.directory, Object.fromEntries(files));
  try {
    const { ok } = await buildout.install({ jobs: 4 });
    if (!ok) throw new Error(`the images were not published:\n${buildout.log().join("\n")}`);
    aws.takeActions();
    await buildout.install();
    const made = aws.takeActions().length;
    return [{ work: `ecr: calls for ${IMAGES} unchanged images`, unit: "", ours: made, atMost: IMAGES + 1 }];
  } finally {
    await buildout.uninstall();
    await buildout.dispose();
    await aws.close();
  }
}
