import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { engineHost, engineJson, engineRemove, uniqueName } from "../test/support/engine.js";
import { ensureBaseImage } from "../test/support/images.js";
import { engineSocket } from "../test/support/proxies.js";
import type { Bench, Work } from "./harness.js";
import type { Row } from "./table.js";

const ROUNDS = 5;
const MIB = 2 ** 20;
/** No operation holds more than this, however much it moves. */
const MEMORY = 120 * MIB;

/** Layouts, copies and build contexts beside the docker CLI and beside the raw API by curl. */
export async function rows(bench: Bench): Promise<Row[]> {
  const stage = new Stage(bench, { from: uniqueName("bench-from"), to: uniqueName("bench-to") });
  await stage.prepare();
  try {
    return [
      ...(await layoutRows(stage, "5,000 files", stage.many)),
      ...(await layoutRows(stage, "500 MB in one file", stage.large)),
      ...(await copyRows(stage)),
      await contextRow(stage),
    ];
  } finally {
    await stage.clear();
  }
}

interface Names {
  readonly from: string;
  readonly to: string;
}

/** Two containers, a folder of many small files and a folder of one large file. */
class Stage {
  readonly bench: Bench;
  readonly names: Names;
  readonly many: string;
  readonly large: string;
  #pieces = 0;

  constructor(bench: Bench, names: Names) {
    this.bench = bench;
    this.names = names;
    this.many = join(bench.folder, "many");
    this.large = join(bench.folder, "large");
  }

  async prepare(): Promise<void> {
    for (let folder = 0; folder < 50; folder += 1) {
      mkdirSync(join(this.many, String(folder)), { recursive: true });
      for (let file = 0; file < 100; file += 1)
        writeFileSync(join(this.many, `${folder}/${file}`), randomBytes(4096));
    }
    mkdirSync(this.large);
    for (let part = 0; part < 50; part += 1)
      writeFileSync(join(this.large, "file"), randomBytes(10_000_000), { flag: "a" });
    for (const folder of [this.many, this.large]) {
      writeFileSync(join(folder, "Dockerfile"), "FROM scratch\n");
      await this.shell(`tar -C ${folder} -cf ${folder}.tar .`);
    }
    const Image = await ensureBaseImage();
    for (const name of Object.values(this.names)) {
      await engineJson({
        method: "POST",
        path: `/containers/create?name=${name}`,
        body: { Image, Cmd: ["true"] },
      });
    }
    await this.shell(`docker cp ${this.large}/. ${this.names.from}:/data`);
  }

  async clear(): Promise<void> {
    for (const name of Object.values(this.names)) await engineRemove("containers", name);
  }

  async shell(script: string): Promise<string> {
    return await this.bench.command("sh", ["-ec", script], { env: { DOCKER_HOST: engineHost() } });
  }

  /**
   * What runs a piece of a program against the room, in a process of its own: its start counts. It is bundled as the
   * command line is, which loads no more than it uses.
   */
  async node(body: string): Promise<string[]> {
    const outdir = join(import.meta.dirname, "pieces", String((this.#pieces += 1)));
    const at = `{ env: process.env, home: "/" }`;
    const contents = `import * as docker from "../src/docker.js"; const engine = await docker.connect({}, ${at}); ${body}; await engine.close();`;
    await build({
      stdin: { contents, resolveDir: import.meta.dirname },
      outdir,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      packages: "external",
      minifyWhitespace: true,
      minifySyntax: true,
    });
    return [join(outdir, "stdin.js")];
  }

  ours(args: readonly string[]): Work {
    return { run: () => this.bench.command(process.execPath, args, { env: { DOCKER_HOST: engineHost() } }) };
  }

  async memory(work: string, args: readonly string[]): Promise<Row> {
    const env = { DOCKER_HOST: engineHost() };
    return {
      work: `${work}: memory`,
      unit: "B",
      ours: await this.bench.peakMemory(process.execPath, args, { env }),
      atMost: MEMORY,
    };
  }
}

async function layoutRows(stage: Stage, what: string, folder: string): Promise<Row[]> {
  const { to } = stage.names;
  const work = `layout of ${what}`;
  const args = await stage.node(
    `await (await docker.openLayout(${JSON.stringify(folder)})).copyTo(engine, "${to}", "/l")`,
  );
  const put = `curl -sf --unix-socket ${engineSocket()} -T ${folder}.tar 'http://x/containers/${to}/archive?path=/l'`;
  const peers = [
    { name: "docker cp", run: () => stage.shell(`docker cp ${folder}/. ${to}:/l`), atMost: 1 },
    { name: "raw PUT", run: () => stage.shell(put), atMost: 1.4 },
  ];
  const table: Row[] = [];
  for (const { atMost, ...peer } of peers) {
    table.push(await stage.bench.compare({ work, ours: stage.ours(args), peer, rounds: ROUNDS, atMost }));
  }
  return [...table, await stage.memory(work, args)];
}

/** A container as copyPath takes it. */
function place(name: string): string {
  return `{ kind: "container", engine, container: "${name}" }`;
}

/** curl's arguments for a container's archive. */
function api(name: string, path: string): string {
  return `--unix-socket ${engineSocket()} 'http://x/containers/${name}/archive?path=${path}'`;
}

async function copyRows(stage: Stage): Promise<Row[]> {
  const { from, to } = stage.names;
  const work = "500 MB from container to container";
  const args = await stage.node(
    `await docker.copyPath({ from: ${place(from)}, to: ${place(to)}, path: "/data/" })`,
  );
  const piped = `curl -sf ${api(from, "/data")} | curl -sf -T - ${api(to, "/")}`;
  const peers = [
    { name: "raw GET to PUT", run: () => stage.shell(piped), atMost: 1.15 },
    {
      name: "docker cp",
      run: () => stage.shell(`docker cp ${from}:/data - | docker cp - ${to}:/`),
      atMost: 1,
    },
  ];
  const table: Row[] = [];
  for (const { atMost, ...peer } of peers) {
    table.push(await stage.bench.compare({ work, ours: stage.ours(args), peer, rounds: ROUNDS, atMost }));
  }
  return [...table, await stage.memory(work, args)];
}

async function contextRow(stage: Stage): Promise<Row> {
  const root = JSON.stringify(stage.many);
  const args = await stage.node(
    `const context = await docker.openContext(${root}); await context.digest(); for await (const _ of context.pack());`,
  );
  const peer = { name: "tar | sha256sum", run: () => stage.shell(`tar -C ${stage.many} -c . | sha256sum`) };
  return await stage.bench.compare({
    work: "context of 5,000 files: digest and archive",
    ours: stage.ours(args),
    peer,
    rounds: ROUNDS,
  });
}
