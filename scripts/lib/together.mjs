import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

const NAMESPACE = "together";

/**
 * An esbuild plugin that puts modules into one chunk that are loaded together in the runs that are to start fast.
 * Splitting makes a chunk of the modules that the same entries reach, and so dozens of small ones, each of which costs
 * Node a fifth of a millisecond to find, read and run. Here every entry (the program's, or a dynamic import) that reaches
 * one module of a group is made to reach all of it.
 * @param {readonly (readonly string[])[]} groups source files, relative to the working directory; see `groupsOf`
 * @param {ReadonlyMap<string, readonly number[]>} entries source file of an entry -> the groups that it reaches
 */
export function together(groups, entries) {
  return {
    name: "together",
    setup({ onResolve, onLoad, resolve: find }) {
      onResolve({ filter: /\.(js|ts)$/ }, async ({ kind, path, pluginData, ...from }) => {
        const isEntry = kind === "dynamic-import" || kind === "entry-point";
        if (!isEntry || pluginData === NAMESPACE) return undefined;
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

/** In bytes. Finding and running a chunk takes longer than reading so much more. */
const SMALL = 6000;

/**
 * Groups for `together`, from the metafile of a build without it: what the same kinds of run load.
 * @param {Record<string, import("esbuild").Metafile["outputs"][string]>} outputs
 * @param {readonly (readonly string[])[]} fast for each kind of run the entries that it loads; the first is the
 *   program's own, which every run loads
 */
export function groupsOf(outputs, fast) {
  const files = filesOf(outputs);
  const kinds = fast.map((entries) => files.reached(entries));
  const own = new Set(fast.flat());
  const byKinds = new Map();
  for (const file of files.names) {
    if (own.has(file)) continue;
    const those = kinds.flatMap((kind, i) => (kind.has(file) || kinds[0].has(file) ? [i] : []));
    const group = byKinds.get(those.join()) ?? { kinds: those, files: [] };
    if (those.length > 0) byKinds.set(those.join(), { ...group, files: [...group.files, file] });
  }
  const groups = withoutSmall([...byKinds.values()], files);
  return { groups, entries: entriesOf(outputs, (entry) => loadedWith([entry], groups, files)) };
}

function filesOf(outputs) {
  const chunks = Object.entries(outputs);
  const chunkOf = new Map(
    chunks.flatMap(([path, { inputs }]) => Object.keys(inputs).map((file) => [file, path])),
  );
  return {
    names: [...chunkOf.keys()].filter((file) => file.startsWith("src/")).sort(),
    size: (file) => outputs[chunkOf.get(file)].inputs[file].bytesInOutput,
    /** All that is loaded with these. */
    reached: (some) => {
      const chunks = new Set(some.map((file) => chunkOf.get(file)));
      for (const chunk of chunks)
        for (const { path, kind } of outputs[chunk].imports)
          if (kind === "import-statement" && outputs[path]) chunks.add(path);
      return new Set([...chunks].flatMap((chunk) => Object.keys(outputs[chunk].inputs)));
    },
  };
}

/** Small groups go with the next larger one that the same kinds of run load and others besides, where these will load
 *  nothing else for it. */
function withoutSmall(groups, { size, reached }) {
  const isSmall = ({ files }) => files.reduce((sum, file) => sum + size(file), 0) < SMALL;
  const large = groups.filter((group) => !isSmall(group)).sort((a, b) => a.kinds.length - b.kinds.length);
  const joined = large.map(({ files }) => files);
  for (const { kinds, files } of groups.filter(isSmall)) {
    const needed = [...reached(files)].filter((file) => !files.includes(file));
    const host = large.findIndex((other) => {
      const there = reached(other.files);
      return kinds.every((kind) => other.kinds.includes(kind)) && needed.every((file) => there.has(file));
    });
    if (host < 0) joined.push(files);
    else joined[host] = [...joined[host], ...files];
  }
  return joined;
}

/** The groups of which a file is loaded with these: whole, and with what they themselves load. */
function loadedWith(some, groups, files, found = new Set()) {
  const all = files.reached(some);
  groups.forEach((group, i) => {
    if (found.has(i) || !group.some((file) => all.has(file))) return;
    found.add(i);
    loadedWith(group, groups, files, found);
  });
  return [...found];
}

function entriesOf(outputs, groups) {
  const ours = Object.values(outputs).flatMap(({ entryPoint = "" }) =>
    entryPoint.startsWith("src/") ? [[entryPoint, groups(entryPoint)]] : [],
  );
  return new Map(ours.filter(([, those]) => those.length > 0));
}
