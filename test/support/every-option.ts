import { expect } from "chai";
import { engineOptions } from "../../src/recipes/common.js";

/**
 * A test that fails when a recipe has an option of whose effect there is no test.
 * @param tested options that have one; those that say which engine is meant have theirs elsewhere, for all recipes
 */
export function everyOption(options: object, tested: Iterable<string>): void {
  it("has a case for every option", () => {
    const known = new Set([...tested, ...Object.keys(engineOptions)]);
    expect(Object.keys(options).filter((option) => !known.has(option))).to.deep.equal([]);
  });
}
