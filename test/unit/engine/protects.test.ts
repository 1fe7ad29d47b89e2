import { expect } from "chai";
import { type Recipe } from "../../../src/engine/contract.js";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";
import { config, quick, refusal, results, safe } from "../../support/quick-parts.js";

const protectedPart = (a: string): string =>
  config("v", "[v]\nrecipe = safe\n=> n", `[n]\nrecipe = quick\na = ${a}`);

const protectedLater = (a: string): string =>
  config("v", "[v]\nrecipe = safe\na = $<n:id>", `[n]\nrecipe = quick\na = ${a}`);

const leftOut = (why: string): string =>
  [
    "error[part/protected]: v is not a part here and would be uninstalled, and the data would be lost (part v)",
    `   = note: ${why}`,
    "   = help: to take it away: tsbuildout uninstall v",
    "   = help: configurations that are used side by side need a file each for what they installed: installed = NAME in [buildout]",
  ].join("\n");

describe("what is protected", () => {
  let buildout: TestBuildout;

  async function open(text: string, recipes: Record<string, Recipe> = {}): Promise<void> {
    buildout = await testBuildout({ config: text, recipes: { quick, ...recipes } });
  }

  afterEach(async () => {
    await buildout.dispose();
  });

  it("refuses to destroy what is protected where that turns out only in the midst of the run", async () => {
    const log: string[] = [];
    const destroys: Recipe = { ...safe, uninstall: async () => void log.push("destroyed") };
    await open(protectedLater("1"), { safe: destroys });
    await buildout.install();
    await buildout.write(protectedLater("2"));
    expect(results(await buildout.install())).to.deep.equal([
      "n reinstall done: option a: 1 -> 2",
      "v none failed: v would have to be made anew, and the data would be lost",
    ]);
    expect(log).to.deep.equal([]);
  });

  it("refuses to destroy what is protected, unless told to", async () => {
    await open(config("v", "[v]\nrecipe = safe\na = 1"), { safe });
    await buildout.install();
    await buildout.write(config("v", "[v]\nrecipe = safe\na = 2"));
    const text = [
      "error[part/protected]: v would have to be made anew, and the data would be lost (part v)",
      "  buildout.cfg:5:5",
      "5 | a = 2",
      "  |     ^",
      "  = note: option a: 1 -> 2",
      "  = help: to destroy it nevertheless: replace = true in [v], or --replace v",
    ].join("\n");
    expect(await refusal(() => buildout.plan())).to.equal(text);
    expect(await refusal(() => buildout.install())).to.equal(text);
    expect(await refusal(() => buildout.install({ replace: ["vv"] }))).to.equal(
      `error[part/unknown]: there is no part vv\n   = help: did you mean "v"?`,
    );
    expect(results(await buildout.install({ replace: ["v"] }))).to.deep.equal([
      "v reinstall done: option a: 1 -> 2",
    ]);
  });

  it("refuses to destroy what is protected because another file, or other parts on the command line, are without it", async () => {
    const [both, other] = [
      config("v n", "[v]\nrecipe = safe", "[n]\nrecipe = quick"),
      config("n", "[n]\nrecipe = quick"),
    ];
    buildout = await testBuildout({ config: both, files: { "other.cfg": other }, recipes: { quick, safe } });
    await buildout.install();
    await buildout.uninstall({ parts: ["n"] });
    const byOther = leftOut("this is other.cfg, and buildout.cfg installed it");
    expect(await refusal(() => buildout.open([], "other.cfg").plan())).to.equal(byOther);
    expect(await refusal(() => buildout.open([], "other.cfg").install())).to.equal(byOther);
    expect(await refusal(() => buildout.open(["buildout:parts=n"]).install())).to.equal(
      leftOut("the command line says which parts there are"),
    );
    // What is asked for by name concerns no other part; what has no data goes as ever.
    expect(results(await buildout.open([], "other.cfg").install({ parts: ["n"] }))).to.deep.equal([
      "n install done: not installed yet",
    ]);
    expect(await refusal(() => buildout.open([], "other.cfg").install())).to.equal(byOther);
    await buildout.uninstall({ parts: ["v"] });
    expect((await buildout.open([], "other.cfg").install()).ok).to.equal(true);
    await buildout.install();
    await buildout.write(other);
    expect(results(await buildout.install())).to.deep.equal([
      "v uninstall done: no longer in the configuration",
      "n none unchanged: undefined",
    ]);
  });

  it("refuses to destroy what is protected where the part gets another recipe, and that recipe's own data never", async () => {
    await open(config("v w", "[v]\nrecipe = safe", "[w]\nrecipe = quick"), { safe });
    await buildout.install();
    await buildout.write(config("v w", "[v]\nrecipe = quick", "[w]\nrecipe = safe"));
    const text = [
      "error[part/protected]: v would have to be made anew, and the data would be lost (part v)",
      "  buildout.cfg:4:10",
      "4 | recipe = quick",
      "  |          ^^^^^",
      "  = note: recipe: safe -> quick",
      "  = help: to destroy it nevertheless: replace = true in [v], or --replace v",
    ].join("\n");
    expect(await refusal(() => buildout.plan())).to.equal(text);
    expect(await refusal(() => buildout.install())).to.equal(text);
    expect(results(await buildout.install({ replace: ["v"] }))).to.have.members([
      "v reinstall done: recipe: safe -> quick",
      "w reinstall done: recipe: quick -> safe",
    ]);
  });

  it("does not make what is protected anew because of what it needs", async () => {
    await open(protectedPart("1"), { safe });
    await buildout.install();
    await buildout.write(protectedPart("2"));
    expect(results(await buildout.install())).to.deep.equal([
      "n reinstall done: option a: 1 -> 2",
      "v none unchanged: undefined",
    ]);
  });
});
