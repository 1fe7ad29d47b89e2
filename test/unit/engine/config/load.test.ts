import { join } from "node:path";
import { chmodSync, openSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { ask, values } from "../../../support/config.js";
import { runCli } from "../../../support/in-process.js";
import { asNobody } from "../../../support/other-user.js";
import { temporaryFolder } from "../../../support/tmp.js";

describe("loading a configuration", () => {
  it("lays everything below a directory that is given by a reference", async () => {
    const { stdout } = await ask(
      { "buildout.cfg": "[buildout]\ndirectory = $<:where>/sub\nwhere = here\ninstalled = $<:where>.cfg\n" },
      { args: ["annotate", "buildout"] },
    );
    const lines = stdout.split("\n").filter((line) => !line.startsWith(" "));
    expect(lines).to.include.members([
      "directory = @/here/sub",
      "installed = @/here/sub/here.cfg",
      "parts-directory = @/here/sub/parts",
    ]);
  });

  it("takes what a shell's <(…) gives for a file of the current folder", async () => {
    const text = "[buildout]\nextends = base.cfg\nbroken\n";
    const cwd = await temporaryFolder({ "x/real.cfg": text, "base.cfg": "[a]\nb = 1\n" });
    const config = `/dev/fd/${openSync(join(cwd, "x/real.cfg"), "r")}`;
    expect((await runCli(["-c", config, "check"], { cwd })).stderr).to.match(/\n +\d+:3:1\n3 \| broken\n/);
    writeFileSync(join(cwd, "x/real.cfg"), text.replace("broken", "own = $<a:b>$<:directory>"));
    expect((await runCli(["-c", config, "query", "own"], { cwd })).stdout).to.equal(`1${cwd}\n`);
  });

  it("takes a directory that is empty for the buildout's own, written or by a reference, but an empty installed for none", async () => {
    for (const empty of ["", "$<:none>"]) {
      const { stdout } = await ask(
        {
          "buildout.cfg": `[buildout]\nnone =\nparts-directory = ${empty}\nbin-directory = ${empty}\ninstalled = ${empty}\n`,
        },
        { args: ["annotate", "buildout"] },
      );
      const lines = stdout.split("\n").filter((line) => !line.startsWith(" "));
      expect(lines).to.include.members(["parts-directory = @/", "bin-directory = @/", "installed ="]);
    }
  });

  it("finds optional files beside the file that lists them", async () => {
    const found = await values({
      "buildout.cfg": "[buildout]\nextends = sub/base.cfg\n",
      "sub/base.cfg": "[buildout]\noptional-extends = local.cfg\n",
      "sub/local.cfg": "[s]\na = local\n",
    });
    expect(found["s"]).to.deep.equal({ a: "local" });
  });

  it("lets user defaults and files be added to, and -U leave them out", async () => {
    const files = { "buildout.cfg": "[s]\na += file\n" };
    const userDefaults = "[s]\na = user\n";
    expect((await values(files, { userDefaults }))["s"]).to.deep.equal({ a: "user\nfile" });
    expect((await values(files, { userDefaults, args: ["-U"] }))["s"]).to.deep.equal({ a: "file" });
  });

  it("takes no user defaults from a home that this user may not enter: sudo -u leaves HOME as it is", async () => {
    const folder = await temporaryFolder({
      "buildout.cfg": "[s]\na = file\n",
      "home/.tsbuildout/default.cfg": "[s]\nb = theirs\n",
    });
    chmodSync(folder, 0o755);
    chmodSync(join(folder, "home"), 0);
    const query = async () => await runCli(["query", "s:a"], { cwd: folder, home: join(folder, "home") });
    await query();
    expect(await asNobody(query)).to.include({ code: 0, stdout: "file\n" });
    chmodSync(join(folder, "home"), 0o755);
  });

  it("takes assignments with all three signs, in one go", async () => {
    const found = await values(
      { "buildout.cfg": "[s]\na =\n  1\n  2\n" },
      { args: ["s:a+=3", "s:a+=4", "s:a-=1", "s:b=x", "s:b=y", "new:c=$<s:b>", "s:d+=z"] },
    );
    expect(found).to.deep.include({ s: { a: "2\n3\n4", b: "y", d: "\nz" }, new: { c: "y" } });
  });

  it("reads the environment where there is no section env", async () => {
    const files = { "buildout.cfg": "[s]\na = $<env:A> ${env:B|none}\n" };
    expect((await values(files, { env: { A: "1" } }))["s"]).to.deep.equal({ a: "1 none" });
    const own = { "buildout.cfg": "[env]\nA = own\n[s]\na = $<env:A>\n" };
    expect((await values(own, { env: { A: "1" } }))["s"]).to.deep.equal({ a: "own" });
  });

  it("leaves braces alone where only angles are references", async () => {
    const files = {
      "buildout.cfg": "[buildout]\nsubstitution = angle\n[s]\nx = 1\na = ${HOME:-/} $<:x> $$<:x>\n",
    };
    expect((await values(files))["s"]).to.deep.equal({ x: "1", a: "${HOME:-/} 1 $$<:x>" });
  });

  it("does not look for references in what references give", async () => {
    const files = { "buildout.cfg": "[buildout]\n[c]\nd = 1\n[s]\na = $\nb = ${:a}{c:d} $<:a><c:d>\n" };
    expect((await values(files))["s"]).to.deep.equal({ a: "$", b: "${c:d} $<c:d>" });
  });

  it("follows a chain of five thousand references, macros and files", async () => {
    const range = Array.from({ length: 5000 }, (_, i) => i);
    const references = range.map((i) => `k${i + 1} = $<:k${i}>\n`).join("");
    const macros = range.map((i) => `[m${i + 1}]\n<= m${i}\n`).join("");
    const files = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`${i}.cfg`, `[buildout]\nextends = ${i + 1}.cfg\n`]),
    );
    const found = await values({
      ...files,
      "300.cfg": "[deep]\na = 1\n",
      "buildout.cfg": `[buildout]\nextends = 0.cfg\n[s]\nk0 = end\n${references}[m0]\na = 1\n${macros}`,
    });
    expect([found["s"]!["k5000"], found["m5000"], found["deep"]]).to.deep.equal([
      "end",
      { a: "1" },
      { a: "1" },
    ]);
  });

  it("does not mind a broken section that nobody needs", async () => {
    const files = { "buildout.cfg": "[good]\na = 1\n[bad]\n<= nowhere\nb = $<also:nowhere>\n" };
    expect(await ask(files, { args: ["query", "good:a"] })).to.deep.include({ code: 0, stdout: "1\n" });
    expect((await ask(files)).code).to.equal(2);
  });

  it("stops at two hundred mistakes, and says exactly config/too-many-mistakes", async () => {
    const sections = Array.from({ length: 300 }, (_, i) => `[s${i}]\na = $<:b>\n`).join("");
    const { stderr } = await ask({ "buildout.cfg": sections });
    const messages = stderr.trimEnd().split("\n\n");
    expect(messages).to.have.length(201);
    expect(messages.at(-1)).to.equal(
      "error[config/too-many-mistakes]: there are more mistakes, which are not shown",
    );
  });

  describe("survives bad input", () => {
    const broken: readonly (readonly [string, string | Buffer, number])[] = [
      ["10 MB of random bytes", Buffer.alloc(10_000_000, "\xf1\x02[x", "latin1"), 2],
      ["a line of 1 MB", "x".repeat(1_000_000), 2],
      ["1 MB of openers", `[s]\na = ${"${".repeat(500_000)}\n`, 0],
      ["1 MB of malformed references", `[s]\na = ${"${x}".repeat(250_000)}\n`, 2],
      ["100,000 sections", Array.from({ length: 100_000 }, (_, i) => `[s${i}]\na = 1\n`).join(""), 0],
      [
        "100,000 broken sections",
        Array.from({ length: 100_000 }, (_, i) => `[s${i}]\na = $<x${i}:a>\n`).join(""),
        2,
      ],
    ];
    for (const [what, content, expected] of broken)
      it(what, async () => {
        const cwd = await temporaryFolder();
        writeFileSync(join(cwd, "buildout.cfg"), content);
        const { code, stderr } = await runCli(["annotate"], { cwd });
        expect(code).to.equal(expected);
        expect(stderr.length).to.be.lessThan(200_000);
        expect(stderr).to.not.contain("internal error");
      });
  });
});
