import type { OptionReference, Reference } from "./reference.js";

/** The recipe's page in docs/recipes. */
export function referenceMarkdown(reference: Reference): string {
  const { name, doc, lifecycle, example, options, common, computed, outputs } = reference;
  return [
    `# ${name}`,
    "",
    "<!-- Made from the recipe itself by `npm run docs`: change it there. -->",
    "",
    doc,
    ...(lifecycle === undefined ? [] : ["", "## Lifecycle", "", lifecycle]),
    ...(example === undefined ? [] : ["", "## Example", "", "```ini", example.trimEnd(), "```"]),
    "",
    "## Options",
    "",
    "How each kind of value is written: [Kinds of values](../language.md#kinds-of-values).",
    "",
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
