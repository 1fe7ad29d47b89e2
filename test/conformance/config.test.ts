import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { runCli } from "../support/in-process.js";
import { temporaryFolder, writeFiles } from "../support/tmp.js";
import {
  type Case,
  cases,
  deviations,
  type Expectation,
  families,
  folder,
  inAngles,
  kinds,
  sharedFolder,
} from "./cases.js";

interface Annotated {
  readonly sections: Readonly<Record<string, Readonly<Record<string, { readonly value: string | null }>>>>;
}

/** Runs `annotate --json` as a user would, in the process of the tests. */
async function answer(example: Case): Promise<Expectation> {
  const root = await temporaryFolder();
  const place = (text: string) =>
    text.replaceAll("@DIR@", join(root, "dir")).replaceAll("@HOME@", join(root, "home"));
  const placed = (texts: readonly string[]) => texts.map(place);
  await writeFiles(root, { "dir/.keep": "", "home/.keep": "" });
  for (const [name, text] of Object.entries(example.files))
    await writeFiles(join(root, "dir"), { [name]: place(text) });
  const defaults = example.userDefaults;
  // The suite's `.buildout` is this project's `.tsbuildout`; its answers name the folder, so the folder is moved there.
  if (defaults !== undefined)
    await writeFiles(join(root, "home"), { ".buildout/default.cfg": place(defaults) });
  const switches = defaults === undefined ? ["-U"] : [];
  const argv = [...switches, "--json", "-c", example.config ?? "buildout.cfg", ...placed(example.args ?? [])];
  const isCommand = example.args?.some((arg) => !arg.includes("=")) ?? false;
  const command = isCommand ? [] : ["annotate", ...(example.resolve ?? [])];
  const { code, stdout } = await runCli([...argv, ...command], {
    cwd: join(root, "dir"),
    home: join(root, "home"),
    env: { TSBUILDOUT_HOME: join(root, "home/.buildout") },
  });
  const lastLine = stdout.trimEnd().split("\n").at(-1) ?? "";
  return code === 0 ? values(JSON.parse(lastLine) as Annotated, root) : failure(lastLine, code);
}

function values({ sections }: Annotated, root: string): Expectation {
  const unplace = (text: string) =>
    text.replaceAll(join(root, "dir"), "@DIR@").replaceAll(join(root, "home"), "@HOME@");
  const texts = Object.entries(sections).map(([name, options]) => [
    name,
    Object.fromEntries(Object.entries(options).map(([option, { value }]) => [option, unplace(value ?? "")])),
  ]);
  return { sections: Object.fromEntries(texts) as Record<string, Record<string, string>> };
}

function failure(line: string, code: number): Expectation {
  expect(code, line).to.equal(2);
  const { error } = JSON.parse(line) as { error: { code: string } };
  const kind = error.code.replace(/^config\//, "");
  return { error: kinds.has(kind) ? kind : "other-user-error" };
}

describe("conformance with zc.buildout", () => {
  for (const family of families)
    describe(family, () => {
      for (const example of cases(family)) {
        const name = `${family}/${example.name}`;
        const expected = deviations[name] ?? example.expect;
        it(`${example.name}: ${example.about}`, async () => {
          expect(await answer(example)).to.deep.equal(expected);
        });
        // A header may hold `<`, so this one becomes a header with a condition.
        const turns = JSON.stringify(example.files).includes("${") && name !== "substitution/in-section-name";
        if (turns)
          it(`${example.name}, spelled with angles`, async () => {
            const turned = inAngles({ ...example, expect: expected });
            expect(await answer(turned)).to.deep.equal(turned.expect);
          });
      }
    });

  it("knows every family of the suite", () => {
    const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
    expect(files.sort()).to.deep.equal([...families.map((name) => `${name}.json`), "lifecycle.json"].sort());
  });

  it("deviates in no case that does not exist", () => {
    const names = families.flatMap((family) => cases(family).map(({ name }) => `${family}/${name}`));
    expect(names).to.include.members(Object.keys(deviations));
  });

  it("is a true copy, where the original is at hand", () => {
    if (!existsSync(sharedFolder)) return;
    for (const name of readdirSync(sharedFolder))
      expect(readFileSync(join(folder, name), "utf8"), name).to.equal(
        readFileSync(join(sharedFolder, name), "utf8"),
      );
    expect(readdirSync(sharedFolder)).to.have.members(
      readdirSync(folder).filter((name) => /\.(json|md)$/.test(name)),
    );
  });
});
