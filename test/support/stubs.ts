import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { ConfigureContext, InstallContext, Recipe } from "../../src/engine/contract.js";
import { RecipeError } from "../../src/engine/contract.js";
import type { Schema } from "../../src/engine/schema.js";

type Install = InstallContext<Schema>;

/** `P` of the cases: the path of a part's own file. */
function place({ buildout, part }: Pick<Install, "buildout" | "part">): string {
  return join(buildout.partsDirectory, part);
}

async function make(context: Install, path: string): Promise<void> {
  await context.created({ kind: "file", name: relative(context.buildout.directory, path) });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "x");
}

async function there(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function raise(): never {
  throw new RecipeError({ code: "stub/raised", message: "it fails, as it should" });
}

const ok: Recipe = {
  doc: "Writes a file.",
  options: {},
  install: (context) => make(context, place(context)),
  update: async () => {},
};

/** zc.buildout's recipes take any option; the stubs need none of them by name. */
const stubs: Readonly<Record<string, Recipe>> = {
  "stub:ok": ok,
  "stub:list": {
    ...ok,
    install: async (context) => {
      for (const ending of [".1", ".2"]) await make(context, place(context) + ending);
    },
  },
  "stub:dir": {
    ...ok,
    install: async (context) => {
      const path = place(context);
      await context.created({ kind: "file", name: relative(context.buildout.directory, path) });
      await mkdir(join(path, "sub"), { recursive: true });
      await writeFile(join(path, "data"), "x");
    },
  },
  "stub:fail": { ...ok, install: async () => raise() },
  "stub:failafter": {
    ...ok,
    install: async (context) => {
      await mkdir(context.buildout.partsDirectory, { recursive: true });
      await writeFile(place(context), "x");
      raise();
    },
  },
  "stub:failupdate": { ...ok, update: async () => raise() },
  "stub:failif": {
    ...ok,
    install: async (context) => {
      if (await there(join(context.buildout.directory, `fail-${context.part}`))) raise();
      await make(context, place(context));
    },
    update: async (context) => {
      if (await there(join(context.buildout.directory, `fail-${context.part}`))) raise();
    },
  },
  "stub:path": {
    ...ok,
    install: (context) => make(context, resolve(context.buildout.directory, context.text("path") ?? "")),
  },
  "stub:grow": { ...ok, update: (context) => make(context, `${place(context)}.more`) },
  "stub:location": {
    ...ok,
    computed: { location: "where the file is" },
    configure: (context) => context.compute("location", place(context)),
  },
  "stub:needs": {
    ...ok,
    computed: { got: "option k of another section" },
    configure: async (context: ConfigureContext<Schema>) => {
      const text = await context.option(context.text("needs") ?? "", "k");
      if (text !== undefined) context.compute("got", text);
    },
  },
  "stub:initfail": { ...ok, configure: () => raise() },
  "stub:addpart": {
    ...ok,
    configure: (context) => context.addPart(`${context.part}-extra`, { recipe: "stub:ok" }),
  },
};

/** The same recipes with another version of their code. */
export function stubsOfVersion(version: string): Record<string, Recipe> {
  return Object.fromEntries(Object.entries(stubs).map(([name, recipe]) => [name, { ...recipe, version }]));
}
