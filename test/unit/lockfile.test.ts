import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder } from "../support/cli.js";

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** `npm ci` on a clean clone depends on what only a look at the lockfile can tell. */
describe("package-lock.json", () => {
  const text = readFileSync(join(projectFolder, "package-lock.json"), "utf8");
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, Entry>> };

  it("has the optional packages of every platform (if not: node scripts/lockfile.mjs)", () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
      ),
    );
    expect(missing).to.deep.equal([]);
  });

  it("names versions, and no address to download from", () => {
    const entries = Object.entries(packages).filter(([path]) => path !== "");
    expect(entries.filter(([, e]) => !e.version).map(([path]) => path)).to.deep.equal([]);
    expect(entries.filter(([, e]) => e.resolved).map(([path]) => path)).to.deep.equal([]);
  });
});
