import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CodeCache } from "./code-cache.js";
import type { ExtraCertificates } from "./extra-certificates.js";

/** What a chunk is called with; scripts/lib/commonjs.mjs makes chunks use these names. */
type Chunk = (
  exports: object,
  require: (name: string) => unknown,
  module: { readonly exports: object },
  importModule: (specifier: string) => Promise<unknown>,
  url: string,
) => void;

/** A `require` for the program's own chunks, which are CommonJS: only such code can be compiled with a cache.
 *  @param folder where they are; they name each other `./chunk.js`, and besides only Node's own modules */
export function chunkLoader(
  cache: CodeCache,
  extra: ExtraCertificates,
  folder: string,
): (name: string) => object {
  const base = pathToFileURL(join(folder, "/")).href;
  const loaded = new Map<string, { readonly exports: object }>();
  const load = (name: string): object => {
    const known = loaded.get(name);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    // The bundler writes nothing but ASCII, and decoding UTF-8 takes longer.
    const source = readFileSync(join(folder, name), "latin1");
    const url = base + name;
    const chunk = cache.compile(name, source, url).runInThisContext() as Chunk;
    chunk(module.exports, required, module, importModule, url);
    return module.exports;
  };
  const required = (name: string): unknown => {
    if (name.startsWith("./")) return load(name.slice(2));
    extra.loading(name);
    return process.getBuiltinModule(name);
  };
  // From here, and not from the chunk: code that is compiled with a cache has no `import()` of its own.
  const importModule = async (specifier: string): Promise<unknown> => {
    extra.loading();
    return (await import(specifier)) as unknown;
  };
  return load;
}
