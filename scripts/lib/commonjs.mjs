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
  return chunk;
}
