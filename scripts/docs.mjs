// Writes docs/recipes/<name>.md from the recipes themselves, and the list of them; run by `npm run docs`.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { loadRecipe, recipeNames } from "../dist/src/index.js";
import { referenceMarkdown } from "../dist/src/cli/reference/markdown.js";
import { referenceOf } from "../dist/src/cli/reference/reference.js";

const FOLDER = "docs/recipes";
await mkdir(FOLDER, { recursive: true });
for (const file of await readdir(FOLDER)) await rm(`${FOLDER}/${file}`);
for (const name of recipeNames)
  await writeFile(`${FOLDER}/${name}.md`, referenceMarkdown(referenceOf(await loadRecipe(name, ".")), true));
