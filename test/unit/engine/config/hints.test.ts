import { expect } from "chai";
import { ask } from "../../../support/config.js";

// What a message says to do about the mistakes that people make; diagnostics.test.ts has each message whole.

const PARSE = "this line is neither a header, an option nor the continuation of a value";
const HEADER =
  "a section name holds no blank and none of # [ ] : ; { }; only a comment may follow the bracket";
const YAML =
  "this looks like YAML: tsbuildout init --from compose, dockercise or ecr-docker-ci makes a buildout file of what those read";
const MERGED = "a merge has left this line: keep one of the two versions";
const UNSEEN = "the line begins with a character that cannot be seen: delete and write it again";
const REFERENCE = "a reference is $<section:option>; $<:option> means the section itself";

/** The file, the message of the first mistake, and what helps. */
const examples: readonly (readonly [string, string, string])[] = [
  ["[a]\nx := 1\n", PARSE, '":" does not separate a name from its value: write "x = 1"'],
  ["[a]\n<<<<<<< HEAD\n", PARSE, MERGED],
  ["[a]\n=======\n", PARSE, MERGED],
  ["[a]\n>>>>>>> topic\n", PARSE, MERGED],
  ["[a]\nx = 1\n\uFEFF[b]\n", PARSE, UNSEEN],
  ["[my web]\nx = 1\n", "there is no section header above this line", HEADER],
  ["# pipeline\nsteps:\n  - command: x\n", "there is no section header above this line", YAML],
  ['version: "3"\n', "there is no section header above this line", YAML],
  ["---\nAmazon ECR:\n", "there is no section header above this line", YAML],
  ["[a:linux && posix]\n", 'the condition holds "&", which means nothing there', 'write "and"'],
  ["[a:linux || posix]\n", 'the condition holds "|", which means nothing there', 'write "or"'],
  ["[a:!linux]\n", 'the condition holds "!", which means nothing there', 'write "not"'],
  ['[a:os_name = "posix"]\n', 'the condition holds "=", which means nothing there', 'write "=="'],
  ["[a]\n<= b c\n", "[a] copies [b c], which does not exist", '"<=" takes one name a line'],
  ["[buildout]\nextends = a.cfg, b.cfg\n", "there is no file @/a.cfg,", "blanks separate names, not commas"],
  [
    "[buildout]\nextends = $<a:file>\n",
    "there is no file @/$<a:file>",
    "references in the names of files are not resolved",
  ],
  [
    "[buildout]\nextends = ~/a.cfg\n",
    "there is no file @/~/a.cfg",
    '"~" means no directory here: write out the whole path',
  ],
  [
    "[a]\nx = $<b:x|none>\n[b]\n",
    "the reference $<b:x|none> has a fallback, which only $<env:…> takes",
    REFERENCE,
  ],
  [
    "[a]\nx = $<env:NONE|$<b:x>>\n[b]\nx = 1\n",
    "the reference $<env:NONE|$<b:x> has a reference in its fallback: references do not nest",
    REFERENCE,
  ],
];

describe("what helps against a mistake in a configuration", () => {
  for (const [text, message, help] of examples)
    it(JSON.stringify(text), async () => {
      const { code, stderr } = await ask({ "buildout.cfg": text });
      const [first] = stderr.split("\n\n");
      const lines = (first ?? "").trimEnd().split("\n");
      expect(lines[0]?.replace(/^.*?]: /, "")).to.equal(message);
      expect(lines.at(-1)?.replace(/^ *= help: /, "")).to.equal(help);
      expect(code).to.equal(2);
    });

  it("a fallback may hold what is no reference where ${…} is none", async () => {
    const text = "[buildout]\nsubstitution = angle\n[a]\nx = $<env:NONE|${HOME}>\n";
    const { stdout } = await ask({ "buildout.cfg": text }, { args: ["query", "a:x"] });
    expect(stdout).to.equal("${HOME}\n");
  });

  for (const command of ["annotate", "plan", "check"])
    it(`${command} names a directory that cannot be resolved`, async () => {
      const text = "[buildout]\nparts =\ndirectory = $<host:root>\n";
      const { code, stderr } = await ask({ "buildout.cfg": text }, { args: [command] });
      expect(stderr).to.equal(
        [
          "error[config/missing-section]: [buildout] refers to [host], which does not exist",
          "  buildout.cfg:3:13",
          "3 | directory = $<host:root>",
          "  |             ^^^^^^^^^^^^\n",
        ].join("\n"),
      );
      expect(code).to.equal(2);
    });

  it("check names an option that is misspelt beside a reference that leads nowhere", async () => {
    const text = "[buildout]\nparts = web\n[web]\nrecipe = docker.run\nimge = a\nimage = $<none:x>\n";
    const { code, stderr } = await ask({ "buildout.cfg": text }, { args: ["check"] });
    expect(stderr).to.equal(
      [
        "error[config/missing-section]: [web] refers to [none], which does not exist",
        "  buildout.cfg:6:9",
        "6 | image = $<none:x>",
        "  |         ^^^^^^^^^",
        "",
        'warning[option/unknown]: docker.run has no option "imge" (part web)',
        "  buildout.cfg:5:1",
        "5 | imge = a",
        "  | ^^^^",
        '  = help: did you mean "image"?\n',
      ].join("\n"),
    );
    expect(code).to.equal(2);
  });

  for (const command of ["plan", "check"])
    it(`${command} tells of a part without a recipe what it could not copy one from`, async () => {
      const text = "[buildout]\nparts = web\n[base]\nrecipe = docker.volume\n[web]\n<= bas\n";
      const { code, stderr } = await ask({ "buildout.cfg": text }, { args: [command] });
      expect(stderr.replace(" (part web)", "")).to.equal(
        [
          "error[config/missing-section]: [web] copies [bas], which does not exist",
          "  buildout.cfg:6:4",
          "6 | <= bas",
          "  |    ^^^",
          '  = help: did you mean "base"?\n',
        ].join("\n"),
      );
      expect(code).to.equal(2);
    });

  it("check looks at a section that others copy as they have it, with what they add", async () => {
    const text = "[buildout]\nparts = web\n[base]\nrecipe = docker.volume\nname = $<:of>-x\n[web]\n<= base\n";
    const check = async (more: string) => await ask({ "buildout.cfg": text + more }, { args: ["check"] });
    expect(await check("of = shop\n")).to.deep.include({ stdout: "no mistakes\n", code: 0 });
    expect((await check("")).stderr).to.contain('[web] has no option "of"');
    expect((await check("of = shop\n[a]\n<= b\n[b]\n<= a\n")).stderr).to.contain("copies itself");
  });

  it("who adds in another file, or on the command line, to what a section copies is told that it is lost", async () => {
    const base = "[buildout]\nparts =\n[shop]\nenv = A=1\n[web]\n<= shop\n";
    const files = { "base.cfg": base, "buildout.cfg": "[buildout]\nextends = base.cfg\n[web]\nenv += B=2\n" };
    const { stdout, stderr } = await ask(files, { args: ["query", "web:env"] });
    expect(stdout).to.equal("\nB=2\n");
    expect(stderr).to.equal(
      [
        'warning[config/lost-copy]: "+=" adds to nothing here: [web] loses the env that it copies from [shop]',
        "  buildout.cfg:4:8",
        "4 | env += B=2",
        "  |        ^^^",
        '  = help: write the whole value with "=", or "+=" in [shop] or where [web] has its "<="\n',
      ].join("\n"),
    );
    for (const args of [["check"], ["check", "web"], ["plan"], ["annotate"]])
      expect((await ask(files, { args })).stderr, args.join(" ")).to.equal(stderr);
    const said = async (...args: string[]) => (await ask({ "buildout.cfg": base }, { args })).stderr;
    expect(await said("web:env-=A=1", "query", "web:env")).to.contain(
      '"-=" takes from nothing here: [web] loses the env that it copies from [shop]',
    );
    for (const fine of ["web:env=B=2", "shop:env+=B=2", "web:other+=B=2"])
      expect(await said(fine, "query", "web:env"), fine).to.equal("");
  });

  it("who takes away a part that shares its line with others is told that it stays", async () => {
    const files = { "buildout.cfg": "[buildout]\nparts = a b\n  c\n[a]\n[b]\n[c]\n" };
    const query = async (...args: string[]) =>
      (await ask(files, { args: [...args, "query", "buildout:parts"] })).stderr;
    expect(await query("parts-=b")).to.equal(
      [
        'warning[config/not-removed]: "-=" takes whole lines, and b shares one with other parts: nothing is taken away',
        "   command line",
        "   | parts-=b",
        "   |        ^",
        "   = help: write each of the parts on a line of its own, indented\n",
      ].join("\n"),
    );
    for (const fine of ["parts-=c", "parts-=d", "parts=a"]) expect(await query(fine), fine).to.equal("");
  });

  it("a file that the command line extends is shown there", async () => {
    const args = ["extends=none.cfg", "annotate"];
    const { code, stderr } = await ask({ "buildout.cfg": "[a]\nx = 1\n" }, { args });
    expect(stderr).to.equal(
      [
        "error[config/missing-file]: there is no file @/none.cfg",
        "   command line",
        "   | extends=none.cfg",
        "   |         ^^^^^^^^\n",
      ].join("\n"),
    );
    expect(code).to.equal(2);
  });

  it("query of a section says how its options are asked for", async () => {
    const { code, stderr } = await ask({ "buildout.cfg": "[web]\nport = 80\n" }, { args: ["query", "web"] });
    expect(stderr).to.equal(
      [
        "error[usage/arguments]: [web] is a section, and query shows one option",
        "   = help: tsbuildout query web:OPTION",
        "   = help: tsbuildout annotate web\n",
      ].join("\n"),
    );
    expect(code).to.equal(2);
  });

  it("an option alone says what can be done with it", async () => {
    const { code, stderr } = await ask({ "buildout.cfg": "" }, { args: ["web:port"] });
    expect(stderr).to.equal(
      [
        'error[usage/arguments]: there is no command "web:port"',
        "   = help: an option is set by web:port=VALUE, and shown by tsbuildout query web:port",
        "   = help: tsbuildout --help lists the commands\n",
      ].join("\n"),
    );
    expect(code).to.equal(2);
  });

  it("annotate of an option says how it is asked for", async () => {
    const args = ["annotate", "web:port"];
    const { code, stderr } = await ask({ "buildout.cfg": "[web]\nport = 80\n" }, { args });
    expect(stderr).to.equal(
      [
        'error[usage/arguments]: annotate shows sections, and "web:port" is an option',
        "   = help: tsbuildout query web:port\n",
      ].join("\n"),
    );
    expect(code).to.equal(2);
  });
});
