// Bundles the command line into dist/bundle: one small entry, everything else in chunks that are loaded on use.
// Importing dozens of files costs more than running them: this is what `tsbuildout --version` starts fast by.
import { existsSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { build } from "esbuild";

const ENTRY = "src/cli/tsbuildout.ts";
const OUT = "dist/bundle";

/** The package's own name means its sources, so that a recipe and the engine share one copy of each module. */
const alias = {
  tsbuildout: "./src/index.ts",
  "tsbuildout/recipe": "./src/recipe.ts",
  "tsbuildout/docker": "./src/docker.ts",
};

await rm(OUT, { recursive: true, force: true });
if (existsSync(ENTRY)) {
  await build({
    entryPoints: [ENTRY],
    outdir: OUT,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: true,
    legalComments: "none",
    logLevel: "warning",
    alias,
  });
  await chmod(`${OUT}/tsbuildout.js`, 0o755);
}
