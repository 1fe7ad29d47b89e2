/** What `init --from` takes. */
export const KINDS = ["compose", "dockercise", "ecr-docker-ci"] as const;

/** What a converter makes: the text of a buildout file, and what it could not carry over, one sentence each. */
export interface Converted {
  readonly text: string;
  readonly notes: readonly string[];
}

/** A section under construction; options keep the order in which they were set. */
export class SectionText {
  readonly name: string;
  readonly comment: string | undefined;
  readonly #options: [string, string][] = [];

  constructor(name: string, comment?: string) {
    this.name = name;
    this.comment = comment;
  }

  /** Sets an option; undefined and empty lists are left out, lists become a block of lines. */
  set(option: string, value: string | number | boolean | readonly string[] | undefined): this {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return this;
    this.#options.push([option, Array.isArray(value) ? value.join("\n") : String(value)]);
    return this;
  }

  toString(): string {
    const head = this.comment === undefined ? [] : this.comment.split("\n").map((line) => `# ${line}`);
    return [
      ...head,
      `[${this.name}]`,
      ...this.#options.map(([name, value]) => printOption(name, value)),
    ].join("\n");
  }
}

/** `=>` is spelled without a further `=`. A value of several lines becomes a block, so that every line is data as it stands. */
function printOption(name: string, value: string): string {
  const assign = name === "=>" ? name : `${name} =`;
  if (!value.includes("\n")) return `${assign} ${value}`.trimEnd();
  const lines = value.split("\n").map((line) => (line === "" ? "" : `    ${line}`));
  return [assign, ...lines].join("\n");
}

/** `$$` and `$<` mean something in a buildout file. */
export function escapeScript(script: string): string {
  return script.replaceAll(/\$(?=[$<])/g, () => "$$");
}

/** A part's name may not hold what a section header reserves. */
export function partName(name: string): string {
  return name.replaceAll(/[\s#[\]:;{}]/g, "-");
}

export function printFile(head: string, sections: readonly SectionText[]): string {
  return `${head.trimEnd()}\n\n${sections.map((section) => `${section.toString()}\n`).join("\n")}`;
}
