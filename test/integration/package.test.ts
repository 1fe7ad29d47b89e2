import { execFileSync } from "node:child_process";
import { lstat, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
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
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** Where the packages are that an installation has besides tsbuildout. */
async function dependencies(): Promise<string[]> {
  const { packages } = JSON.parse(
    await readFile(join(projectFolder, "package-lock.json"), "utf8"),
  ) as Lockfile;
  return Object.entries(packages).flatMap(([path, { dev, optional }]) =>
    path === "" || dev || optional ? [] : [path],
  );
}

/** Bytes in the files of a package, without the packages inside of it. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true });
  const sizes = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? 0 : await sizeOf(path);
    return (await lstat(path)).size;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function near(actual: number, megabytes: number | undefined): void {
  expect(actual / 1e6).to.be.closeTo(megabytes!, megabytes! / 10);
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
      "dist/bundle/tsbuildout.cjs",
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

  it("is as large as docs/architecture.md says, and stands on what it says", async () => {
    const page = await readFile(join(projectFolder, "docs/architecture.md"), "utf8");
    const said =
      /(\d+) packages of (\d+) MB; the packed tsbuildout itself is ([\d.]+) MB, ([\d.]+) MB unpacked/.exec(
        page,
      );
    const [count, installed, size, unpacked] = said?.slice(1).map(Number) ?? [];
    const paths = await dependencies();
    expect(paths).to.have.length(count!);
    const bytes = await Promise.all(paths.map((path) => sizeOf(join(projectFolder, path))));
    near(
      bytes.reduce((sum, some) => sum + some),
      installed,
    );
    near(packed.size, size);
    near(packed.unpackedSize, unpacked);
    const table = page.slice(page.indexOf("## What it stands on"));
    const named = [...table.matchAll(/^\| (`.*?) +\|/gm)].flatMap(([, cell]) =>
      cell!.replaceAll("`", "").split(", "),
    );
    const manifest = JSON.parse(await readFile(join(projectFolder, "package.json"), "utf8")) as Manifest;
    expect(named.sort()).to.deep.equal(Object.keys(manifest.dependencies).sort());
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
