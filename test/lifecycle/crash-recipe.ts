import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { InstallContext, PartRecord, Recipe } from "../../src/engine/contract.js";
import { option, type Schema } from "../../src/engine/schema.js";

/** An engine that outlives the process: a folder with a file for each thing. */
export function fileRecipes(world: string): Record<string, Recipe> {
  const make = async (context: InstallContext<Schema>) => {
    await mkdir(world, { recursive: true });
    await writeFile(join(world, context.part), `${context.text("v") ?? ""} ${context.text("w") ?? ""}`);
    return { id: `id-${context.text("v") ?? ""}` };
  };
  const recipe: Recipe = {
    doc: "Writes a file.",
    version: "1",
    options: {
      v: option.string({ doc: "A change makes it anew." }),
      w: option.string({ doc: "A change is an update.", inPlace: true }),
    },
    outputs: { id: { doc: "By v." } },
    install: async (context) => {
      await context.created({ kind: "thing", name: context.part });
      const path = join(context.buildout.directory, `file-${context.part}`);
      await context.created({ kind: "file", name: path });
      await writeFile(path, "x");
      await writeFile(join(await context.temporaryFolder(), "x"), "x");
      return await make(context);
    },
    update: make,
    look: async ({ records }: { records: readonly PartRecord[] }) => {
      const there = new Set(await readdir(world).catch(() => [] as string[]));
      const gone = records.filter(({ part }) => !there.has(part));
      return new Map(
        gone.map(({ part }) => [part, [{ kind: "missing" as const, message: `${part} is gone` }]]),
      );
    },
    uninstall: async ({ record }) => {
      for (const { kind, name } of record.resources)
        if (kind === "thing") await rm(join(world, name), { force: true });
    },
  };
  return { thing: recipe };
}

/** What is in the world, by part. */
export async function thingsIn(world: string): Promise<Record<string, string>> {
  const names = await readdir(world).catch(() => [] as string[]);
  const texts = await Promise.all(
    names.map(async (name) => [name, await readFile(join(world, name), "utf8")]),
  );
  return Object.fromEntries(texts.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1))) as Record<string, string>;
}
