import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { referenceMarkdown } from "../../src/cli/reference/markdown.js";
import { referenceOf } from "../../src/cli/reference/reference.js";
import { loadRecipe, openBuildout, recipeNames } from "../../src/index.js";
import { testBuildout } from "../../src/testing.js";
import { projectFolder } from "../support/cli.js";
import { engineHas, engineRemove } from "../support/engine.js";
import { loadImage } from "../support/images.js";

/** What the example of a recipe needs beside itself. */
const FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docker.ecr-push": { Dockerfile: "FROM busybox\n" },
  "docker.push": { Dockerfile: "FROM busybox\n" },
  "docker.images": { "images/app/Dockerfile": "FROM busybox\n" },
  "docker.load": { "tools.tar.gz": "" },
};

/** Examples that a test can run to the end; the others need what it cannot have, and are planned. */
const RUN: ReadonlySet<string> = new Set([
  "docker.build",
  "docker.copy",
  "docker.network",
  "docker.run",
  "docker.save",
  "docker.stage",
  "docker.volume",
]);

describe("pages of the recipes", () => {
  for (const name of recipeNames)
    it(`${name}: the page is what the recipe says (npm run docs)`, async () => {
      const page = await readFile(join(projectFolder, `docs/recipes/${name}.md`), "utf8");
      expect(page).to.equal(referenceMarkdown(referenceOf(await loadRecipe(name, projectFolder)), true));
    });

  it("there is none without a recipe", async () => {
    const files = await readdir(join(projectFolder, "docs/recipes"));
    expect(files.sort()).to.deep.equal(recipeNames.map((name) => `${name}.md`));
  });
});

describe("examples of the recipes", () => {
  let brought = false;
  before(async () => {
    brought = !(await engineHas("/images/busybox:latest/json"));
    if (brought) await loadImage("busybox:latest");
  });
  after(async () => {
    if (brought) await engineRemove("images", "busybox:latest");
  });

  for (const name of recipeNames)
    it(`${name}: ${RUN.has(name) ? "runs, twice, and goes again" : "plans"}`, async () => {
      const { recipe } = await loadRecipe(name, projectFolder);
      expect(recipe.example, "an example").to.be.a("string");
      const config = recipe.example!;
      await using buildout = await testBuildout({ config, ...(FILES[name] ? { files: FILES[name] } : {}) });
      if (!RUN.has(name)) {
        const { steps } = await buildout.plan();
        expect(new Set(steps.map(({ action }) => action)).size, "all to install").to.be.at.most(1);
        return;
      }
      try {
        const first = await buildout.install();
        expect(first.parts.filter(({ end }) => end !== "done")).to.deep.equal([]);
        const second = await buildout.install();
        expect(second.parts.filter(({ end }) => end !== "unchanged")).to.deep.equal([]);
      } finally {
        expect((await buildout.uninstall()).ok).to.equal(true);
      }
    });
});

describe("buildout.cfg.example", () => {
  it("uses every recipe, and plans", async () => {
    const text = await readFile(join(projectFolder, "buildout.cfg.example"), "utf8");
    for (const name of recipeNames) expect(text, name).to.contain(`\nrecipe = ${name}\n`);
    const buildout = openBuildout({
      file: "buildout.cfg.example",
      cwd: projectFolder,
      assignments: ["installed=/nonexistent/tsbuildout-example"],
      env: process.env,
      home: "/nonexistent",
    });
    const { steps, warnings } = await buildout.plan();
    expect(warnings).to.deep.equal([]);
    expect(steps.map(({ part }) => part)).to.include.members([
      "web",
      "app",
      "published",
      "archive",
      "disk",
      "report",
    ]);
  });
});
