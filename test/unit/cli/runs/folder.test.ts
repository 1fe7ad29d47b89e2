import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { listRuns, logName, parseLogLine, pruneRuns, runsFolder } from "../../../../src/cli/runs/folder.js";
import { DiagnosticError } from "../../../../src/engine/diagnostic.js";
import { newRunId } from "../../../../src/engine/run-id.js";
import { parseDestination } from "../../../../src/cli/runs/upload.js";
import { asNobody } from "../../../support/other-user.js";
import { temporaryFolder } from "../../../support/tmp.js";

describe("the folder of runs", () => {
  it("names runs so that they sort by time", () => {
    expect(newRunId(new Date("2026-01-02T03:04:05.678Z"), 0x1a2b)).to.equal("20260102-030405-1a2b");
  });

  it("gives every part a file of its own that lies in the folder", () => {
    const parts = ["web", "a/b", "..", ".", "☃", "x".repeat(300), `${"x".repeat(299)}y`, "../../etc/passwd"];
    const names = parts.map(logName);
    expect(new Set(names).size).to.equal(parts.length);
    for (const name of names) {
      expect(name)
        .to.match(/^[^/]+\.log$/)
        .and.not.match(/^\./);
      expect(Buffer.byteLength(name)).to.be.below(255);
    }
  });

  it("keeps the newest, and lists what can be read", async () => {
    const directory = await temporaryFolder();
    const ids = ["20260101-000000-1", "20260102-000000-1", "20260103-000000-1"];
    for (const id of ids) {
      mkdirSync(join(runsFolder(directory), id), { recursive: true });
      writeFileSync(
        join(runsFolder(directory), id, "index.json"),
        JSON.stringify({ version: 1, id, parts: [] }),
      );
    }
    writeFileSync(join(runsFolder(directory), ids[2]!, "index.json"), "{ torn");
    expect(listRuns(directory).map(({ id }) => id)).to.deep.equal([ids[1], ids[0]]);
    pruneRuns(directory, { keep: 2, ended: ids[2]! });
    expect(readdirSync(runsFolder(directory))).to.deep.equal([ids[1], ids[2]]);
    // The clock was set back.
    mkdirSync(join(runsFolder(directory), ids[0]!));
    pruneRuns(directory, { keep: 2, ended: ids[0]! });
    expect(readdirSync(runsFolder(directory))).to.deep.equal([ids[0], ids[2]]);
  });

  it("is said to be another user's, not to be empty, where that is why nothing can be listed", async () => {
    const directory = await temporaryFolder();
    expect(listRuns(directory)).to.deep.equal([]);
    mkdirSync(runsFolder(directory), { recursive: true });
    chmodSync(join(directory, ".tsbuildout"), 0o700);
    chmodSync(directory, 0o755);
    const listed = await asNobody(async () => listRuns(directory)).catch((error: unknown) => error);
    if (!(listed instanceof DiagnosticError)) throw new Error("it was listed");
    const folder = runsFolder(directory);
    expect(listed.diagnostics[0]).to.deep.equal({
      severity: "error",
      code: "system/failed",
      message: `cannot read ${folder}: EACCES: permission denied, scandir '${folder}'`,
      help: ["only the user who ran the buildout may read what is kept of its runs"],
    });
  });

  it("reads a line of a log whatever it holds", () => {
    expect(parseLogLine("12 err a b\rc")).to.deep.equal({ milliseconds: 12, stream: "err", text: "a b\rc" });
    expect(parseLogLine("")).to.equal(undefined);
  });

  it("knows buckets from folders", () => {
    expect(parseDestination("s3://my-bucket/a/b/", "/d")).to.deep.equal({
      kind: "s3",
      bucket: "my-bucket",
      prefix: "a/b",
    });
    expect(parseDestination("results", "/d")).to.deep.equal({ kind: "folder", path: "/d/results" });
  });
});
