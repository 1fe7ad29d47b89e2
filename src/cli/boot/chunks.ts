import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { CodeCache } from "./code-cache.js";

/** What a chunk is called with; scripts/lib/commonjs.mjs makes chunks use these names. */
type Chunk = (
  exports: object,
  require: (name: string) => unknown,
  module: { readonly exports: object },
  importModule: (specifier: string) => Promise<unknown>,
  url: string,
) => void;

const HEAD = '(function (exports, require, module, __import, __url) {"use strict";';

export interface ChunkSettings {
  readonly cache: CodeCache;
  /** For what is no chunk: Node's own modules. */
  readonly require: (name: string) => unknown;
}

/** A `require` for the program's own chunks, which are CommonJS: only such code can be compiled with a cache. */
export function chunkLoader({ cache, require }: ChunkSettings): (file: string) => object {
  const loaded = new Map<string, { readonly exports: object }>();
  const load = (file: string): object => {
    const known = loaded.get(file);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(file, module);
    const url = pathToFileURL(file).href;
    const source = `${HEAD}${readFileSync(file, "utf8")}\n})`;
    const chunk = cache.compile(basename(file), source, url).runInThisContext() as Chunk;
    const folder = dirname(file);
    const inside = (name: string): unknown =>
      name.startsWith("./") ? load(resolve(folder, name)) : require(name);
    chunk(module.exports, inside, module, importModule, url);
    return module.exports;
  };
  return load;
}

/** From here, and not from the chunk: code that is compiled with a cache has no `import()` of its own. */
async function importModule(specifier: string): Promise<unknown> {
  return (await import(specifier)) as unknown;
}
