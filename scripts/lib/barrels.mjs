import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";

/**
 * An esbuild plugin that lets imports go past the package's public modules, which only pass names on: `import { a }
 * from "../index.js"` becomes an import of the file that has `a`. Splitting puts whole files into chunks, and a chunk
 * is loaded with all that its files import; with the public modules in between, every command would load everything.
 * @param {Readonly<Record<string, string>>} barrels what the package's own names mean: specifier -> source file
 */
export function throughBarrels(barrels) {
  const files = new Map(Object.entries(barrels).map(([name, file]) => [name, resolve(file)]));
  const paths = new Set(files.values());
  return {
    name: "through-barrels",
    async setup({ onLoad }) {
      const homes = new Map();
      for (const path of paths) homes.set(path, passedOn(await readFile(path, "utf8"), path));
      const source = new RegExp(`^${resolve("src").replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}/.*\\.ts$`);
      onLoad({ filter: source }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        if (paths.has(path)) return { contents: text, loader: "ts" };
        // Behind the first declaration a line that looks like an import is part of a text.
        const end = text.search(DECLARATION);
        const head = end < 0 ? text : text.slice(0, end);
        const imports = head.replaceAll(IMPORT, (whole, names, from) => {
          const barrel = files.get(from) ?? resolve(dirname(path), from.replace(/\.js$/, ".ts"));
          return homes.has(barrel) ? redirected(names, homes.get(barrel), { path, from }) : whole;
        });
        return { contents: imports + text.slice(head.length), loader: "ts" };
      });
    },
  };
}

const DECLARATION = /^(export )?(default )?(async )?(const|let|function|class|type|interface|abstract)\b/m;

/** The formatter writes all of them in this one form. */
const IMPORT = /^import \{([^}]*)\} from "([^"]+)";$/gm;
const EXPORT = /^export \{([^}]*)\} from "([^"]+)";$/gm;

/** Name -> the file that has it, and under which name. */
function passedOn(text, path) {
  const homes = new Map();
  for (const [, names, from] of text.matchAll(EXPORT))
    for (const { inner, outer } of specifiers(names))
      homes.set(outer, { file: resolve(dirname(path), from.replace(/\.js$/, ".ts")), name: inner });
  return homes;
}

function redirected(names, homes, { path, from }) {
  const lines = specifiers(names).map(({ inner, outer }) => {
    const home = homes.get(inner);
    if (!home) return `import { ${inner} as ${outer} } from "${from}";`;
    const file = join(".", relative(dirname(path), home.file)).replace(/\.ts$/, ".js");
    return `import { ${home.name} as ${outer} } from "${file.startsWith(".") ? file : `./${file}`}";`;
  });
  return lines.join("\n");
}

function specifiers(names) {
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "))
    .map((name) => {
      const [inner, outer = inner] = name.split(/\s+as\s+/);
      return { inner, outer };
    });
}
