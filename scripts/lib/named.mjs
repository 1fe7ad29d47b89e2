import { readFileSync } from "node:fs";

/**
 * An esbuild plugin for packages that are imported on use: `await import("undici")` of a CommonJS package would have
 * `default` and nothing else. A module in between has the names that Node finds.
 */
export const namedImports = {
  name: "named-imports",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(@[^/]+\/)?[a-z][\w.-]*$/ }, ({ path, kind, namespace, importer }) => {
      const ours = namespace === "file" && !importer.includes("/node_modules/");
      return ours && kind === "dynamic-import" && isCommonJs(path) ? { path, namespace: "named" } : undefined;
    });
    onLoad({ filter: /.*/, namespace: "named" }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name));
      const from = JSON.stringify(path);
      return { contents: `export { ${names.join(", ")} } from ${from};`, resolveDir: process.cwd() };
    });
  },
};

/** Whether the bundler will see CommonJS: it takes the field `module` before `main`. */
function isCommonJs(name) {
  try {
    const { type, module } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
    return type !== "module" && module === undefined;
  } catch {
    return false;
  }
}
