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

/**
 * Codes that no test names. What gives rise to them is out of a test's reach (an engine that misbehaves, an old one,
 * AWS's own refusals), or only their words are tested. Shorter is better.
 */
const UNNAMED = new Set([
  "build/no-session",
  "build/ssh",
  "cache/no-base",
  "cache/no-image",
  "container/cannot-look",
  "container/command-failed",
  "copy/unsupported",
  "ecr/credentials",
  "ecr/encryption",
  "ecr/failed",
  "ecr/push-denied",
  "engine/ssh-failed",
  "engine/warning",
  "gentoo/ambiguous",
  "gentoo/config-kept",
  "gentoo/cut-short",
  "gentoo/digests",
  "gentoo/host-files",
  "gentoo/latest",
  "gentoo/loops-left",
  "gentoo/no-digests",
  "gentoo/not-installed",
  "gentoo/wrong-build",
  "image/no-name",
  "images/unreadable",
  "network/gone",
  "network/overlap",
  "option/no-effect",
  "part/skipped",
  "recipe/npm",
]);

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

  it("every code is named by a test, except for those that are listed", () => {
    const tests = sources("test")
      .map(({ text }) => text.replaceAll("\\/", "/"))
      .join("\n");
    const unnamed = [...documented].filter((code) => !new RegExp(`${code}(?![a-z-])`).test(tests));
    expect(unnamed.filter((code) => !UNNAMED.has(code))).to.deep.equal([]);
  });

  it("of the language, every code has an exact text", () => {
    const exact = sources("test/unit")
      .map(({ text }) => text)
      .join("\n");
    const language = [...documented].filter((code) => /^(config|usage|option)\/(?!no-effect)/.test(code));
    const without = language.filter((code) => !new RegExp(`(?:error|warning)\\[${code}\\]: `).test(exact));
    expect(without).to.deep.equal([]);
  });
});
