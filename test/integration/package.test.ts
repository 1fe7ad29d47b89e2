import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { expect } from "chai";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { binaries } from "../../src/recipes/freeze-binaries.js";
import { projectFolder } from "../support/cli.js";

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

describe("the package", () => {
  let folder: string;
  let packed: Packed;
  let tarball: Buffer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "tsbuildout-pack-"));
    // What is compiled is under test; packing must not compile it again.
    const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
    const text = execFileSync("npm", args, {
      cwd: projectFolder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    packed = (JSON.parse(text) as Packed[])[0]!;
    tarball = await readFile(join(folder, packed.filename));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("has the program, the library with its types, and freeze for every architecture; no tests, no sources", () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).to.include.members([
      "dist/bundle/tsbuildout.js",
      "dist/src/recipe.js",
      "dist/src/recipe.d.ts",
    ]);
    expect(
      paths.filter((path) => /(^|\/)(test|bench|node_modules)\/|(?<!\.d)\.ts$/.test(path)),
    ).to.deep.equal([]);
    expect(paths).to.include("dist/src/recipes/freeze-binaries.js");
    expect(Object.keys(binaries)).to.have.length(7);
    expect(packed.size).to.be.below(3_000_000);
  });

  it("satisfies publint", async () => {
    const { messages, pkg } = await publint({
      pack: { tarball: tarball.buffer as ArrayBuffer },
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg))).to.deep.equal([]);
  });

  it("has types that are what is imported, for those who import ES modules", async () => {
    const { problems } = (await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)))) as {
      problems: { kind: string; resolutionKind?: string }[];
    };
    // There is no CommonJS here, and no entry for resolvers from before `exports`.
    const others = problems.filter(
      ({ kind, resolutionKind }) =>
        kind !== "CJSResolvesToESM" && resolutionKind !== "node10" && resolutionKind !== "node16-cjs",
    );
    expect(others).to.deep.equal([]);
  });
});
