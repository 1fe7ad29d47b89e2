import { expect } from "chai";
import { TransferReport, type TransferLine } from "../../../src/docker/transfer-report.js";

const LAYER = "0123456789ab";
const DIGEST = `sha256:${"d".repeat(64)}`;
const OTHER = `sha256:${"e".repeat(64)}`;

/** What is heard of an engine's lines: log lines, and progress. */
function heard(...lines: readonly TransferLine[]) {
  const said: unknown[] = [];
  const report = new TransferReport({
    log: (line) => said.push(line),
    progress: (progress) => said.push(progress),
  });
  for (const line of lines) report.line(line);
  return { said, digest: report.digest, nameless: report.nameless };
}

describe("what an engine says of a pull, a push or a load", () => {
  it("is progress by layer, with its bytes, and once where there are none", () => {
    const step = `Downloading ${LAYER}`;
    expect(
      heard(
        { id: LAYER, status: "Waiting", progressDetail: {} },
        { id: LAYER, status: "Waiting", progressDetail: {} },
        { id: LAYER, status: "Downloading", progressDetail: { current: 7, total: 9 } },
        { id: LAYER, status: "Downloading", progressDetail: { current: 8, total: 9 } },
        { id: LAYER, status: "Downloading", progressDetail: { current: 9, total: -1 } },
        { id: LAYER, status: "Pull complete" },
      ).said,
    ).to.deep.equal([
      { id: LAYER, step: `Waiting ${LAYER}` },
      { id: LAYER, step, current: 7, unit: "bytes", total: 9 },
      { id: LAYER, step, current: 8, unit: "bytes", total: 9 },
      { id: LAYER, step, current: 9, unit: "bytes" },
      { id: LAYER, step: `Pull complete ${LAYER}` },
    ]);
  });

  it("is the log where it is about the whole", () => {
    const lines = [
      { id: "latest", status: "Pulling from app" },
      { status: "Status: done" },
      { stream: "Loaded\n" },
    ];
    expect(heard(...lines).said).to.deep.equal(["latest: Pulling from app", "Status: done", "Loaded"]);
  });

  it("is said once for each time that it tries again, whatever it counts down", () => {
    const waits = [5, 4, 3, 2, 1, 10, 9].map((seconds) => ({
      id: LAYER,
      status: `Retrying in ${seconds} second${seconds > 1 ? "s" : ""}`,
    }));
    const { said } = heard(...waits, { id: LAYER, status: "Pushing" });
    expect(said.filter((line) => typeof line === "string")).to.deep.equal(
      [5, 10].map((n) => `${LAYER}: the transfer broke off; the engine is retrying in ${n} seconds`),
    );
  });

  it("has the digest of the last image that was pushed, by either way in which engines say it", () => {
    expect(heard({ aux: { Digest: DIGEST } }, { aux: {} }).digest).to.equal(DIGEST);
    expect(heard({ aux: { Digest: OTHER } }, { status: `1: digest: ${DIGEST} size: 528` }).digest).to.equal(
      DIGEST,
    );
    expect(heard({ status: `Digest: ${DIGEST}` }).digest, "of a pull").to.equal(undefined);
  });

  it("has the id of an image that was loaded without a name", () => {
    const id = "d".repeat(64);
    for (const said of [`Loaded image ID: sha256:${id}\n`, `Loaded image: ${id}`])
      expect(heard({ stream: said }).nameless, said).to.equal(`sha256:${id}`);
    expect(heard({ stream: "Loaded image: app:1" }).nameless).to.equal(undefined);
  });
});
