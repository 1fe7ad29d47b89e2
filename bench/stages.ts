import { createReadStream } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { listRuns, logPath, parseLogLine } from "../src/cli/runs/folder.js";
import { ensureBaseImage } from "../test/support/images.js";
import type { Bench } from "./harness.js";
import { findDocker } from "./images.js";
import type { Row } from "./table.js";

const WIDE = 5;
const DEEP = 10;
const ROUNDS = { cold: 5, cached: 11 };

const LINES = 2_000_000;
const LINE = 100;
const MEMORY = 120 * 1e6;

/** A pipeline beside a shell that starts the same containers; the same again, cached; and a stage that talks a lot. */
export async function rows(bench: Bench): Promise<Row[]> {
  const image = await ensureBaseImage();
  return [...(await pipeline(bench, image)), ...(await longLog(bench, image))];
}

async function pipeline(bench: Bench, image: string): Promise<Row[]> {
  const docker = await findDocker(bench);
  const cwd = join(bench.folder, "stages");
  await mkdir(cwd);
  await writeFile(join(cwd, "buildout.cfg"), graph(image));
  const install = () => bench.ours(["install", "-j", String(WIDE)], { cwd });
  const uninstall = () => bench.ours(["uninstall", "--all", "-q"], { cwd });
  const shell = `seq ${WIDE * DEEP} | xargs -P ${WIDE} -I{} ${docker.program} run --rm ${image} true`;
  try {
    const cold = await bench.compare({
      work: `${WIDE * DEEP} stages of true, -j ${WIDE}`,
      ours: { before: uninstall, run: install },
      peer: { name: "docker run --rm, xargs -P", run: () => bench.command("sh", ["-c", shell]) },
      rounds: ROUNDS.cold,
      atMost: 1.1,
    });
    const cached = await bench.compare({
      work: `${WIDE * DEEP} stages, cached`,
      ours: { run: install },
      peer: { name: "node -e 0", run: () => bench.command(process.execPath, ["-e", "0"]) },
      rounds: ROUNDS.cached,
    });
    const beyond = { work: `${cached.work}: beyond bare node`, unit: "s", atMost: 0.3 } as const;
    return [cold, cached, { ...beyond, ours: cached.ours - cached.peer!.value }];
  } finally {
    await uninstall();
  }
}

/** Columns of stages: each waits for two of the row before, so that rows cannot run ahead alone. */
function graph(image: string): string {
  const name = (row: number, column: number): string => `s${row}-${column % WIDE}`;
  const stages = Array.from({ length: WIDE * DEEP }, (_, i) => {
    const [row, column] = [Math.floor(i / WIDE), i % WIDE];
    const after = row === 0 ? "" : `after = ${name(row - 1, column)} ${name(row - 1, column + 1)}\n`;
    return { name: name(row, column), after };
  });
  const sections = stages.map(
    (stage) => `[${stage.name}]\nrecipe = docker.stage\nimg = ${image}\nrun = true\n${stage.after}`,
  );
  return `[buildout]\nparts = ${stages.map((stage) => stage.name).join(" ")}\n\n${sections.join("\n")}`;
}

async function longLog(bench: Bench, image: string): Promise<Row[]> {
  const cwd = join(bench.folder, "talk");
  await mkdir(cwd);
  const script = `awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) printf "%0${LINE - 1}d\\n", i }'`;
  const config = `[buildout]\nparts = talk\n[talk]\nrecipe = docker.stage\nimg = ${image}\nrun = ${script}\n`;
  await writeFile(join(cwd, "buildout.cfg"), config);
  try {
    const start = performance.now();
    const memory = await bench.peakMemory(bench.tsbuildout, ["install"], { cwd });
    const seconds = (performance.now() - start) / 1000;
    const work = `a stage that prints ${(LINES * LINE) / 1e6} MB`;
    return [
      { work, unit: "s", ours: seconds },
      { work: `${work}: peak memory`, unit: "B", ours: memory, atMost: MEMORY },
      { work: `${work}: lines lost`, unit: "", ours: LINES - (await linesKept(cwd)), atMost: 0 },
    ];
  } finally {
    await bench.ours(["uninstall", "--all", "-q"], { cwd });
    await rm(cwd, { recursive: true });
  }
}

/** How many lines of the run's log are whole and in their place: each holds its own number. */
async function linesKept(cwd: string): Promise<number> {
  const [run] = listRuns(cwd);
  const lines = createInterface({ input: createReadStream(logPath(cwd, run!.id, "talk")) });
  let kept = 0;
  for await (const line of lines) {
    const parsed = parseLogLine(line);
    if (parsed?.text === String(kept + 1).padStart(LINE - 1, "0")) kept++;
  }
  return kept;
}
