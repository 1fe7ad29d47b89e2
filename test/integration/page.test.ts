import { writeFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import type { RunData, RunPart, RunResult } from "../../src/cli/page/data.js";
import { renderPage } from "../../src/cli/page/page.js";
import { createRunServer } from "../../src/cli/serve/server.js";
import { Deliveries } from "../../src/cli/serve/webhook.js";

const RESULTS: readonly RunResult[] = ["done", "unchanged", "failed", "skipped"];

function part(i: number, needs: string[], lines = 3): RunPart {
  const result = RESULTS[i % 7 === 3 ? 2 : i % 2]!;
  return {
    name: `stage-${i}`,
    recipe: "docker.stage",
    needs: needs.map((need) => ({ part: need, why: "after" })),
    result,
    action: result === "unchanged" ? "" : "install",
    reasons: ["option run: a -> b"],
    start: i * 10,
    end: i * 10 + 25,
    ...(result === "failed" ? { error: "error[run/exit]: it exited with 1" } : {}),
    log: Array.from(
      { length: lines },
      (_, n) => [i * 10 + n, "out", `\x1b[32mline ${n + 1}\x1b[0m of </script> ${i}`] as const,
    ),
  };
}

function run(id: string, parts: readonly RunPart[]): RunData {
  return {
    id,
    started: "2026-01-02T03:04:05.000Z",
    milliseconds: 4000,
    command: "install",
    buildout: "shop",
    parts,
  };
}

const needsOf = (i: number): string[] => (i > 99 ? [`stage-${i - 100}`, `stage-${i - 37}`] : []);

function manyParts(count: number): RunData {
  return run(
    "1",
    Array.from({ length: count }, (_, i) => part(i, needsOf(i))),
  );
}

/** Waits until the list has so many parts and is complete. */
async function listed(page: Page, count: number): Promise<void> {
  await page.locator(`#parts li:nth-child(${count + 1})[hidden]`).waitFor({ state: "attached" });
}

/** Counts the elements when the page is loaded. The rest comes by timers: on a busy machine some would be due by then. */
const AT_LOAD = `addEventListener("load", () => (elementsAtLoad = document.querySelectorAll("*").length));
  const { setTimeout: soon } = window;
  window.setTimeout = (work) =>
    document.readyState === "complete" ? soon(work) : addEventListener("load", () => soon(work));`;

/** Elements that the page had when it was loaded; the rest of its list comes after that. */
async function elementsAtLoad(page: Page): Promise<number> {
  return await page.evaluate<number>("elementsAtLoad");
}

describe("the page of a run, in Chromium", () => {
  let browser: Browser;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "tsbuildout-page-"));
    browser = await chromium.launch({
      timeout: 0, // mocha's own holds
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });
  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(runs: readonly RunData[], hash = ""): Promise<{ page: Page; errors: string[] }> {
    const file = join(folder, "run.html");
    await writeFile(file, renderPage(runs));
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    page.setDefaultTimeout(0);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith("file:")) errors.push(`asked the network for ${request.url()}`);
    });
    await page.addInitScript(AT_LOAD);
    await page.goto(`${pathToFileURL(file).href}${hash}`);
    return { page, errors };
  }

  it("shows a part's log when its node is clicked, and nothing comes from the network", async () => {
    const { page, errors } = await open([
      run("1", [part(0, []), part(1, ["stage-0"]), part(3, ["stage-1"])]),
    ]);
    await page.click('#graph a[aria-label^="stage-3"]');
    expect(await page.textContent("#part h2")).to.equal("stage-3");
    expect(await page.textContent("#part .error")).to.equal("error[run/exit]: it exited with 1");
    expect(await page.textContent("pre.log [data-line='2'] span")).to.equal("line 2 of </script> 3");
    expect(await page.textContent("#critical")).to.contain("stage-0 → stage-1 → stage-3");
    expect(errors).to.deep.equal([]);
    await page.close();
  });

  it("shows a log also where the address names no number of a line", async () => {
    const { page } = await open([run("1", [part(0, [], 4)])], "#part=stage-0&line=x");
    expect(await page.textContent("pre.log [data-line='2'] span")).to.contain("line 2");
    await page.close();
  });

  it("opens at a line of a log, searches it, and is worked by keyboard alone", async () => {
    const { page } = await open([run("1", [part(0, [], 400)])], "#part=stage-0&line=300");
    expect(await page.textContent("pre.log .at span")).to.contain("line 300");
    expect(await page.isVisible("pre.log .at")).to.equal(true);
    await page.fill('input[aria-label="search the log"]', "line 399");
    expect(await page.locator("pre.log div").count()).to.equal(1);
    await page.focus("#filter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.textContent("#part h2")).to.equal("stage-0");
    await page.close();
  });

  it("lists earlier runs when it is given several", async () => {
    const { page } = await open([run("2", [part(0, [])]), run("1", [part(5, [])])]);
    await page.selectOption("#run", "1");
    await page.waitForSelector('#parts a[data-part="stage-5"]');
    await page.close();
  });

  it("stays inside the width of a phone", async () => {
    const { page } = await open(
      [
        run(
          "1",
          Array.from({ length: 30 }, (_, i) => part(i, i > 4 ? [`stage-${i - 5}`] : [])),
        ),
      ],
      "#part=stage-3",
    );
    await page.setViewportSize({ width: 375, height: 700 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).to.be.at.most(375);
    await page.close();
  });

  it("has room for a run of 10,000 parts: what must be there before it can be used does not grow", async () => {
    const { page, errors } = await open([manyParts(10_000)], "#part=stage-7");
    expect(await page.textContent("pre.log [data-line='2'] span")).to.equal("line 2 of </script> 7");
    expect(await page.locator("#graph path").count()).to.be.at.least(1);
    expect(await elementsAtLoad(page)).to.be.at.most(1.1 * (await elementsOf(manyParts(1000))));
    await listed(page, 10000);
    expect(errors).to.deep.equal([]);
    await page.close();
  });

  it("finds a part under the pointer where the parts are too many for boxes", async () => {
    const { page } = await open([manyParts(400)]);
    // The second row of the first column.
    await page.locator("#graph svg").hover({ position: { x: 12, y: 26 } });
    expect(await page.textContent("#graph svg title")).to.match(/^stage-1: unchanged/);
    await page.locator("#graph svg").click({ position: { x: 12, y: 26 } });
    await page.waitForSelector('#parts a[data-part="stage-1"][aria-current]');
    expect(await page.textContent("#part h2")).to.equal("stage-1");
    await page.close();
  });

  it("opens with what failed, and leaves the reader at the top", async () => {
    const { page } = await open([run("1", [part(0, []), part(1, []), part(3, []), part(10, [])])]);
    expect(await page.textContent("#part h2")).to.equal("stage-3");
    expect(await page.evaluate("[scrollY, document.activeElement.tagName]")).to.deep.equal([0, "BODY"]);
    await page.close();
  });

  it("filters a long list as one types", async () => {
    const { page } = await open([manyParts(3000)]);
    await page.locator("#filter").pressSequentially("stage-29");
    await listed(page, 111);
    await page.fill("#filter", "");
    await listed(page, 3000);
    await page.close();
  });

  it("takes in what is new while a run goes on, and leaves the reader where he is", async () => {
    const id = "20260102-030405-1a";
    const { milliseconds: _, ...open } = run(id, [part(0, [], 300), part(1, [])]);
    let now: RunData = open;
    let connected: (changed: () => void) => void;
    const watched = new Promise<() => void>((resolve) => (connected = resolve));
    const server = createRunServer({
      list: () => [],
      run: (wanted) => (wanted === id ? now : undefined),
      watch: (changed) => {
        connected(changed);
        return () => undefined;
      },
      secret: undefined,
      deliveries: new Deliveries(),
      push: () => false,
      log: () => undefined,
      hosts: ["127.0.0.1"],
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`http://127.0.0.1:${port}/runs/${id}#part=stage-0`);
    await page.fill('input[aria-label="search the log"]', "line 29");
    now = { ...open, parts: [part(0, [], 310), { ...part(1, []), result: "skipped" }] };
    const fetched = page.waitForResponse((answer) => answer.url().endsWith("?data"));
    (await watched)();
    await fetched;
    await page.locator('#parts a[data-part="stage-1"] .skipped').waitFor();
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).to.equal(
      "search the log",
    );
    expect(await page.inputValue('input[aria-label="search the log"]')).to.equal("line 29");
    expect(await page.locator("pre.log div").count()).to.equal(11);
    await page.close();
    server.close();
    server.closeAllConnections();
  });

  async function elementsOf(data: RunData): Promise<number> {
    const { page } = await open([data], "#part=stage-7");
    const count = await elementsAtLoad(page);
    await page.close();
    return count;
  }
});
