import type { OptionReference, Reference } from "./reference.js";

/** The recipe's page: of a built-in one in docs/recipes, of any other wherever its author puts it. */
export function referenceMarkdown(reference: Reference, isOurs: boolean): string {
  const { name, doc, lifecycle, example, options, common, computed, outputs } = reference;
  return [
    `# ${name}`,
    "",
    `<!-- Made from the recipe itself by \`${isOurs ? "npm run docs" : `tsbuildout recipes --markdown ${name}`}\`: change it there. -->`,
    "",
    doc,
    ...(lifecycle === undefined ? [] : ["", "## Lifecycle", "", lifecycle]),
    ...(example === undefined ? [] : ["", "## Example", "", "```ini", example.trimEnd(), "```"]),
    "",
    "## Options",
    "",
    ...(isOurs
      ? ["How each kind of value is written: [Kinds of values](../language.md#kinds-of-values).", ""]
      : []),
    ...optionTable(options),
    "",
    "### Options of every part",
    "",
    ...optionTable(common),
    ...namedTable("Options that it computes", computed),
    ...namedTable("Outputs", outputs),
    "",
  ].join("\n");
}

function optionTable(rows: readonly OptionReference[]): string[] {
  return ["| option | value | default | |", "| --- | --- | --- | --- |", ...rows.map(optionRow)];
}

function optionRow({ name, aliases, kind, default: otherwise, doc, marks }: OptionReference): string {
  const names = [name, ...aliases].map(code).join(", ");
  const value = otherwise === undefined ? "" : otherwise === "" ? "(empty)" : code(otherwise);
  const marked = marks.length > 0 ? ` *${marks.join(", ")}*` : "";
  return `| ${names} | ${cell(kind)} | ${value} | ${cell(doc)}${marked} |`;
}

function namedTable(
  title: string,
  rows: readonly { readonly name: string; readonly doc: string }[],
): string[] {
  if (rows.length === 0) return [];
  const lines = rows.map(({ name, doc }) => `| ${code(name)} | ${cell(doc)} |`);
  return ["", `## ${title}`, "", "| name | |", "| --- | --- |", ...lines];
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
