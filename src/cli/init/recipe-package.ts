/** The files of a new recipe package, by path.
 *  @param name of the package, as npm allows it @param version of tsbuildout that it is written for */
export function recipePackage(name: string, version: string): Readonly<Record<string, string>> {
  const range = `^${version}`;
  return {
    "package.json": `${JSON.stringify(packageJson(name, range), null, 2)}\n`,
    "tsconfig.json": `${JSON.stringify(TSCONFIG, null, 2)}\n`,
    ".gitignore": "node_modules/\ndist/\n",
    "README.md": readme(name),
    "src/index.ts": SOURCE,
    "test/index.test.ts": test(name),
  };
}

function packageJson(name: string, range: string): object {
  return {
    name,
    version: "0.1.0",
    description: "A recipe for tsbuildout",
    type: "module",
    exports: { ".": { types: "./dist/src/index.d.ts", default: "./dist/src/index.js" } },
    files: ["dist/src"],
    scripts: {
      build: "tsc",
      test: "tsc && node --test dist/test/*.test.js",
      prepack: "tsc",
    },
    keywords: ["tsbuildout-recipe"],
    peerDependencies: { tsbuildout: range },
    devDependencies: { "@types/node": "^20", tsbuildout: range, typescript: ">=5.8" },
  };
}

const TSCONFIG = {
  compilerOptions: {
    target: "es2023",
    module: "nodenext",
    rootDir: ".",
    outDir: "dist",
    declaration: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    types: ["node"],
  },
  include: ["src", "test"],
};

const SOURCE = `import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { defineRecipe, option, RecipeError } from "tsbuildout/recipe";

const options = {
  path: option.path({ doc: "The file to write.", default: "$<buildout:parts-directory>/$<:_buildout_section_name_>" }),
  text: option.string({ doc: "What to write into it.", required: true, inPlace: true }),
};

/** Writes a file. Replace this by what your recipe does; its options are checked by the compiler. */
export default defineRecipe({
  doc: "Writes a text into a file.",
  options,
  outputs: { length: { doc: "How many characters were written." } },
  async install(context) {
    const { path, text } = context.options;
    // What is created goes with the part: what is there already must not.
    if (existsSync(path))
      throw new RecipeError({ code: "file/there", message: \`\${path} is there already\`, option: "path" });
    // Say what is made before it is made: then no crash can leave it behind.
    await context.created({ kind: "file", name: path });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return { length: String(text.length) };
  },
  async update(context) {
    const { path, text } = context.options;
    await writeFile(path, text);
    return { length: String(text.length) };
  },
});
`;

function test(name: string): string {
  return `import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testBuildout } from "tsbuildout/testing";
import recipe from "../src/index.js";

const config = (text: string): string =>
  \`[buildout]\\nparts = hello\\n\\n[hello]\\nrecipe = ${name}\\npath = hello.txt\\ntext = \${text}\\n\`;

test("writes the text, writes it again when it changes, takes the file away, and leaves somebody else's", async () => {
  const buildout = await testBuildout({ config: config("one"), recipes: { "${name}": recipe } });
  try {
    const file = join(buildout.directory, "hello.txt");
    assert.equal((await buildout.install()).ok, true);
    assert.equal(await readFile(file, "utf8"), "one");
    await buildout.write(config("two"));
    assert.equal((await buildout.install()).ok, true);
    assert.equal(await readFile(file, "utf8"), "two");
    await buildout.uninstall();
    assert.equal(existsSync(file), false);
    await writeFile(file, "mine");
    assert.equal((await buildout.install()).ok, false);
    assert.equal(await readFile(file, "utf8"), "mine");
  } finally {
    await buildout.dispose();
  }
});
`;
}

function readme(name: string): string {
  return `# ${name}

A recipe for [tsbuildout](https://www.npmjs.com/package/tsbuildout).

\`\`\`ini
[buildout]
parts = hello

[hello]
recipe = ${name}
path = hello.txt
text = Hello
\`\`\`

tsbuildout installs the package by itself; \`[versions]\` pins it:

\`\`\`ini
[versions]
${name} = ^0.1
\`\`\`

## Options

| option | |
| --- | --- |
| \`path\` | The file to write. |
| \`text\` | What to write into it. |

## Work on it

    npm install
    npm test
`;
}
