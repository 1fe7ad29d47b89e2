import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { runCli } from "../../support/in-process.js";
import { temporaryFolder } from "../../support/tmp.js";

async function check(text: string | Buffer) {
  const cwd = await temporaryFolder();
  writeFileSync(join(cwd, "buildout.cfg"), text);
  const { code, stderr } = await runCli(["check"], { cwd });
  expect(code).to.equal(2);
  expect(stderr.length).to.be.below(100_000);
  return stderr;
}

/** Each ends with 2 within seconds, and says something that a person can read. */
describe("input of a size that nobody writes", () => {
  it("10 MB of random bytes", async () => {
    expect(await check(randomBytes(10_000_000))).to.contain("error[config/not-text]: ");
  });

  it("10 MB of random ASCII", async () => {
    const bytes = randomBytes(10_000_000).map((byte) => byte & 0x7f);
    expect(await check(Buffer.from(bytes))).to.contain("error[config/");
  });

  it("a line of 1 MB", async () => {
    const stderr = await check(`[buildout]\nparts =\n${"x".repeat(1e6)}\n`);
    expect(stderr.split("\n").map((line) => line.length < 200)).not.to.include(false);
  });

  it("a name of 1 MB", async () => {
    const stderr = await check(`[buildout]\nparts = ${"x".repeat(1e6)}\n`);
    expect(stderr).to.contain("xxx…xxx").and.to.contain("config/missing-section");
    expect(stderr.length).to.be.below(10_000);
  });

  it("100,000 parts without a recipe, in one line", async () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `s${i}`);
    const sections = names.map((name) => `[${name}]\nx = 1\n`).join("");
    const stderr = await check(`[buildout]\nparts = ${names.join(" ")}\n${sections}`);
    expect(stderr.match(/error\[config\/missing-option\]/g)).to.have.length(200);
    expect(stderr).to.contain(
      "error[config/too-many-mistakes]: there are more mistakes, which are not shown",
    );
  });

  it("100,000 parts that are not there", async () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `s${i}`);
    const stderr = await check(`[buildout]\nparts =\n    ${names.join("\n    ")}\n`);
    expect(stderr.match(/error\[config\/missing-section\]/g)).to.have.length(200);
    expect(stderr).to.contain("buildout.cfg:3:5\n3 |     s0\n  |     ^^\n");
  });
});
