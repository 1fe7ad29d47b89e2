import { transform } from "esbuild";

/** An `import()` of something that is only known when it runs: a recipe of the user's. */
const COMPUTED = /\bimport\((?!")/g;

/**
 * A chunk as CommonJS, to be called by src/cli/boot/chunks.ts: its imports, also those on use, become `require`, and
 * what it does not know beforehand is imported by the `__import` that it is called with.
 * @param {string} code an ES module that the bundler has minified, so that it has no comments
 */
export async function toCommonJs(code) {
  const { code: chunk } = await transform(code.replaceAll(COMPUTED, "__import("), {
    format: "cjs",
    platform: "node",
    target: "node20.19",
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "__url" },
    minifyWhitespace: true,
    minifySyntax: true,
  });
  return `${HEAD}${builtinsOnUse(plainExports(chunk))}\n})`;
}

const HEAD = '(function (exports, require, module, __import, __url) {"use strict";';

/** Chunks have only one another for readers: each takes the object of the other as it is, where esbuild would copy it,
 *  property by property, once for readers that know CommonJS only and once for each `import()`. */
function plainExports(chunk) {
  return chunk
    .replace(/var (\w+)=\{\};__export\(\1,/, "__export(exports,")
    .replace(/module\.exports=__toCommonJS\(\w+\);/, "")
    .replaceAll(/__toESM\((require\("\.\/[^"]+"\))\)/g, "$1");
}

/** What the bundler makes of `import { readFile } from "node:fs/promises"`. */
const BUILTIN = /\b(import_\w+)=(require\("node:[\w/]+"\))/g;

/** Node's own modules are loaded by what first uses one: `fs/promises` or `crypto` takes Node milliseconds. */
function builtinsOnUse(chunk) {
  const builtins = new Map(Array.from(chunk.matchAll(BUILTIN), ([, name, load]) => [name, load]));
  return chunk
    .replaceAll(BUILTIN, "$1")
    .replaceAll(/\b(import_\w+)\./g, (use, name) =>
      builtins.has(name) ? `(${name}??=${builtins.get(name)}).` : use,
    );
}
