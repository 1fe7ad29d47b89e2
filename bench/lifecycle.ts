import { existsSync, statSync } from "node:fs";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Work } from "./harness.js";
import { median, type Row } from "./table.js";

const SIZES = [100, 1000, 10_000] as const;
const ROUNDS = 5;

const RECIPE = `const text = { kind: "string", doc: "A text.", decode: (text) => text };
export default {
  doc: "Does nothing.",
  version: "1",
  options: { size: text, title: text },
  async install() {},
  async look() { return new Map(); },
};
`;

/** Parts that do nothing, each but the first ten after another one; three options each. */
function configOf(count: number): string {
  const names = Array.from({ length: count }, (_, i) => `part-${i}`);
  const sections = names.map((name, i) => {
    const after = i < 10 ? "" : `=> part-${Math.floor(i / 10)}\n`;
    return `[${name}]\nrecipe = ./nothing.mjs\nsize = ${i}\ntitle = the part of number \${:size}\n${after}`;
  });
  return `[buildout]\nparts =\n${names.map((name) => `  ${name}`).join("\n")}\n${sections.join("")}`;
}

/** Install, no-op and uninstall of many parts that do nothing: what the engine room itself costs. */
export async function rows(bench: Bench): Promise<Row[]> {
  const table: Row[] = [];
  const seconds = new Map<string, number>();
  for (const count of SIZES) {
    const place = await open(bench, count);
    const timed = await times(bench, place);
    for (const [work, value] of Object.entries(timed)) {
      seconds.set(`${work} ${count}`, value);
      table.push({ work: `${work}, ${count} parts`, unit: "s", ours: value });
    }
    table.push({
      work: `peak memory of an install, ${count} parts`,
      unit: "B",
      ours: await peak(bench, place),
    });
    table.push({
      work: `written for one changed part of ${count}`,
      unit: "",
      ours: await written(bench, place, count),
    });
    if (count === 1000) table.push(await noop(bench, place));
  }
  for (const work of ["install", "no-op install", "uninstall"]) {
    const growth = seconds.get(`${work} 10000`)! / seconds.get(`${work} 1000`)!;
    table.push({
      work: `growth of ${work} from 1000 to 10000 parts`,
      unit: "",
      ours: Number(growth.toFixed(2)),
      atMost: 12,
    });
  }
  return table;
}

async function open(bench: Bench, count: number): Promise<string> {
  const cwd = join(bench.folder, `parts-${count}`);
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, "nothing.mjs"), RECIPE);
  await writeFile(join(cwd, "buildout.cfg"), configOf(count));
  return cwd;
}

const INSTALL = ["-j", "8", "-qq", "--plain", "install"];
const UNINSTALL = ["-j", "8", "-qq", "--plain", "uninstall", "--all"];

/** Medians of whole processes, in seconds. */
async function times(bench: Bench, cwd: string): Promise<Record<string, number>> {
  const taken: Record<string, number[]> = { install: [], "no-op install": [], uninstall: [] };
  for (let round = 0; round < ROUNDS; round++)
    for (const [work, args] of Object.entries({
      install: INSTALL,
      "no-op install": INSTALL,
      uninstall: UNINSTALL,
    })) {
      const start = performance.now();
      await bench.ours(args, { cwd });
      taken[work]!.push((performance.now() - start) / 1000);
    }
  return Object.fromEntries(Object.entries(taken).map(([work, values]) => [work, median(values)]));
}

async function peak(bench: Bench, cwd: string): Promise<number> {
  const bytes = await bench.peakMemory(bench.tsbuildout, INSTALL, { cwd });
  await bench.ours(UNINSTALL, { cwd });
  return bytes;
}

/** A run in which nothing is to be done beside one that only reads the file. */
async function noop(bench: Bench, cwd: string): Promise<Row> {
  await bench.ours(INSTALL, { cwd });
  const ours: Work = { run: () => bench.ours(INSTALL, { cwd }) };
  const peer = { name: "annotate", run: () => bench.ours(["annotate"], { cwd }) };
  const row = await bench.compare({
    work: "no-op install of 1000 parts",
    ours,
    peer,
    rounds: 9,
    atMost: 1.5,
  });
  await bench.ours(UNINSTALL, { cwd });
  return row;
}

/** Bytes of state and journal that one changed part takes that nobody needs. */
async function written(bench: Bench, cwd: string, count: number): Promise<number> {
  await bench.ours(INSTALL, { cwd });
  const state = join(cwd, ".installed.cfg");
  const before = await stat(state);
  await bench.ours([...INSTALL, `part-${count - 1}:size=changed`], { cwd });
  const after = await stat(state);
  const journal = `${state}.journal`;
  const inJournal = existsSync(journal) ? statSync(journal).size : 0;
  await bench.ours(UNINSTALL, { cwd });
  await rm(join(cwd, ".tsbuildout"), { recursive: true, force: true });
  return inJournal + (after.mtimeMs === before.mtimeMs ? 0 : after.size);
}
