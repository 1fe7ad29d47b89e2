import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import type { RunData, RunPart } from "../src/cli/page/data.js";
import { renderPage } from "../src/cli/page/page.js";
import type { Bench } from "./harness.js";
import { median, type Row } from "./table.js";

const PARTS = 10_000;
const ROUNDS = 5;

/** How long the page of a large run takes to be made, and to be there: its graph drawn and a part's log shown. */
export async function rows(bench: Bench): Promise<Row[]> {
  const start = performance.now();
  const page = renderPage([largeRun()]);
  const made = (performance.now() - start) / 1000;
  const file = join(bench.folder, "page.html");
  await writeFile(file, page);
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
  try {
    const times: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const seconds = await opened(browser, `${pathToFileURL(file).href}#part=stage-0`);
      if (round >= 0) times.push(seconds);
    }
    return [
      { work: `page of ${PARTS} parts, made`, unit: "s", ours: made },
      { work: `page of ${PARTS} parts, opened`, unit: "s", ours: median(times), atMost: 2 },
    ];
  } finally {
    await browser.close();
  }
}

async function opened(browser: Browser, url: string): Promise<number> {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  const start = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForSelector("#graph path");
  await page.waitForSelector("pre.log [data-line='2']");
  await page.evaluate("new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))");
  const seconds = (performance.now() - start) / 1000;
  await page.close();
  return seconds;
}

function largeRun(): RunData {
  const parts = Array.from({ length: PARTS }, (_, i): RunPart => {
    const needs = i < 100 ? [] : [i - 100, i - 37];
    return {
      name: `stage-${i}`,
      recipe: "docker.stage",
      needs: needs.map((need) => ({ part: `stage-${need}`, why: "" })),
      result: i % 2 === 0 ? "done" : "unchanged",
      action: i % 2 === 0 ? "install" : "",
      reasons: ["option run: a -> b"],
      start: i * 10,
      end: i * 10 + 25,
      log: [1, 2, 3].map((line) => [i * 10 + line, "out", `\x1b[32mline ${line}\x1b[0m of stage ${i}`]),
    };
  });
  const started = "2026-01-02T03:04:05.000Z";
  return { id: "1", started, milliseconds: 100_000, command: "install", buildout: "shop", parts };
}
