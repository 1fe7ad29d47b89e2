import { expect } from "chai";
import { globMatcher } from "../../../src/engine/glob.js";

describe("globMatcher", () => {
  it("matches as people write globs", async () => {
    const fits = await globMatcher(["src/**/*.ts", "*.json", "{a,b}/x", "./docs/*", "!src/gen/**"]);
    const paths = ["src/a.ts", "src/x/y/b.ts", "src/.hidden.ts", "package.json", "b/x", "docs/a.md"];
    expect(paths.filter((path) => !fits(path))).to.deep.equal([]);
    const others = ["src/a.js", "x/package.json", "c/x", "docs/a/b.md", "src/gen/a.ts"];
    expect(others.filter((path) => fits(path))).to.deep.equal([]);
  });
});
