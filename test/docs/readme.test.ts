import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { recipes } from "../../src/recipes/index.js";
import { projectFolder } from "../support/cli.js";

function read(file: string): string {
  return readFileSync(join(projectFolder, file), "utf8");
}

describe("README.md", () => {
  const readme = read("README.md");

  it("shows the quick start's configuration as it is, without its comments", () => {
    const shown = /```ini\n(.*?)```/s.exec(readme)?.[1];
    const file = read("examples/quickstart/buildout.cfg");
    expect(shown?.trim()).to.equal(file.replace(/^#.*\n/gm, "").trim());
  });

  it("names every recipe", () => {
    for (const name of Object.keys(recipes)) expect(readme).to.include(`\`${name}\``);
  });
});
