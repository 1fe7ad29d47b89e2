import { expect } from "chai";
import { spawn } from "node:child_process";
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { DiagnosticError } from "../../../src/engine/diagnostic.js";
import { takeLock } from "../../../src/engine/lock.js";
import { asNobody } from "../../support/other-user.js";
import { onPoorFileSystem } from "../../support/poor-file-system.js";
import { temporaryFolder } from "../../support/tmp.js";

async function refusal(path: string): Promise<string> {
  try {
    (await takeLock(path)).release();
  } catch (error) {
    if (error instanceof DiagnosticError)
      return `${error.diagnostics[0]!.code}: ${error.diagnostics[0]!.message}`;
    throw error;
  }
  return "taken";
}

/** The number of a process that has ended. */
function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "0"]);
  return new Promise((resolve) => child.on("close", () => resolve(child.pid!)));
}

describe("the lock", () => {
  let path: string;
  const since = "2026-11-20T22:00:00.000Z";
  const hold = (holder: object): Promise<void> =>
    writeFile(path, JSON.stringify({ pid: process.pid, host: hostname(), start: "", since, ...holder }));

  beforeEach(async () => {
    path = join(await temporaryFolder(), "lock");
  });

  it("is had by one at a time, and names its holder", async () => {
    const lock = await takeLock(path);
    const { since: began } = JSON.parse(await readFile(path, "utf8")) as { since: string };
    expect(await refusal(path)).to.equal(
      `lock/held: another run is under way: process ${process.pid} on ${hostname()} since ${began}`,
    );
    lock.release();
    expect(await refusal(path)).to.equal("taken");
    expect(await readdir(join(path, ".."))).to.deep.equal([]);
  });

  it("is had by one of many that want it at the same time, also where a dead process held it", async () => {
    for (const holder of [undefined, { pid: await deadProcess() }]) {
      if (holder) await hold(holder);
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => takeLock(path)));
      const taken = outcomes.filter((outcome) => outcome.status === "fulfilled");
      expect(taken.length).to.equal(1);
      for (const { value } of taken) value.release();
    }
  });

  it("of a dead process is broken, also when another process has its number by now", async () => {
    await hold({ pid: await deadProcess() });
    expect(await refusal(path)).to.equal("taken");
    await hold({ start: "another-boot/17" });
    expect(await refusal(path)).to.equal("taken");
  });

  it("of a living process is not broken, however wrong the clock is", async () => {
    for (const time of ["1970-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"]) {
      await hold({ since: time });
      expect(await refusal(path)).to.contain("another run is under way");
    }
  });

  it("that a power cut left empty is broken", async () => {
    await writeFile(path, "");
    expect(await refusal(path)).to.equal("taken");
  });

  it("of another host, or one that cannot be read, is not broken", async () => {
    await hold({ host: "elsewhere", pid: await deadProcess() });
    expect(await refusal(path)).to.contain("on elsewhere since");
    await writeFile(path, "nonsense");
    expect(await refusal(path)).to.equal("lock/held: another run is under way: somebody unknown");
  });

  it("of another container is not broken, though it has this host's name, unless the system was started anew", async () => {
    const lock = await takeLock(path);
    const own = JSON.parse(await readFile(path, "utf8")) as { readonly start: string };
    lock.release();
    const pids = "pid:[4026530000]";
    await hold({ ...own, pid: await deadProcess(), pids, since });
    expect(await refusal(path)).to.match(
      new RegExp(`another run is under way: process \\d+ on ${hostname()}, in another container, since `),
    );
    await hold({ start: "an-earlier-boot/17", pids });
    expect(await refusal(path)).to.equal("taken");
  });

  it("is had by one also where a file system has no hard links", async () => {
    await onPoorFileSystem(async () => {
      await hold({ pid: await deadProcess() });
      const lock = await takeLock(path);
      expect(await refusal(path)).to.contain(`process ${process.pid} on`);
      lock.release();
      expect(await readdir(dirname(path))).to.deep.equal([]);
    });
  });

  it("that stands there empty, because another process is about to write it, is not broken", async () => {
    await writeFile(path, "");
    const asked = refusal(path);
    await hold({});
    expect(await asked).to.contain(`process ${process.pid} on`);
  });

  it("of another user is not waited for", async () => {
    await hold({});
    await chmod(path, 0);
    await chmod(dirname(path), 0o777);
    const said = await asNobody(async () => await refusal(path));
    expect(said).to.equal("lock/held: another run is under way: somebody unknown");
  });

  it("that is somebody else's by now is not let go", async () => {
    const lock = await takeLock(path);
    await hold({ host: "elsewhere" });
    lock.release();
    expect(await refusal(path)).to.contain("on elsewhere since");
  });

  it("clears away what a process left that was killed while it took the lock", async () => {
    const pid = await deadProcess();
    await writeFile(`${path}.${pid}.abcd`, "");
    await writeFile(`${path}.break`, JSON.stringify({ pid, host: hostname(), start: "", since }));
    (await takeLock(path)).release();
    expect(await readdir(join(path, ".."))).to.deep.equal([]);
  });
});
