import { execFile, execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readLocal } from "../../../../src/engine/config/read.js";
import { temporaryFolder } from "../../../support/tmp.js";

async function namedPipe(): Promise<string> {
  const pipe = join(await temporaryFolder(), "pipe");
  execFileSync("mkfifo", [pipe]);
  return pipe;
}

async function failure(reading: Promise<string>): Promise<Error> {
  return await reading.then(
    () => expect.fail("it was read"),
    (error: Error) => error,
  );
}

describe("a pipe in the place of a file", () => {
  it("is read to its end", async () => {
    const pipe = await namedPipe();
    // Waits until somebody reads.
    execFile("sh", ["-c", '{ echo "[a]"; echo "b = 1"; } > "$0"', pipe]);
    expect(await readLocal(pipe)).to.equal("[a]\nb = 1\n");
  });

  it("that nobody writes to is given up", async () => {
    const pipe = await namedPipe();
    const { message } = await failure(readLocal(pipe, { patience: 1 }));
    expect(message).to.equal(`${pipe} is a pipe that nobody writes to`);
  });

  it("is left where the run is interrupted, whoever may still write", async () => {
    const pipe = await namedPipe();
    const writer = openSync(pipe, "r+");
    const interrupt = new AbortController();
    const reading = failure(readLocal(pipe, { signal: interrupt.signal, patience: 1 }));
    setImmediate(() => interrupt.abort());
    expect((await reading).name).to.equal("AbortError");
    closeSync(writer);
  });
});

it("a file of /proc that never ends is too large, not read into memory", async () => {
  const { message } = await failure(readLocal("/proc/self/pagemap"));
  expect(message).to.equal("/proc/self/pagemap is larger than 64 MB");
});
