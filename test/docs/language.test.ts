import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { projectFolder } from "../support/cli.js";
import { scanText } from "../support/scanned.js";

const docs = join(projectFolder, "docs");

function pages(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
}

/** The blocks of a page in a language, in order. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map(
    ([, block]) => block ?? "",
  );
}

/** Codes that the sources of a folder report, as far as they are written out. */
function reported(folder: string): Set<string> {
  const codes = new Set<string>();
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), "utf8");
    for (const [, kind] of text.matchAll(/configError\(\s*"([a-z-]+)"/g)) codes.add(`config/${kind}`);
    for (const [, kind] of text.matchAll(/new Unreadable\(\s*"([a-z-]+)"/g)) codes.add(`config/${kind}`);
    for (const [, code] of text.matchAll(/code: "(config\/[a-z-]+)"/g)) codes.add(code ?? "");
  }
  return codes;
}

describe("the documents", () => {
  for (const page of pages(docs))
    it(`hold only configurations that can be read (${page})`, () => {
      for (const block of blocks(readFileSync(join(docs, page), "utf8"), "ini"))
        expect(scanText(block).mistakes, block).to.deep.equal([]);
    });

  it("explain every code of the language", () => {
    const explained = readFileSync(join(docs, "diagnostics.md"), "utf8");
    const codes = reported(join(projectFolder, "src/engine/config"));
    expect(codes.size).to.be.greaterThan(20);
    for (const code of codes) expect(explained).to.contain(`\`${code}\``);
  });
});
