import { expect } from "chai";
import { runFolder } from "../../../../src/cli/runs/writer.js";
import { limitFiles } from "../../../support/file-limit.js";
import { temporaryFolder } from "../../../support/tmp.js";

describe("the folder of a run", () => {
  it("that cannot be written any more while nothing happens is told of, and the run goes on", async function () {
    if (process.platform !== "linux") this.skip(); // there is no prlimit
    const directory = await temporaryFolder();
    let told: ((message: string) => void) | undefined;
    const warned = new Promise<string>((resolve) => (told = resolve));
    const { report } = runFolder({ pid: process.pid, now: () => 0, warn: (message) => told!(message) });
    const run = { command: "install", runId: "20261120-100000-a", time: "2026-11-20T10:00:00.000Z" };
    report({ type: "run-started", ...run, directory, keepRuns: 1, results: "" });
    report({ type: "part-log", part: "a", stream: "out", line: "one" });
    limitFiles(0);
    try {
      expect(await warned).to.match(/^this run is not kept: EFBIG/);
    } finally {
      limitFiles("unlimited");
    }
    report({ type: "part-log", part: "a", stream: "out", line: "two" });
  });
});
