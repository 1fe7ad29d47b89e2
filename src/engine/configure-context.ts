import type { ConfigureContext, Context, Problem } from "./contract.js";
import type { Runtime } from "./context.js";
import { END_IT } from "./configure-needs.js";
import type { Diagnostic } from "./diagnostic.js";
import { requireText } from "./given.js";
import { hasHole } from "./hole.js";
import type { Decoded } from "./options.js";
import { addNeed, type Part, type Text } from "./part.js";
import { problemDiagnostics, warningOf } from "./problem.js";
import { RecipeError } from "./contract.js";
import type { Schema } from "./schema.js";

/** What the engine offers to a recipe that configures its part. */
export interface ConfigureHost {
  readonly runtime: Runtime;
  fail(diagnostics: readonly Diagnostic[]): void;
  hasSection(name: string): boolean;
  /** Reaches the section first; undefined where there is no such option. */
  option(section: string, option: string): Promise<Text | undefined>;
  /** The parts that a need for this section means. */
  partsBehind(section: string): readonly string[];
}

/** What a recipe asked for that takes the engine's own time: done after `configure` has returned. */
export interface Wishes {
  readonly needs: { readonly part: string; readonly why: string; readonly evenIfFailed: boolean }[];
  readonly parts: { readonly name: string; readonly options: Readonly<Record<string, string>> }[];
}

export interface ConfigureCall {
  readonly context: ConfigureContext<Schema>;
  readonly wishes: Wishes;
}

export function configureContext(host: ConfigureHost, part: Part, decoded: Decoded): ConfigureCall {
  const wishes: Wishes = { needs: [], parts: [] };
  const at = { part: part.name, span: (option: string, said?: string) => part.span(option, said) };
  const own: Omit<ConfigureContext<Schema>, keyof Omit<Context, "warn">> = {
    options: decoded.values,
    unknown: decoded.unknown,
    text: (option) => knownText(part.computed.get(option) ?? part.texts.get(option)),
    compute: (option, text, settings = {}) => {
      requireText(text, `the option ${option}`);
      const { inPlace = false, from } = settings;
      const { redactor } = host.runtime;
      const piece =
        from !== undefined && part.texts.get(from)?.secret === true && redactor.text(text) !== text;
      const secret = settings.secret === true || piece;
      if (secret) redactor.add(text);
      part.computed.set(option, { text, secret, inPlace });
    },
    declareOutput: (name, spec) => void part.outputs.set(name, spec),
    option: async (section, option) => {
      requireNames(section, option);
      const text = await host.option(section, option);
      for (const name of host.partsBehind(section))
        addNeed(part, { part: name, why: `reads [${section}] ${option}`, firm: false, evenIfFailed: false });
      return knownText(text);
    },
    reference: async (section, option) => {
      requireNames(section, option);
      const text = await host.option(section, option);
      for (const name of host.partsBehind(section))
        addNeed(part, { part: name, why: `uses ${section}:${option}`, firm: false, evenIfFailed: false });
      return text;
    },
    hasSection: (name) => host.hasSection(name),
    needs: (name, why, how = {}) => {
      requireText(name, PART_NAME);
      wishes.needs.push({ part: name, why, evenIfFailed: how.evenIfFailed ?? false });
    },
    provides: (key) => void part.provides.push(key),
    uses: (key, why, place) => void part.uses.push({ key, why, place }),
    at: (place) => void (part.place = place),
    addPart: (name, options) => {
      requireText(name, PART_NAME);
      if (wishes.parts.length >= MOST_PARTS) throw tooMany(part);
      for (const [option, text] of Object.entries(options))
        requireText(text, `the option ${option} of ${name}`);
      wishes.parts.push({ name, options });
    },
    // Gathered with the mistakes: `check` and `plan` show them too.
    warn: (problem) => host.fail([warningOf(problem, at)]),
    fail: (problem: Problem) => host.fail(problemDiagnostics(new RecipeError(problem), at)),
  };
  // With a spread of the one into the other V8 takes 10 us for each part.
  return { context: Object.assign(host.runtime.context(part.name), own), wishes };
}

const PART_NAME = "the name of a part";

function requireNames(section: string, option: string): void {
  requireText(section, "the name of a section");
  requireText(option, "the name of an option");
}

/** A loop without end is stopped before it has taken all memory. */
const MOST_PARTS = 100_000;

function tooMany({ loaded }: Part): RecipeError {
  const message = `${loaded.spec} adds more than ${MOST_PARTS} parts`;
  return new RecipeError({ code: "recipe/too-many-parts", message, option: "recipe", help: [END_IT] });
}

function knownText(text: Text | undefined): string | undefined {
  return text === undefined || hasHole(text.text) ? undefined : text.text;
}
