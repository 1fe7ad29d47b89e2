import { readFile, writeFile } from "node:fs/promises";
import { defineRecipe, option, type PartRecord, RecipeError } from "tsbuildout/recipe";

const options = {
  file: option.path({ doc: "The hosts file.", default: "/etc/hosts" }),
  address: option.string({
    doc: "Address, often another part's: `$<web:ip-address>`.",
    required: true,
    inPlace: true,
  }),
  names: option.words({
    doc: "Names of that address. Default: the part's.",
    default: "$<:_buildout_section_name_>",
    inPlace: true,
  }),
};

/** Keeps one line in a hosts file, told from everybody else's by a comment. */
export default defineRecipe({
  doc: "Keeps the names of an address in a hosts file, and everything else in it as it is.",
  options,
  outputs: { line: { doc: "The line, without its comment." } },
  configure(context) {
    const { address } = context.options;
    if (address !== undefined && !/^[0-9a-fA-F.:]+$/.test(address))
      context.fail({
        code: "host-entry/address",
        message: `"${address}" is not an address`,
        help: ["write an IPv4 or IPv6 address, or refer to one: $<web:ip-address>"],
        option: "address",
      });
  },
  async look({ records }) {
    const drift = new Map();
    for (const record of records) {
      const lines = await linesOf(record.options["file"] ?? "/etc/hosts");
      if (!lines.includes(marked(record, record.outputs["line"] ?? "")))
        drift.set(record.part, [{ kind: "missing", message: "its line is not in the hosts file" }]);
    }
    return drift;
  },
  async install(context) {
    const { file, address, names } = context.options;
    await context.created({ kind: "host-entry", name: file });
    const line = `${address} ${names.join(" ")}`;
    const others = (await linesOf(file)).filter((each) => !isOurs(context, each));
    await write(file, [...others, marked(context, line)]);
    context.log(`${file}: ${line}`);
    return { line };
  },
  async update(context) {
    const { file, address, names } = context.options;
    const line = `${address} ${names.join(" ")}`;
    const others = (await linesOf(file)).filter((each) => !isOurs(context, each));
    await write(file, [...others, marked(context, line)]);
    return { line };
  },
  async uninstall(context) {
    for (const { kind, name } of context.record.resources)
      if (kind === "host-entry")
        await write(
          name,
          (await linesOf(name)).filter((each) => !isOurs(context, each)),
        );
  },
});

type Named = Pick<PartRecord, "part">;

function marked(part: Named, line: string): string {
  return `${line} # tsbuildout: ${part.part}`;
}

function isOurs(part: Named, line: string): boolean {
  return line.endsWith(`# tsbuildout: ${part.part}`);
}

async function linesOf(file: string): Promise<string[]> {
  try {
    return (await readFile(file, "utf8"))
      .split("\n")
      .filter((line, index, all) => line !== "" || index < all.length - 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function write(file: string, lines: readonly string[]): Promise<void> {
  try {
    await writeFile(file, lines.map((line) => `${line}\n`).join(""));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new RecipeError(
      {
        code: "host-entry/write",
        message: `${file} cannot be written: ${code}`,
        help: ["run as root, or name another file"],
        option: "file",
      },
      { cause: error },
    );
  }
}
