import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Recipe } from "../../../src/engine/contract.js";
import type { PackagePrefix } from "../../../src/engine/packages/prefix.js";
import { RecipeLoadError, Registry } from "../../../src/engine/registry.js";
import { temporaryFolder } from "../../support/tmp.js";

const run: Recipe = { doc: "", options: {}, install: async () => undefined };

describe("the names of recipes", () => {
  it("knows a built-in recipe by its own name, by ours before it, and by dockeroo's", async () => {
    const registry = new Registry({
      builtin: { "docker.run": async () => ({ default: run }) },
      directory: "/",
    });
    for (const spec of ["docker.run", "tsbuildout:docker.run", "dockeroo:docker.run"])
      expect(await registry.load(spec)).to.deep.equal({ spec: "docker.run", recipe: run, version: "1" });
  });

  for (const [form, text] of Object.entries({
    "by module.exports": "module.exports = recipe;",
    "by what TypeScript makes of export default":
      'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = recipe;',
  }))
    it(`takes a recipe that CommonJS exports ${form}, and lets it require tsbuildout from anywhere`, async () => {
      const directory = await temporaryFolder();
      const required = 'const { defineRecipe, option } = require("tsbuildout/recipe");';
      const made = 'const recipe = defineRecipe({ doc: "made", options: {}, install() {} });';
      await writeFile(join(directory, "x.cjs"), `${required}\n${made}\n${text}\n`);
      const { recipe } = await new Registry({ builtin: {}, directory }).load("./x.cjs");
      expect(recipe.doc).to.equal("made");
    });

  it("says of CommonJS that requires something else of ours that there is none", async () => {
    const directory = await temporaryFolder();
    await writeFile(join(directory, "x.cjs"), 'require("tsbuildout/nothing");\n');
    const error = await new Registry({ builtin: {}, directory }).load("./x.cjs").catch((thrown) => thrown);
    expect(error).to.include({ code: "recipe/broken" });
    expect(String(error)).to.contain("Package subpath './nothing' is not defined");
  });

  describe("that are misspelt are not looked for on the Internet", () => {
    const builtin = {
      "docker.run": async () => ({ default: run }),
      "docker.volume": async () => ({ default: run }),
    };
    const asked: string[] = [];
    const packages = {
      require: async (name: string) => {
        asked.push(name);
        throw new RecipeLoadError("recipe/no-package", "asked npm");
      },
    } as unknown as PackagePrefix;
    const packaged = "if a package is meant, install it beside the buildout file yourself";
    const python = "recipes of zc.buildout are written in Python and do not run here";
    const list = "tsbuildout recipes lists those that there are";
    const cases: Readonly<Record<string, readonly string[]>> = {
      "docker.rnu": ['did you mean "docker.run"?'],
      "docker.volum": ['did you mean "docker.volume"?'],
      "docker.volum:entry": ['did you mean "docker.volume"?'],
      "docker.something-else": [list],
      "dockeroo:docker.rnu": ['did you mean "docker.run"?'],
      "tsbuildout:volume": ['did you mean "docker.volume"?'],
      "dockeroo:docker.machine": [list],
      "docker-run": ['did you mean "docker.run"?', packaged],
      dockerrun: ['did you mean "docker.run"?', packaged],
      volume: ['did you mean "docker.volume"?', packaged],
      "Docker.Run": ['did you mean "docker.run"?'],
      "not a package": [],
      "zc.recipe.egg:scripts": [python, packaged],
      "plone.recipe.zope2instance": [python, packaged],
      "mr.developer": [python, packaged],
    };
    for (const [spec, help] of Object.entries(cases))
      it(spec, async () => {
        const registry = new Registry({ builtin, directory: await temporaryFolder(), packages });
        const error = await registry.load(spec).catch((thrown: unknown) => thrown);
        expect(error).to.deep.include({
          code: "recipe/missing",
          message: `there is no recipe ${spec}`,
          help,
        });
        expect(asked).to.deep.equal([]);
      });

    it("while others are", async () => {
      const registry = new Registry({ builtin, directory: await temporaryFolder(), packages });
      for (const spec of ["recipe-of-somebody", "@docker/recipes:run", "network-recipes:docker"])
        expect(await registry.load(spec).catch((thrown: unknown) => thrown)).to.include({
          message: "asked npm",
        });
      expect(asked).to.deep.equal(["recipe-of-somebody", "@docker/recipes", "network-recipes"]);
    });
  });
});
