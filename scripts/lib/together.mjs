import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

const NAMESPACE = "together";

/**
 * An esbuild plugin that puts modules into one chunk that are loaded together in the runs that are to start fast.
 * Splitting makes a chunk of the modules that the same entries reach, and so dozens of small ones, each of which costs
 * Node half a millisecond to find, read and link. Here every entry (a dynamic import) that reaches one module of a group
 * is made to reach all of it.
 * @param {readonly (readonly string[])[]} groups source files, relative to the working directory; see `groupsOf`
 * @param {ReadonlyMap<string, readonly number[]>} entries source file of an entry -> the groups that it reaches
 */
export function together(groups, entries) {
  return {
    name: "together",
    setup({ onResolve, onLoad, resolve: find }) {
      onResolve({ filter: /\.(js|ts)$/ }, async ({ kind, path, pluginData, ...from }) => {
        if (kind !== "dynamic-import" || pluginData === NAMESPACE) return undefined;
        const found = await find(path, { ...from, kind, pluginData: NAMESPACE });
        const source = [...entries.keys()].find((entry) => resolve(entry) === found.path);
        return source ? { path: source, namespace: NAMESPACE, sideEffects: false } : undefined;
      });
      onResolve({ filter: /^together:\d+$/ }, ({ path }) => ({ path, namespace: NAMESPACE }));
      onLoad({ filter: /^together:/, namespace: NAMESPACE }, async ({ path }) => {
        const files = groups[Number(path.slice("together:".length))];
        return { contents: await all(files), loader: "js", resolveDir: process.cwd() };
      });
      onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path }) => {
        const file = JSON.stringify(`./${path}`);
        const hasDefault = /^export default\b/m.test(await readFile(path, "utf8"));
        const lines = [
          `export * from ${file};`,
          ...(hasDefault ? [`export { default } from ${file};`] : []),
          ...entries
            .get(path)
            .map((group) => `export { together as together${group} } from "together:${group}";`),
        ];
        return { contents: lines.join("\n"), loader: "js", resolveDir: process.cwd() };
      });
    },
  };
}

const EXPORTED = /^export (?:async )?(?:function\*?|const|class) (\w+)/m;

/** Names one export of each file: what is only imported for its effects would be left out, as ours have none. */
async function all(files) {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const named = files.flatMap((file, i) => {
    const name = EXPORTED.exec(texts[i])?.[1];
    return name ? [{ file: JSON.stringify(`./${file}`), name, as: `n${i}` }] : [];
  });
  return [
    ...named.map(({ file, name, as }) => `import { ${name} as ${as} } from ${file};`),
    `export const together = () => [${named.map(({ as }) => as).join()}];`,
  ].join("\n");
}

/**
 * Groups for `together`, from the metafile of a build without it.
 * @param {Record<string, import("esbuild").Metafile["outputs"][string]>} outputs
 * @param {{ start: string, fast: readonly (readonly string[])[] }} which the program's entry, which loads nothing of
 *   them, and for each group the entries that load it
 */
export function groupsOf(outputs, { start, fast }) {
  const byEntry = new Map(
    Object.entries(outputs).flatMap(([path, { entryPoint }]) => (entryPoint ? [[entryPoint, path]] : [])),
  );
  const reached = (entry) => {
    const chunks = new Set([byEntry.get(entry)]);
    for (const chunk of chunks)
      for (const { path, kind } of outputs[chunk].imports)
        if (kind === "import-statement" && outputs[path]) chunks.add(path);
    return new Set([...chunks].flatMap((chunk) => Object.keys(outputs[chunk].inputs)));
  };
  const taken = new Set([...reached(start), ...byEntry.keys()]);
  const groups = fast.map((names) => {
    const files = [...new Set(names.flatMap((name) => [...reached(name)]))].filter(
      (file) => file.startsWith("src/") && !taken.has(file),
    );
    for (const file of files) taken.add(file);
    return files.sort();
  });
  const entries = new Map();
  for (const entry of byEntry.keys()) {
    if (entry === start || !entry.startsWith("src/")) continue;
    const files = reached(entry);
    const those = groups.flatMap((group, i) => (group.some((file) => files.has(file)) ? [i] : []));
    if (those.length > 0) entries.set(entry, those);
  }
  return { groups, entries };
}
