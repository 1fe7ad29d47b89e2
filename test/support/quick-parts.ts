/** What tests of the engine room's runs have in common. */
import {
  type InstallContext,
  type Problem,
  type Recipe,
  RecipeError,
  type RecipeErrorOptions,
} from "../../src/engine/contract.js";
import { DiagnosticError } from "../../src/engine/diagnostic.js";
import type { Summary } from "../../src/engine/events.js";
import { renderDiagnostic } from "../../src/engine/render.js";
import { option, type Schema } from "../../src/engine/schema.js";

/** A file with these parts and sections. */
export const config = (parts: string, ...sections: string[]): string =>
  [`[buildout]\nparts = ${parts}`, ...sections, ""].join("\n");

const tell = async (context: InstallContext<Schema>) => ({
  id: `id-${context.text("a") ?? context.part}`,
  token: `token-of-${context.part}`,
});

/** A recipe that is done at once. */
export const quick: Recipe = {
  doc: "Done at once.",
  version: "1",
  options: {
    a: option.string({ doc: "An option." }),
    b: option.string({ doc: "An option that is applied in place.", inPlace: true }),
    password: option.string({ doc: "A secret.", secret: true }),
  },
  outputs: { id: { doc: "An output." }, token: { doc: "A secret.", secret: true } },
  install: tell,
  update: tell,
  look: async () => new Map(),
};

/** A recipe whose parts hold data. */
export const safe: Recipe = {
  ...quick,
  protects: "the data",
  install: async (context) => {
    await context.created({ kind: "thing", name: context.part });
    return await tell(context);
  },
};

/** RecipeError as a recipe package has it that brings its own copy of our modules. */
export class OwnCopy extends Error {
  readonly problem: Problem;
  readonly untouched: boolean;
  constructor(problem: Problem, { untouched = false, ...options }: RecipeErrorOptions) {
    super(problem.message, options);
    this.problem = problem;
    this.untouched = untouched;
  }
}

/** Ends only with its signal. */
export async function hang({ signal }: { signal: AbortSignal }): Promise<never> {
  signal.throwIfAborted();
  return await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

export async function refuse(): Promise<never> {
  throw new RecipeError({ code: "quick/refused", message: "nobody is let in" });
}

/** A line a part: what was done to it, how it ended, and why. */
export const results = ({ parts }: Summary): string[] =>
  parts.map(({ part, action, end, why }) => `${part} ${action} ${end}: ${why}`);

/** What a call is refused with, as a user sees it. */
export async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics.map((d) => renderDiagnostic(d)).join("\n");
    throw error;
  }
  throw new Error("it was not refused");
}
