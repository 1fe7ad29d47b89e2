// A plugin for the bundler: src/recipes/faces.ts becomes a table of what the recipes' schemas say of names, defaults
// and secrets. Loading the recipes themselves, with Docker behind them, takes longer than all else that a look takes.

/** @param {string} index the compiled list of recipes, a file URL */
export function facesFrom(index) {
  return {
    name: "recipe-faces",
    setup({ onLoad }) {
      onLoad({ filter: /\/src\/recipes\/faces\.ts$/ }, async () => {
        const { recipes } = await import(index);
        const faces = await Promise.all(
          Object.entries(recipes).map(async ([name, load]) => [name, faceOf((await load()).default)]),
        );
        return { contents: source(faces) };
      });
    },
  };
}

function faceOf({ version, options, outputs = {}, computed = {} }) {
  return {
    version,
    options: mapped(options, ({ aliases, default: text, secret }) => ({ aliases, default: text, secret })),
    outputs: mapped(outputs, ({ secret }) => ({ secret })),
    computed,
  };
}

function mapped(table, change) {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, change(value)]));
}

function source(faces) {
  return `const install = () => { throw new Error("only a face"); };
const face = (table) => async () => ({ default: { ...table, install } });
export const faces = {
${faces.map(([name, face]) => `${JSON.stringify(name)}: face(${JSON.stringify(face)}),`).join("\n")}
};`;
}
