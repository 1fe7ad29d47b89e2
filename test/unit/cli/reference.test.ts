import { expect } from "chai";
import { referenceMarkdown } from "../../../src/cli/reference/markdown.js";
import { referenceOf } from "../../../src/cli/reference/reference.js";
import { referenceText } from "../../../src/cli/reference/text.js";
import type { LoadedRecipe } from "../../../src/index.js";

const given = (recipe: object): LoadedRecipe => ({
  spec: "./x.js",
  version: "1",
  recipe: { options: {}, install: () => undefined, ...recipe } as unknown as LoadedRecipe["recipe"],
});

const commonOf = (recipe: object) => referenceOf(given(recipe)).common;
const nameOf = ({ name }: { readonly name: string }): string => name;

describe("the reference of a recipe", () => {
  it("has all options that the engine gives its parts, replace only where something is protected", () => {
    expect(commonOf({ doc: "" }).map(nameOf)).to.deep.equal(["keep", "keep-on-error", "timeout", "=>"]);
    expect(commonOf({ protects: "data" }).map(nameOf)).to.deep.equal([
      "keep",
      "keep-on-error",
      "timeout",
      "replace",
      "=>",
    ]);
  });

  it("says the recipe's own default of keep", () => {
    const [by, own] = [commonOf({})[0], commonOf({ keep: true })[0]];
    expect([by?.default, own?.default]).to.deep.equal(["false", "true"]);
  });

  it("of somebody else's has a page that stands by itself", () => {
    const page = referenceMarkdown(referenceOf(given({ doc: "Does it." })), false);
    expect(page).to.match(
      /^# \.\/x\.js\n\n<!-- Made from the recipe itself by `tsbuildout recipes --markdown \.\/x\.js`: change it there\. -->\n\nDoes it\.\n/,
    );
    expect(page).not.to.contain("](");
  });

  it("is there also for plain JavaScript that documents nothing", () => {
    const recipe = { options: { a: { kind: "string", decode: String } }, outputs: { b: {} } };
    const text = referenceText(referenceOf(given(recipe)), 80);
    expect(text).to.contain("\n  a  [string]\n").and.to.contain("\n  b\n");
  });
});
