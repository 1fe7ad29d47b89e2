import { execFileSync } from "node:child_process";
import { cp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder, tsbuildout } from "../support/cli.js";
import { temporaryFolder } from "../support/tmp.js";

const TSC = join(projectFolder, "node_modules/typescript/bin/tsc");

/** A folder's own `npm install` of what it is developed with, without a registry: this project, and what it has. */
async function linkDevelopment(folder: string): Promise<void> {
  const modules = join(await temporaryFolder(), "node_modules");
  execFileSync("mkdir", ["-p", join(modules, "@types"), join(folder, "node_modules")]);
  await symlink(projectFolder, join(folder, "node_modules/tsbuildout"));
  await symlink(join(projectFolder, "node_modules/@types"), join(folder, "node_modules/@types"));
}

describe("a recipe package of somebody else's", () => {
  it("is built, packed, installed into a fresh folder, used, and uninstalled", async () => {
    const source = await temporaryFolder();
    await cp(join(projectFolder, "examples/custom-recipe"), source, { recursive: true });
    await linkDevelopment(source);
    execFileSync(process.execPath, [TSC, "-p", "."], { cwd: source });
    execFileSync("npm", ["pack", "--silent"], { cwd: source });
    const folder = await temporaryFolder({ hosts: "127.0.0.1 localhost\n" });
    await cp(join(source, "buildout.cfg"), join(folder, "buildout.cfg"));
    await writeFile(join(folder, "package.json"), "{}\n");
    const tarball = join(source, "tsbuildout-recipe-host-entry-1.0.0.tgz");
    execFileSync("npm", ["install", "--silent", "--offline", "--legacy-peer-deps", "--no-audit", tarball], {
      cwd: folder,
    });

    expect(await tsbuildout([], { cwd: folder })).to.include({ code: 0, stderr: "" });
    const ours = "127.0.0.1 shop.local api.shop.local # tsbuildout: entry\n";
    expect(await readFile(join(folder, "hosts"), "utf8")).to.equal(`127.0.0.1 localhost\n${ours}`);
    expect((await tsbuildout([], { cwd: folder })).stdout).to.match(/^nothing changed: 1 unchanged/);

    await writeFile(join(folder, "hosts"), "127.0.0.1 localhost\n");
    expect((await tsbuildout(["plan"], { cwd: folder })).stdout).to.contain(
      "its line is not in the hosts file",
    );
    await tsbuildout([], { cwd: folder });
    expect(await readFile(join(folder, "hosts"), "utf8")).to.contain(ours);

    const config = await readFile(join(folder, "buildout.cfg"), "utf8");
    await writeFile(
      join(folder, "buildout.cfg"),
      config.replace("127.0.0.1", "nowhere").replace("names", "nams"),
    );
    const wrong = await tsbuildout([], { cwd: folder });
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.contain(
      'error[host-entry/address]: "nowhere" is not an address (part entry)\n  buildout.cfg:7:11\n',
    );

    expect(await tsbuildout(["uninstall", "--all"], { cwd: folder })).to.include({ code: 0 });
    expect(await readFile(join(folder, "hosts"), "utf8")).to.equal("127.0.0.1 localhost\n");
  });

  it("is made by init --recipe, and passes its own tests", async () => {
    const folder = await temporaryFolder();
    const made = await tsbuildout(["init", "--recipe", "my-recipe", "."], { cwd: folder });
    expect(made).to.include({ code: 0, stderr: "" });
    await linkDevelopment(folder);
    execFileSync(process.execPath, [TSC], { cwd: folder });
    const test = execFileSync(process.execPath, ["--test", "dist/test/"], {
      cwd: folder,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: folder },
    });
    expect(test).to.match(/pass 1\b/);
    const again = await tsbuildout(["init", "--recipe", "my-recipe", "."], { cwd: folder });
    expect(again.code).to.equal(2);
    expect(again.stderr).to.contain("is there already");
  });

  it("is written as docs/writing-recipes.md writes it, and compiles with every check, with types of nothing but Node", async () => {
    const page = await readFile(join(projectFolder, "docs/writing-recipes.md"), "utf8");
    const [mine = "", exec = "", test = ""] = Array.from(
      page.matchAll(/```ts\n([^]*?)```/g),
      ([, code]) => code,
    );
    const folder = await temporaryFolder({
      "mine.ts": mine,
      "exec.ts": exec,
      "test.ts": `${test}console.log(summary.ok, (await buildout.records()).get("a")?.outputs["length"]);\n`,
      "package.json": '{ "type": "module" }',
      "tsconfig.json": JSON.stringify({
        compilerOptions: { target: "es2023", module: "nodenext", strict: true, types: ["node"] },
      }),
    });
    // A copy: of a link the compiler would find the types that are beside the original.
    const modules = join(folder, "node_modules");
    const ours = join(modules, "tsbuildout");
    await cp(join(projectFolder, "dist/src"), join(ours, "dist/src"), { recursive: true });
    await cp(join(projectFolder, "package.json"), join(ours, "package.json"));
    await cp(join(projectFolder, "node_modules/@types/node"), join(modules, "@types/node"), {
      recursive: true,
    });
    for (const name of await readdir(join(projectFolder, "node_modules")))
      if (name !== "@types") await symlink(join(projectFolder, "node_modules", name), join(modules, name));
    execFileSync(process.execPath, [TSC], { cwd: folder });
    const said = execFileSync(process.execPath, ["test.js"], { cwd: folder, encoding: "utf8" });
    expect(said).to.equal("true 5\n");
  });

  const mistakes: Readonly<Record<string, readonly [code: string, said: string]>> = {
    "an option that is misspelt where it is read": [
      'export default defineRecipe({\n  doc: "",\n  options: { name: option.string({ doc: "" }) },\n  async install({ options }) {\n    options.nmae;\n  },\n});\n',
      "Property 'nmae' does not exist",
    ],
    "a function that is misspelt": [
      'export default defineRecipe({ doc: "", options: {}, async install() {}, async unistall() {} });\n',
      "Did you mean to write 'uninstall'?",
    ],
    // What is meant to be a secret would be one no more.
    "a setting of an option that is misspelt": [
      'export const options = { key: option.string({ doc: "", secrt: true }) };\n',
      "wrong.ts(2,56): error",
    ],
    "a setting of a choice that is misspelt": [
      'export const options = { key: option.choice(["a"], { doc: "", inplace: true }) };\n',
      "wrong.ts(2,63): error",
    ],
  };
  for (const [what, [code, said]] of Object.entries(mistakes))
    it(`has ${what} found by the compiler`, async () => {
      const folder = await temporaryFolder({
        "wrong.ts": `import { defineRecipe, option } from "tsbuildout/recipe";\n${code}`,
      });
      await linkDevelopment(folder);
      const flags = ["--noEmit", "--module", "nodenext", "--target", "es2023", "--skipLibCheck", "--strict"];
      const check = (): unknown =>
        execFileSync(process.execPath, [TSC, ...flags, "wrong.ts"], { cwd: folder, encoding: "utf8" });
      expect(check).to.throw().with.property("stdout").that.contains(said);
    });
});
