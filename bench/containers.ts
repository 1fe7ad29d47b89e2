import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectFolder } from "../test/support/cli.js";
import { ensureBaseImage } from "../test/support/images.js";
import type { Bench, Work } from "./harness.js";
import type { Row } from "./table.js";

const CONTAINERS = 30;
const NETWORKS = 5;
const VOLUMES = 10;

/** How many times each; cold turns take seconds, and the engine's own speed is most of them. */
const ROUNDS = { cold: 3, warm: 9 };

interface Peer {
  readonly name: string;
  readonly up: () => Promise<unknown>;
  readonly down: () => Promise<unknown>;
}

/** 45 parts, 30 of them containers, beside both Composes: from nothing, with nothing to do, and back to nothing. */
export async function rows(bench: Bench): Promise<Row[]> {
  const image = await ensureBaseImage();
  const cwd = join(bench.folder, "containers");
  await mkdir(cwd);
  await writeFile(join(cwd, "buildout.cfg"), buildoutFile(image));
  await writeFile(join(cwd, "docker-compose.yml"), composeFile(image));
  const ours: Peer = {
    name: "tsbuildout",
    up: () => bench.ours(["install"], { cwd }),
    down: () => bench.ours(["uninstall", "--all"], { cwd }),
  };
  const peers = [...pythonCompose(bench, cwd), ...goCompose(bench, cwd)];
  const table: Row[] = [];
  try {
    for (const { peer, noop } of peers) table.push(...(await beside(bench, { ours, peer, noop })));
  } finally {
    for (const { down } of [ours, ...peers.map(({ peer }) => peer)]) await down().catch(() => undefined);
  }
  return table;
}

interface Beside {
  readonly ours: Peer;
  readonly peer: Peer;
  /** The highest ratio of the run that has nothing to do. */
  readonly noop: number;
}

const cold = ({ up, down }: Peer): Work => ({ before: down, run: up });
const gone = ({ up, down }: Peer): Work => ({ before: up, run: down });

async function beside(bench: Bench, { ours, peer, noop }: Beside): Promise<Row[]> {
  const parts = `${CONTAINERS + NETWORKS + VOLUMES} parts`;
  const { name } = peer;
  const up = await bench.compare({
    work: `${parts}: install`,
    ours: cold(ours),
    peer: { name, ...cold(peer) },
    rounds: ROUNDS.cold,
    atMost: 1,
  });
  const again = await bench.compare({
    work: `${parts}: nothing to do`,
    ours: { run: ours.up },
    peer: { name, run: peer.up },
    rounds: ROUNDS.warm,
    atMost: noop,
  });
  const down = await bench.compare({
    work: `${parts}: uninstall`,
    ours: gone(ours),
    peer: { name, ...gone(peer) },
    rounds: ROUNDS.cold,
    atMost: 1,
  });
  return [up, again, down];
}

/** Debian's docker-compose 1.29. */
function pythonCompose(bench: Bench, cwd: string): { peer: Peer; noop: number }[] {
  return [
    {
      peer: compose(bench, { name: "docker-compose 1 (Python)", program: "docker-compose", cwd }),
      noop: 0.2,
    },
  ];
}

/** The plugin of a later Debian, unpacked and not installed: it runs alone as well. */
function goCompose(bench: Bench, cwd: string): { peer: Peer; noop: number }[] {
  const script = join(projectFolder, "scripts/unpack-compose.mjs");
  const done = spawnSync(process.execPath, [script], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`docker compose (Go) cannot be unpacked: ${done.stderr.trim()}`);
  return [
    { peer: compose(bench, { name: "docker compose 2 (Go)", program: done.stdout.trim(), cwd }), noop: 2 },
  ];
}

function compose(bench: Bench, { name, program, cwd }: { name: string; program: string; cwd: string }): Peer {
  // The first one gives up after a minute, and an engine that starts thirty containers may take its time.
  const env = { COMPOSE_HTTP_TIMEOUT: "600" };
  const run = (...args: string[]) => bench.command(program, ["-p", "tsbbench", ...args], { cwd, env });
  return { name, up: () => run("up", "-d"), down: () => run("down", "-v", "--remove-orphans") };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function buildoutFile(image: string): string {
  return [
    `[buildout]\nparts = ${numbers(CONTAINERS)
      .map((i) => `c${i}`)
      .join(" ")}`,
    ...numbers(NETWORKS).map((i) => `[n${i}]\nrecipe = docker.network\nname = tsbbench-ours-n${i}`),
    ...numbers(VOLUMES).map((i) => `[v${i}]\nrecipe = docker.volume\nname = tsbbench-ours-v${i}`),
    ...numbers(CONTAINERS).map(
      (i) => `[c${i}]
recipe = docker.run
name = tsbbench-ours-c${i}
image = ${image}
command = sleep 100000
env = NUMBER=${i}
networks = $<n${i % NETWORKS}:name>
volumes = $<v${i % VOLUMES}:name>:/data`,
    ),
  ].join("\n\n");
}

function composeFile(image: string): string {
  return [
    'version: "2.4"\nservices:',
    ...numbers(CONTAINERS).map(
      (i) => `  c${i}:
    image: ${image}
    command: sleep 100000
    environment: ["NUMBER=${i}"]
    networks: [n${i % NETWORKS}]
    volumes: ["v${i % VOLUMES}:/data"]`,
    ),
    "networks:",
    ...numbers(NETWORKS).map((i) => `  n${i}: {}`),
    "volumes:",
    ...numbers(VOLUMES).map((i) => `  v${i}: {}`),
  ].join("\n");
}
