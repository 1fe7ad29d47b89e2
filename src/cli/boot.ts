import { basename, isAbsolute, join } from "node:path";
import { chunkLoader } from "./boot/chunks.js";
import { CodeCache } from "./boot/code-cache.js";
import { ExtraCertificates, revealed } from "./boot/extra-certificates.js";
import { homeFolder } from "./boot/home.js";
import type { run } from "./tsbuildout.js";

/** Written in by the bundler: the chunk of tsbuildout.ts, whose hash is that of the whole program. */
declare const START: string;

/** @param flags what V8 was told besides its own: compiled code is only good for the same */
function cacheFolder(flags = ""): string | undefined {
  const { NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env;
  if (NODE_DISABLE_COMPILE_CACHE) return undefined;
  const name = `${basename(START, ".js")}-${process.version}-${process.arch}${flags}`;
  // A path that is not a whole one does not count (https://specifications.freedesktop.org/basedir-spec/latest/#basics).
  const caches = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homeFolder(), ".cache");
  return join(caches, "tsbuildout/code", name);
}

// What comes next would fail there without a word that anybody understands.
if ((process as Partial<typeof process>).getBuiltinModule === undefined) {
  process.stderr.write(`tsbuildout needs Node 20.19 or newer: this is ${process.version}\n`);
  process.exit(2);
}
const cache = new CodeCache(cacheFolder());
const extra = new ExtraCertificates(revealed(process.env));
const load = chunkLoader(cache, extra, join(import.meta.dirname, "chunks"));
const start = load(START) as { readonly run: typeof run };
start.run({ flagsChange: (flags) => cache.save(cacheFolder(flags.replaceAll(" ", ""))) });
process.on("exit", () => cache.save());
