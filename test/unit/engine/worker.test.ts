import { expect } from "chai";
import { type TestBuildout, testBuildout } from "../../../src/testing.js";

const RECIPE = `export default {
  doc: "Made by one file.",
  version: "1",
  options: {},
  async install() {},
  async look() { return new Map(); },
};
`;

describe("an uninstall", () => {
  let buildout: TestBuildout;

  beforeEach(async () => {
    const config = "[buildout]\nparts = a\n[a]\nrecipe = ./made.mjs\n";
    buildout = await testBuildout({ config, files: { "made.mjs": RECIPE } });
  });
  afterEach(async () => {
    await buildout.dispose();
  });

  it("of a part whose recipe is gone names the recipe, and leaves the part as it is", async () => {
    await buildout.install();
    await buildout.remove("made.mjs");
    const { parts } = await buildout.uninstall();
    expect(parts.map(({ part, end, why }) => [part, end, why])).to.deep.equal([
      ["a", "failed", `there is no recipe ./made.mjs: ${buildout.directory}/made.mjs does not exist`],
    ]);
    const codes = buildout.events.flatMap((event) =>
      event.type === "diagnostic" ? [event.diagnostic.code] : [],
    );
    expect(codes).to.deep.equal(["recipe/missing"]);
    expect((await buildout.records()).get("a")!.phase).to.equal("installed");
  });
});
