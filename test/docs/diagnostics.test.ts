import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder } from "../support/cli.js";

const read = (file: string): string => readFileSync(join(projectFolder, file), "utf8");

function sources(folder: string): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(projectFolder, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && name !== "docs/diagnostics.test.ts")
    .map((name) => ({ file: name, text: read(join(folder, name)) }));
}

/** The codes of the page: the first cell of each row of its tables. */
const documented = new Set(
  [...read("docs/diagnostics.md").matchAll(/^\| (`[^|]*?) *(?:\([a-z]+\) *)?\|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([a-z]+\/[a-z-]+)`/g)].map(([, code]) => code!),
  ),
);
const families = new Set([...documented].map((code) => code.split("/")[0]!));

/** Texts of the sources that look like codes and are none. */
const OTHER = new Set(["download/cut-short"]);

/** A code together with the words that follow it: as a user sees it, as `code: words`, or as two texts side by side. */
function exactly(code: string): RegExp {
  return new RegExp(`${code}(?:\\]?: |["'\`],\\s*(?:message:\\s*)?["'\`(])`);
}

describe("docs/diagnostics.md", () => {
  const written = sources("src").flatMap(({ text }) => [
    ...[...text.matchAll(/["'`]([a-z]+\/[a-z]+(?:-[a-z]+)*)["'`]/g)].map(([, code]) => code!),
    ...[...text.matchAll(/(?:configError|new Unreadable)\(\s*"([a-z-]+)"/g)].map(
      ([, kind]) => `config/${kind}`,
    ),
  ]);
  const codes = new Set(written.filter((code) => families.has(code.split("/")[0]!) && !OTHER.has(code)));

  it("explains every code that the sources can give", () => {
    expect([...codes].filter((code) => !documented.has(code))).to.deep.equal([]);
  });

  it("explains no other", () => {
    expect([...documented].filter((code) => !codes.has(code))).to.deep.equal([]);
  });

  it("every code has a test that tells its exact text", () => {
    // Without the backslashes of regular expressions.
    const tests = sources("test")
      .map(({ text }) => text.replaceAll("\\", ""))
      .join("\n");
    const inexact = [...documented].filter((code) => !exactly(code).test(tests));
    expect(inexact).to.deep.equal([]);
  });

  it("of the language, every code is told as a user sees it", () => {
    const exact = sources("test/unit")
      .map(({ text }) => text)
      .join("\n");
    const language = [...documented].filter((code) => /^(config|usage|option)\//.test(code));
    const without = language.filter((code) => !new RegExp(`(?:error|warning)\\[${code}\\]: `).test(exact));
    expect(without).to.deep.equal([]);
  });
});
