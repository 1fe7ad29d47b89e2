// Bundles the command line into dist/bundle: one small program, everything else in chunks that it loads on use and whose
// compiled code it keeps. Importing dozens of files costs more than running them: by this `tsbuildout --version` starts fast.
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { build } from "esbuild";
import { throughBarrels } from "./lib/barrels.mjs";
import { toCommonJs } from "./lib/commonjs.mjs";
import { facesFrom } from "./lib/faces.mjs";
import { LAUNCHER } from "./lib/launcher.mjs";
import { namedImports } from "./lib/named.mjs";
import { groupsOf, together } from "./lib/together.mjs";

const OUT = "dist/bundle";
/** Compiled before this runs. */
const RECIPES = new URL("../dist/src/recipes/index.js", import.meta.url).href;

/** The package's own name means its sources, so that a recipe and the engine share one copy of each module. */
const alias = {
  tsbuildout: "./src/index.ts",
  "tsbuildout/recipe": "./src/recipe.ts",
  "tsbuildout/docker": "./src/docker.ts",
};

/**
 * What dockerode imports at once and this program never uses: its own connections (docker-modem, ssh2) are
 * replaced by ours, and its BuildKit sessions (gRPC, protobuf) are not asked for. They cost 200 ms to load.
 */
const UNUSED = /^(docker-modem|ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/;

const withoutUnused = {
  name: "without-unused",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: "unused" }));
    onLoad({ filter: /.*/, namespace: "unused" }, ({ path }) => ({
      contents: `module.exports = function () { throw new Error("${path} is not part of the bundle"); };`,
    }));
  },
};

/** The program, which loads chunks. */
const BOOT = "src/cli/boot.ts";
/** The first chunk. */
const START = "src/cli/tsbuildout.ts";
/** What is to start fast, by kinds of run: all of them, a look at the file, a run, and those of the recipes that most
 *  buildouts use. */
const FAST = [
  [START],
  ["src/cli/commands/annotate.ts"],
  ["src/cli/commands/install.ts"],
  ["src/recipes/docker.run.ts", "src/recipes/docker.network.ts", "src/recipes/docker.volume.ts"],
  ["src/recipes/docker.push.ts", "src/recipes/docker.pull.ts", "src/docker/ecr/login.ts"],
  ["src/recipes/docker.build.ts"],
  ["src/recipes/docker.copy.ts"],
];

/** @param first plugins that come before the others */
const options = (...first) => ({
  entryPoints: [START],
  outdir: OUT,
  entryNames: "chunks/[name]-[hash]",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  // What is not CommonJS can be shaken.
  mainFields: ["module", "main"],
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
  alias,
  plugins: [...first, withoutUnused, namedImports, facesFrom(RECIPES), throughBarrels(alias)],
  metafile: true,
});

// Twice: only a built program tells what each entry reaches.
const { metafile: apart } = await build({ ...options(), write: false });
const { groups, entries } = groupsOf(apart.outputs, FAST);
const { metafile, outputFiles } = await build({ ...options(together(groups, entries)), write: false });

await rm(OUT, { recursive: true, force: true });
await mkdir(`${OUT}/chunks`, { recursive: true });
await Promise.all(outputFiles.map(async ({ path, text }) => writeFile(path, await toCommonJs(text))));
const [start] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(START));
const program = `${OUT}/tsbuildout.cjs`;
await build({
  entryPoints: [BOOT],
  outfile: program,
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node20.19",
  minifyWhitespace: true,
  banner: { js: LAUNCHER },
  define: {
    START: JSON.stringify(basename(start)),
    "import.meta.dirname": "__dirname",
  },
  supported: { "dynamic-import": true },
});
await chmod(program, 0o755);
// Which sources each chunk is made of: a test looks up what a cold start loads.
await writeFile("dist/bundle-meta.json", JSON.stringify(metafile.outputs));
