import { expect } from "chai";
import { type Recipe } from "../../../src/engine/contract.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, quick, refusal, results } from "../../support/quick-parts.js";

const PLAIN = "[b]\nrecipe = quick\na = 1";

describe("the parts of a run", () => {
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    buildout = await testBuildout({ config: text, recipes: { quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
  });

  it("blames no line of the file for a part that is asked for and not there", async () => {
    await open(config("web", "[web]\nrecipe = quick"));
    expect(await refusal(() => buildout.install({ parts: ["wb"] }))).to.equal(
      `error[config/missing-section]: there is no section [wb] for the part wb\n   = help: did you mean "web"?`,
    );
  });

  it("installs one part that another one makes", async () => {
    const maker: Recipe = {
      ...quick,
      configure: async (context) => {
        context.addPart("m.a", { recipe: "quick" });
        context.addPart("m.b", { recipe: "quick" });
        await Promise.resolve();
      },
    };
    await open(config("m", "[m]\nrecipe = maker"), { maker });
    expect(results(await buildout.install({ parts: ["m.b"] }))).to.deep.equal([
      "m.b install done: not installed yet",
    ]);
    expect(await refusal(() => buildout.install({ parts: ["m.c"] }))).to.equal(
      `error[config/missing-section]: there is no section [m.c] for the part m.c\n   = help: did you mean "m.a"?`,
    );
  });

  it("refuses an output that a part does not give, also where each refers to the other", async () => {
    await open(config("x", "[x]\nrecipe = quick\na = $<y:id>", "[y]\nrecipe = quick\na = $<x:ident>"));
    expect(await refusal(() => buildout.plan())).to.equal(
      [
        'error[config/missing-option]: [x] has no option "ident" (part y)',
        "  buildout.cfg:8:5",
        "8 | a = $<x:ident>",
        "  |     ^^^^^^^^^^",
        "  = help: quick gives id, token",
      ].join("\n"),
    );
  });

  it("shows a loop through outputs reference by reference", async () => {
    await open(config("a", "[a]\nrecipe = quick\na = $<b:id>", "[b]\nrecipe = quick\na = $<a:id>"));
    expect(await refusal(() => buildout.plan())).to.equal(
      [
        "error[config/circular-reference]: these parts wait for one another: a, b",
        "  buildout.cfg:5:5",
        "5 | a = $<b:id>",
        "  |     ^^^^^^^",
        "  = note: a needs b: option a (buildout.cfg:5)",
        "  = note: b needs a: option a (buildout.cfg:8)",
        "  = help: a value that is known only after install cannot depend on itself: break the loop at one of these",
      ].join("\n"),
    );
  });

  it("stops recipes that add parts without end", async () => {
    const nest: Recipe = {
      ...quick,
      configure: async (context) => context.addPart(`${context.part}.x`, { recipe: "nest" }),
    };
    const loop: Recipe = {
      ...quick,
      configure: async (context) => {
        for (let i = 0; i < 1e6; i++) context.addPart(`m.${i}`, { recipe: "quick" });
      },
    };
    await open(config("m", "[m]\nrecipe = nest"), { nest, loop });
    const help = "   = help: that is a mistake of the recipe: its configure must come to an end";
    expect((await refusal(() => buildout.plan())).split("\n").at(0)).to.contain(
      "error[recipe/too-many-parts]: nest adds a part that adds a part, and so on, 100 deep (part m.x.x",
    );
    await buildout.write(config("m", "[m]\nrecipe = loop"));
    expect(
      await refusal(() => buildout.plan()),
    ).to.equal(`error[recipe/too-many-parts]: loop adds more than 100000 parts (part m)
  buildout.cfg:4:10
4 | recipe = loop
  |          ^^^^
${help.slice(1)}`);
  });

  it("follows references through sections that are no parts, however many pass them on", async () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => `[s${i}]\no = $<s${i + 1}:o>`);
    await open(config("a", "[a]\nrecipe = quick\na = $<s0:o>", ...chain, "[s20000]\no = $<b:a>", PLAIN));
    const needs = [{ part: "b", why: "option a" }];
    expect(await buildout.open().graph()).to.deep.equal([
      { part: "b", recipe: "quick", needs: [] },
      { part: "a", recipe: "quick", needs },
    ]);
  });

  it("follows them through sections that refer to one another, whichever is come upon first", async () => {
    const one = "[one]\no = $<two:o>\np = $<b:a>";
    const two = "[two]\no = 1\np = $<one:p>";
    const [x, y] = ["[x]\nrecipe = quick\na = $<one:o>", "[y]\nrecipe = quick\na = $<two:p>"];
    await open(config("x y", x, y, one, two, PLAIN));
    const needs = [{ part: "b", why: "option a" }];
    expect((await buildout.open().graph()).slice(1)).to.deep.equal([
      { part: "x", recipe: "quick", needs },
      { part: "y", recipe: "quick", needs },
    ]);
  });

  it("warns of options that nobody knows, and with strict refuses them", async () => {
    await open(config("x", "[x]\nrecipe = quick\nimge = 1\nmine = 2", "[y]\nk = $<x:mine>"));
    const warning = [
      '[option/unknown]: quick has no option "imge" (part x)',
      "  buildout.cfg:5:1",
      "5 | imge = 1",
      "  | ^^^^",
    ];
    await buildout.write(
      config("x y2", "[x]\nrecipe = quick\nimge = 1\nmine = 2", "[y2]\nrecipe = quick\na = $<x:mine>"),
    );
    await buildout.install();
    const said = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(said).to.deep.equal([`warning${warning.join("\n")}`]);
    await buildout.write(config("x\nstrict = true", "[x]\nrecipe = quick\nimge = 1"));
    expect(await refusal(() => buildout.install())).to.equal(
      `error${warning.join("\n").replaceAll("5", "6")}`,
    );
  });

  it("says once what is wrong with many parts in the same way", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    await open(config(names.join(" "), ...names.map((name) => `[${name}]\nrecipe = quick\nimge = 1`)));
    await buildout.install();
    const said = buildout.events.flatMap((event) => (event.type === "diagnostic" ? [event.text] : []));
    expect(said).to.deep.equal([
      [
        'warning[option/unknown]: quick has no option "imge" (part a)',
        "  buildout.cfg:5:1",
        "5 | imge = 1",
        "  | ^^^^",
        "  = note: the same in b, c, d and 2 more",
      ].join("\n"),
    ]);
  });
});
