import { scan, type ScannedFile } from "../../src/engine/config/scan.js";

/** Scans a text; conditions hold where they say `yes`. */
export function scanText(text: string, name = "test.cfg"): ScannedFile {
  return scan({ name, text }, (condition) => condition.includes("yes"));
}

export type Plain = Record<string, Record<string, { set?: string; add?: string; remove?: string }>>;

/** What a scan found, without positions. */
export function plain({ sections }: ScannedFile): Plain {
  const result: Plain = {};
  for (const { name, sets, amendments } of sections.values()) {
    const options: Plain[string] = {};
    for (const [option, { text }] of sets) options[option] = { set: text };
    for (const [option, { add, remove }] of amendments ?? [])
      options[option] = {
        ...options[option],
        ...(add && { add: add.text }),
        ...(remove && { remove: remove.text }),
      };
    result[name] = options;
  }
  return result;
}

/** Not by a regular expression: its line starts are those after U+2028 as well. */
function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

function option(name: string, sign: string, text: string | undefined): string {
  return text === undefined ? "" : `${name} ${sign}=\n${indented(text)}\n`;
}

/** A file that says the same. */
export function print(found: Plain): string {
  return Object.entries(found)
    .map(([section, options]) => {
      const lines = Object.entries(options).map(
        ([name, { set, add, remove }]) =>
          option(name, "", set) + option(name, "+", add) + option(name, "-", remove),
      );
      return `[${section}]\n${lines.join("")}`;
    })
    .join("");
}
