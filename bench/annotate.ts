import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Work } from "./harness.js";
import type { Row } from "./table.js";

/** Eight lines a part, five options each, two of them references to an earlier part: 10,000 parts are 80,000 lines. */
function configuration(parts: number): string {
  const text = ["[buildout]", "parts = part-0"];
  for (let i = 0; i < parts; i++) {
    const earlier = Math.max(0, i - 1 - (i % 7));
    const image = i === 0 ? "registry.example.org/base:1" : `$<part-${earlier}:image>`;
    const before = i === 0 ? "none" : `$<part-${earlier}:name>`;
    text.push(
      `[part-${i}]`,
      "kind = service-with-a-name",
      `name = service-${i}.example.org`,
      `image = ${image}`,
      "environment =",
      `    INDEX=${i}`,
      "    LOG_LEVEL=information",
      `before = ${before}`,
    );
  }
  return `${text.join("\n")}\n`;
}

async function folder(bench: Bench, name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const cwd = join(bench.folder, name);
  await mkdir(cwd, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(cwd, file), text);
  return cwd;
}

/** `annotate --json` of large configurations beside bare node, and of files that extend each other. */
export async function rows(bench: Bench): Promise<Row[]> {
  const node = { name: "node -e 0", run: () => bench.command(process.execPath, ["-e", "0"]) };
  const annotate = (cwd: string): Work => ({ run: () => bench.ours(["annotate", "--json"], { cwd }) });
  const table: Row[] = [];
  const seconds = new Map<number, number>();
  let largest = "";
  for (const parts of [100, 1000, 10_000]) {
    largest = await folder(bench, `annotate-${parts}`, { "buildout.cfg": configuration(parts) });
    const atMost = parts === 10_000 ? { atMost: 5 } : {};
    const row = await bench.compare({
      work: `annotate --json: ${parts} parts`,
      ours: annotate(largest),
      peer: node,
      rounds: 11,
      ...atMost,
    });
    seconds.set(parts, row.ours);
    table.push(row);
  }
  const growth = (seconds.get(10_000) ?? 0) / (seconds.get(1000) ?? 1);
  table.push({
    work: "annotate --json: 10,000 parts in times of 1,000",
    unit: "",
    ours: round(growth),
    atMost: 11,
  });
  const peak = await bench.peakMemory(bench.tsbuildout, ["annotate", "--json"], {
    cwd: largest,
  });
  table.push({
    work: "annotate --json: peak memory, 10,000 parts",
    unit: "B",
    ours: peak,
    atMost: 200 * 2 ** 20,
  });
  table.push(await extending(bench, annotate));
  return table;
}

function sections(file: number): string {
  return Array.from({ length: 20 }, (_, i) => `[s${file}-${i}]\na = 1\nb = 2\nc = $<:a>\n`).join("");
}

/** Sixty files, each extending ten others, beside the same sections in one file. */
async function extending(bench: Bench, annotate: (cwd: string) => Work): Promise<Row> {
  const files: Record<string, string> = {};
  for (let i = 0; i < 60; i++) {
    const others = Array.from({ length: Math.min(i, 10) }, (_, n) => `${i - 1 - n}.cfg`).join(" ");
    files[i === 59 ? "buildout.cfg" : `${i}.cfg`] = `[buildout]\nextends = ${others}\n${sections(i)}`;
  }
  const one = `[buildout]\n${Array.from({ length: 60 }, (_, i) => sections(i)).join("")}`;
  const many = await folder(bench, "extends-many", files);
  const single = await folder(bench, "extends-one", { "buildout.cfg": one });
  return await bench.compare({
    work: "annotate --json: 60 files that extend each other",
    ours: annotate(many),
    peer: { name: "the same in one file", ...annotate(single) },
    rounds: 11,
    atMost: 2,
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
