import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../support/cli.js";

/** A configuration case; README.md of this folder says what each field means. */
export interface Case {
  readonly name: string;
  readonly about: string;
  readonly files: Readonly<Record<string, string>>;
  readonly config?: string;
  readonly args?: readonly string[];
  readonly userDefaults?: string;
  readonly resolve?: readonly string[];
  readonly quirk?: true;
  readonly expect: Expectation;
}

export type Expectation =
  | { readonly sections: Readonly<Record<string, Readonly<Record<string, string>>>> }
  | { readonly error: string };

export const folder = join(projectFolder, "test/conformance");
export const sharedFolder = join(projectFolder, "../shared/conformance");

/** All files of the suite but `lifecycle.json`, which has its own runner. */
export const families = [
  "commandline",
  "conditions",
  "continuation",
  "dependencies",
  "directories",
  "extends",
  "macros",
  "merge",
  "substitution",
  "syntax",
  "userdefaults",
] as const;

export function cases(family: string): readonly Case[] {
  return JSON.parse(readFileSync(join(folder, `${family}.json`), "utf8")) as Case[];
}

/** The kinds of error that the suite names; any other complaint is `other-user-error`. */
export const kinds: ReadonlySet<string> = new Set([
  "parse-error",
  "missing-section-header",
  "missing-section",
  "missing-option",
  "bad-interpolation",
  "circular-reference",
  "circular-macro",
  "circular-extends",
  "missing-file",
  "bad-condition",
]);

/** Where this project answers otherwise on purpose; docs/language.md gives the reasons under the same names. */
export const deviations: Readonly<Record<string, Expectation>> = {
  "commandline/repeated-same": {
    sections: {
      buildout: {
        directory: "@DIR@",
        installed: "@DIR@/.installed.cfg",
        parts: "web",
        "parts-directory": "@DIR@/parts",
      },
      web: { host: "h", port: "10" },
    },
  },
};

function turn(text: string): string {
  return text.replace(/\$\{([^}]*)\}/g, "$<$1>").replaceAll("${", "$<");
}

/** The same case in this project's own spelling of references. */
export function inAngles(example: Case): Case {
  const texts = (record: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(record).map(([key, text]) => [key, turn(text)]));
  const { expect } = example;
  const sections = "sections" in expect ? Object.entries(expect.sections) : [];
  return {
    ...example,
    files: texts(example.files),
    ...(example.args && { args: example.args.map(turn) }),
    expect:
      "error" in expect
        ? expect
        : { sections: Object.fromEntries(sections.map(([name, options]) => [name, texts(options)])) },
  };
}
