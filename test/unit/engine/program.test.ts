import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { RecipeError } from "../../../src/engine/contract.js";
import { type ProgramHost, runProgram } from "../../../src/engine/program.js";
import { temporaryFolder } from "../../support/tmp.js";

const problem = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => expect.fail("it succeeded"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RecipeError)) throw error;
  return error.problem;
};

describe("running a program", () => {
  let lines: string[];
  let host: ProgramHost;
  let abort: AbortController;

  beforeEach(async () => {
    lines = [];
    abort = new AbortController();
    const log = (line: string, stream: string): void => void lines.push(`${stream} ${line}`);
    host = {
      directory: await temporaryFolder(),
      env: { PATH: process.env["PATH"] },
      signal: abort.signal,
      log,
    };
  });

  it("runs in a folder that is relative to the buildout's", async () => {
    await mkdir(join(host.directory, "sub"));
    const { stdout } = await runProgram(host, "pwd", [], { cwd: "sub" });
    expect(stdout).to.equal(join(host.directory, "sub"));
  });

  it("gives its output, logs its lines, and takes no shell, no foreign environment, and its input", async () => {
    process.env["TSBUILDOUT_TEST_FOREIGN"] = "1";
    const script = 'read x; echo "$x $1 $OWN${TSBUILDOUT_TEST_FOREIGN:-}"; echo warned >&2; pwd';
    const how = { env: { OWN: "own" }, input: "in\n" };
    const { stdout } = await runProgram(host, "sh", ["-c", script, "sh", "$HOME; ls"], how);
    delete process.env["TSBUILDOUT_TEST_FOREIGN"];
    expect(stdout).to.equal(`in $HOME; ls own\n${host.directory}`);
    expect(lines.sort()).to.deep.equal(
      ["err warned", "out in $HOME; ls own", `out ${host.directory}`].sort(),
    );
  });

  it("says how a program failed, with its last lines", async () => {
    const script = "for i in $(seq 30); do echo line $i; done; exit 3";
    const { code, message, notes } = await problem(runProgram(host, "sh", ["-c", script], { log: false }));
    expect([code, message]).to.deep.equal(["program/failed", "sh ended with exit code 3"]);
    expect(notes).to.deep.equal(Array.from({ length: 20 }, (_, i) => `line ${i + 11}`));
    expect(lines).to.deep.equal([]);
    const killed = await problem(runProgram(host, "sh", ["-c", "kill -9 $$"]));
    expect(killed.message).to.equal("sh was ended by SIGKILL");
  });

  it("lets a program print without end, and refuses only to hand all of it over", async () => {
    const printed = await runProgram(
      host,
      "sh",
      ["-c", "head -c 101000000 /dev/zero | tr '\\0' x | fold -w 5000"],
      { log: false },
    );
    expect(() => printed.stdout).to.throw("sh printed more than 100 MB, which is not kept");
    const long = runProgram(host, "sh", ["-c", "head -c 5000 /dev/zero | tr '\\0' x; exit 1"], {
      log: false,
    });
    expect((await problem(long)).notes).to.deep.equal([`${"x".repeat(2000)}…`]);
    expect(await runProgram(host, "printf", ["\\na\\n\\nb\\n\\n"])).to.deep.equal({ stdout: "\na\n\nb\n" });
    expect(await runProgram(host, "true", [])).to.deep.equal({ stdout: "" });
  });

  it("says that there is no such program", async () => {
    expect(await problem(runProgram(host, "no-such-program", []))).to.deep.equal({
      code: "program/missing",
      message: "cannot run no-such-program: there is no such program",
      help: ["install no-such-program, or check PATH and the working directory"],
    });
  });

  it("ends a program and all that it started when the run is aborted", async () => {
    const seen = new Promise<string>((resolve) => {
      host = { ...host, log: (line) => resolve(line) };
    });
    const running = runProgram(host, "sh", ["-c", "sleep 1000 & echo $!; wait"]);
    const pid = Number(await seen);
    abort.abort(new Error("enough"));
    const error = await running.catch((thrown: unknown) => thrown);
    expect(error).to.equal(abort.signal.reason);
    // The group was told to end; who reaps an orphan decides when its number is free.
    const state = await ended(pid);
    expect(state).to.be.oneOf(["gone", "Z"]);
  });

  it("kills what an aborted program leaves behind that holds its output open and does not want to end", async () => {
    const seen = new Promise<string>((resolve) => {
      host = { ...host, log: (line) => resolve(line) };
    });
    const deaf = `(trap "" TERM; echo $(sh -c 'echo $PPID'); while :; do sleep 1; done) &`;
    const running = runProgram({ ...host, grace: 1 }, "sh", ["-c", `${deaf} wait`]);
    const pid = Number(await seen);
    abort.abort(new Error("enough"));
    expect(await running.catch((thrown: unknown) => thrown)).to.equal(abort.signal.reason);
    expect(await ended(pid)).to.be.oneOf(["gone", "Z"]);
  });
});

/** Waits until a process has ended: gone, or waiting to be reaped (Z, proc(5)). */
async function ended(pid: number): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (stat === undefined) return "gone";
    const state = stat.slice(stat.lastIndexOf(")") + 2)[0]!;
    if (state === "Z") return state;
  }
}
