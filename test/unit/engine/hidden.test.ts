import { expect } from "chai";
import * as fc from "fast-check";
import { defineRecipe, option, RecipeError } from "tsbuildout/recipe";
import { type DiagnosticError, renderDiagnostic } from "../../../src/index.js";
import { testBuildout } from "../../../src/testing.js";
import { ask } from "../../support/config.js";

const PASSWORD = "hunter2-and-more";

/** The lines of a message that quote the file. */
function quoted(text: string): string[] {
  return text.split("\n").filter((line) => /^ *\d* \| /.test(line));
}

describe("lines of a file that a message shows", () => {
  const cases: Readonly<
    Record<
      string,
      { readonly file: string; readonly lines: readonly string[]; readonly args?: readonly string[] }
    >
  > = {
    "keep the place of a broken reference in a secret": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\nusername = u\npassword = ${PASSWORD}$<nowhere:x>\n`,
      lines: ["7 | password = ***$<nowhere:x>", "  |               ^^^^^^^^^^^^"],
    },
    "hide a secret before anything is known of recipes": {
      file: `[a]\npassword = ${PASSWORD}\n  ${PASSWORD} $<x\n stray\nregistry-token: ${PASSWORD}\n`,
      lines: [],
    },
    "hide a line that lost its indentation": {
      file: `[a]\npassword =\n${PASSWORD}\n`,
      lines: ["3 | ***", "  | ^^^"],
    },
    "hide a fallback": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\npassword = $<env:NOT_SET_X|${PASSWORD}>$<nowhere:x>\n`,
      lines: ["6 | password = ***$<nowhere:x>", "  |               ^^^^^^^^^^^^"],
    },
    "hide the password of an address": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.build\nsource = https://me:${PASSWORD}@x/$<nowhere:x>\n`,
      lines: ["5 | source = https://me:***@x/$<nowhere:x>", "  |                           ^^^^^^^^^^^^"],
    },
    "hide a password with a slash, and take no port for one": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.run\nimage = x\ncommand = a https://me:+/${PASSWORD}@x:1/a@b https://x:1/a@b $<nowhere:x>\n`,
      lines: [
        "6 | command = a https://me:***@x:1/a@b https://x:1/a@b $<nowhere:x>",
        "  |                                                    ^^^^^^^^^^^^",
      ],
    },
    "hide a fallback in the midst of another value": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.run\nimage = x\ncommand = a $<env:MY_TOKEN|${PASSWORD}> $<nowhere:x>\n`,
      lines: [
        "6 | command = a $<env:MY_TOKEN|***> $<nowhere:x>",
        "  |                                 ^^^^^^^^^^^^",
      ],
    },
    "hide a secret over several lines": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\npassword =\n    ${PASSWORD}\n    # no comment\n    ${PASSWORD}$<nowhere:x>\n`,
      lines: ["9 |     ***$<nowhere:x>", "  |        ^^^^^^^^^^^^"],
    },
    "hide a variable of the environment by its name": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.run\nimage = a\nenv =\n    A=1\n    DB_PASSWORD=${PASSWORD}$<nowhere:x>\n`,
      lines: ["8 |     DB_PASSWORD=***$<nowhere:x>", "  |                    ^^^^^^^^^^^^"],
    },
    "hide what an address and a list of settings have in their midst": {
      file: `[buildout]\nparts = v\n[v]\nrecipe = docker.volume\ndriver-options =\n    a=https://me:p@${PASSWORD}@x?token=${PASSWORD}&n=1\n    o=username=me,password=${PASSWORD},vers=$<nowhere:x>\nlabels = a=$<nowhere:y>\n`,
      lines: [
        "7 |     o=username=me,password=***,vers=$<nowhere:x>",
        "  |                                     ^^^^^^^^^^^^",
        "8 | labels = a=$<nowhere:y>",
        "  |            ^^^^^^^^^^^^",
      ],
    },
    "hide a secret under a misspelt name": {
      file: `[buildout]\nparts = p\nstrict = true\n[p]\nrecipe = docker.push\nimage = a\npasword = ${PASSWORD}\n`,
      lines: ["7 | pasword = ***", "  | ^^^^^^^"],
    },
    "hide what a secret refers to": {
      file: `[buildout]\nparts = p\n[ours]\npw = ${PASSWORD}$<nowhere:x>\n[p]\nrecipe = docker.push\nimage = a\nusername = u\npassword = $<ours:pw>\n`,
      lines: ["4 | pw = ***$<nowhere:x>", "  |         ^^^^^^^^^^^^"],
    },
    "show what says where a secret is": {
      file: "[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\npassword-file = /run/x$<nowhere:x>\n",
      lines: [
        "6 | password-file = /run/x$<nowhere:x>",
        "  |                       ^^^^^^^^^^^^",
        // That docker.push has no such option.
        "6 | password-file = /run/x$<nowhere:x>",
        "  | ^^^^^^^^^^^^^",
      ],
    },
    "hide an assignment of the command line": {
      file: "[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\n",
      args: [`p:password=${PASSWORD}$<nowhere:x>`],
      lines: ["   | p:password=***$<nowhere:x>", "   |               ^^^^^^^^^^^^"],
    },
    "hide what is added to a secret": {
      file: `[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\npassword+=${PASSWORD}$<nowhere:x>\n`,
      lines: ["6 | password+=***$<nowhere:x>", "  |              ^^^^^^^^^^^^"],
    },
    "hide what the command line adds to a secret of a section that is no part": {
      file: "[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\n",
      args: [`q:password+=${PASSWORD}$<nowhere:x>`],
      lines: ["   | q:password+=***$<nowhere:x>", "   |                ^^^^^^^^^^^^"],
    },
  };
  for (const [what, { file, lines, args = [] }] of Object.entries(cases))
    it(what, async () => {
      const { stderr, stdout } = await ask({ "buildout.cfg": file }, { args: [...args, "check"] });
      expect(stdout + stderr).not.to.contain("hunter2");
      expect(stderr).to.contain("error[");
      if (lines.length > 0) expect(quoted(stderr)).to.deep.equal(lines);
      const json = await ask({ "buildout.cfg": file }, { args: [...args, "--json", "plan"] });
      expect(json.stdout + json.stderr).not.to.contain("hunter2");
    });

  it("hide what the schema of a recipe says is secret", async () => {
    const recipe = defineRecipe({
      doc: "",
      options: { pin: option.string({ doc: "", secret: true }), size: option.integer({ doc: "" }) },
      install: async () => undefined,
    });
    const config = `[buildout]\nparts = a\n[a]\nrecipe = mine\npin = ${PASSWORD}$<a:nothing>\n`;
    await using buildout = await testBuildout({ config, recipes: { mine: recipe } });
    const error = (await buildout.plan().catch((thrown: unknown) => thrown)) as DiagnosticError;
    const text = error.diagnostics.map((diagnostic) => renderDiagnostic(diagnostic)).join("\n");
    expect(quoted(text)).to.deep.equal(["5 | pin = ***$<a:nothing>", "  |       ^^^^^^^^^^^^^^^"]);
  });

  it("hide a secret whatever stands around it", async () => {
    const pieces = [..."$<>{}|=+-[] \t#;%a~".split(""), "\n  ", "\n\t"];
    const junk = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((some) => some.join(""));
    await fc.assert(
      fc.asyncProperty(junk, junk, async (before, after) => {
        const file = `[buildout]\nparts = p\n[p]\nrecipe = docker.push\nimage = a\npassword = ${before}${PASSWORD}${after}\n`;
        for (const command of ["check", "plan"]) {
          const { stderr, stdout } = await ask({ "buildout.cfg": file }, { args: [command] });
          if ((stdout + stderr).includes("hunter2")) throw new Error(stdout + stderr);
        }
      }),
      { numRuns: 200 },
    );
  });
});

const spelledOut = (password: string, n: number): string =>
  `[buildout]\nparts = a\n[a]\nrecipe = printer\nenv =\n    DB_PASSWORD=${password}\n    N=${n}\n`;

const withAddress = (password: string): string =>
  `${spelledOut(password, 1)}text = see https://me:${password}@h.example/x\n`;

describe("what is a secret by its name", () => {
  const seen: string[] = [];
  const printer = defineRecipe({
    doc: "Prints what it is given.",
    options: { env: option.pairs({ doc: "Variables." }), text: option.string({ doc: "A text." }) },
    async install(context) {
      const { env, text = "" } = context.options;
      for (const [name, value] of env) context.log(`${name} is ${value}`);
      seen.push(text);
    },
  });
  const sayer = defineRecipe({
    ...printer,
    install: async (context) => await Promise.resolve(context.log(`${PASSWORD} is what a shell made of it`)),
  });
  const CONFIG =
    "[buildout]\nparts = a\n[a]\nrecipe = printer\nenv = P=$<env:DB_PASSWORD>\ntext = $<ours:api-key>\n[ours]\napi-key = ours-12345\n";

  it("is recorded as a hash, printed nowhere, and reaches the recipe", async () => {
    await using buildout = await testBuildout({
      config: CONFIG,
      recipes: { printer },
      env: { DB_PASSWORD: PASSWORD },
    });
    expect((await buildout.install()).ok).to.equal(true);
    expect(seen).to.deep.equal(["ours-12345"]);
    const record = (await buildout.records()).get("a");
    expect(Object.values(record!.options).every((text) => text.startsWith("secret:"))).to.equal(true);
    const told = JSON.stringify(buildout.events);
    expect(told).to.contain("P is ***");
    expect(told).to.not.contain(PASSWORD).and.not.contain("ours-12345");
  });

  it("is recorded as a hash where a stage takes its variables apart", async () => {
    await using buildout = await testBuildout({
      config:
        "[buildout]\nparts = s\n[s]\nrecipe = docker.stage\nenv =\n    P=$<env:DB_PASSWORD>\n    OPEN=production\n",
      env: { DB_PASSWORD: PASSWORD },
    });
    expect((await buildout.install()).ok).to.equal(true);
    const record = (await buildout.records()).get("s");
    expect(record!.options["env.OPEN"]).to.equal("production");
    expect(record!.options["env.P"]).to.match(/^secret:/);
    expect(record!.options["env"]).to.match(/^secret:/);
  });

  it("is recorded as a hash where it is spelled out in the midst of a value, and seen to change", async () => {
    await using buildout = await testBuildout({ config: withAddress(PASSWORD), recipes: { printer } });
    await buildout.install();
    const { env, text } = (await buildout.records()).get("a")!.options;
    expect(env).to.match(/^DB_PASSWORD=secret:[0-9a-f]{64}\nN=1$/);
    expect(text).to.match(/^see https:\/\/me:secret:[0-9a-f]{64}@h\.example\/x$/);
    expect((await buildout.plan()).changes).to.equal(false);
    await buildout.write(withAddress("another-one"));
    const [step] = (await buildout.plan()).steps;
    expect(step!.reasons).to.deep.equal([
      "option env: -DB_PASSWORD=*** +DB_PASSWORD=***",
      "option text: see https://me:***@h.example/x -> see https://me:***@h.example/x",
    ]);
  });

  it("is recorded as a hash wherever in a line it is spelled out", async () => {
    const text = [
      `  o=username=me,password=${PASSWORD},vers=3`,
      `  export A_TOKEN="${PASSWORD} b" B=1; PGPASSWORD='${PASSWORD}' psql`,
      `  jdbc:x://h/d?user=me&password=${PASSWORD}&ssl=1`,
      `  https://me:p@${PASSWORD}@h/x`,
      `  git+https://${PASSWORD}@h/x ssh://git@h/x`,
    ].join("\n");
    const config = `[buildout]\nparts = a\n[a]\nrecipe = printer\ntext =\n${text}\n`;
    await using buildout = await testBuildout({ config, recipes: { printer } });
    await buildout.install();
    const recorded = (await buildout.records()).get("a")!.options["text"]!;
    expect(recorded.replace(/secret:[0-9a-f]{64}/g, "#").split("\n")).to.deep.equal([
      "o=username=me,password=#,vers=3",
      "export A_TOKEN=# B=1; PGPASSWORD=# psql",
      "jdbc:x://h/d?user=me&password=#&ssl=1",
      "https://me:#@h/x",
      "git+https://#@h/x ssh://git@h/x",
    ]);
    expect((await buildout.plan()).changes).to.equal(false);
  });

  it("is hidden in what is printed where it is spelled out, unless it is a word like any other", async () => {
    await using buildout = await testBuildout({ config: spelledOut(PASSWORD, 1), recipes: { printer } });
    await buildout.install();
    expect(buildout.log()).to.deep.equal(["DB_PASSWORD is ***", "N is 1"]);
    const beside = `${spelledOut(`'${PASSWORD}' -v`, 1)}    P=$<env:API_TOKEN>\n`;
    await using other = await testBuildout({
      config: beside,
      recipes: { printer },
      env: { API_TOKEN: "x-1" },
    });
    await other.install();
    expect(other.log()).to.deep.equal(["DB_PASSWORD is ***", "N is 1", "P is x-1"]);
    const told = testBuildout({ config: beside, recipes: { printer: sayer }, env: { API_TOKEN: "x-1" } });
    await using third = await told;
    await third.install();
    expect(third.log()).to.deep.equal(["*** is what a shell made of it"]);
    await buildout.write(spelledOut("postgres", 1));
    await buildout.install();
    expect(buildout.log().slice(2)).to.deep.equal(["DB_PASSWORD is postgres", "N is 1"]);
  });

  it("is not told by a problem that a plan meets with", async () => {
    const checker = defineRecipe({
      ...printer,
      check: async () =>
        await Promise.reject(
          new RecipeError({ code: "x/no", message: `${PASSWORD}!`, notes: [PASSWORD], help: [PASSWORD] }),
        ),
    });
    await using buildout = await testBuildout({
      config: CONFIG,
      recipes: { printer: checker },
      env: { DB_PASSWORD: PASSWORD },
    });
    const { problems } = await buildout.plan();
    expect(problems.map((diagnostic) => renderDiagnostic(diagnostic))).to.deep.equal([
      "error[x/no]: ***! (part a)\n  buildout.cfg:4:10\n4 | recipe = printer\n  |          ^^^^^^^\n  = note: ***\n  = help: ***",
    ]);
  });

  it("is not shown by a plan where it stands in a line of its own", async () => {
    await using buildout = await testBuildout({ config: spelledOut("old-one", 1), recipes: { printer } });
    await buildout.install();
    await buildout.write(spelledOut("new-one", 2));
    const [step] = (await buildout.plan()).steps;
    expect(step!.reasons).to.deep.equal(["option env: -DB_PASSWORD=*** -N=1 +DB_PASSWORD=*** +N=2"]);
  });
});
