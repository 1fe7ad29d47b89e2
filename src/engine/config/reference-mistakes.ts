import type { Diagnostic } from "../diagnostic.js";
import { didYouMean } from "../suggest.js";
import { configError } from "./mistakes.js";
import type { Section } from "./model.js";
import type { Reference } from "./template.js";

/** What can be wrong with a well-formed reference. */

/** `names` are the sections that there are, for a suggestion. */
export function unknownSection(
  from: Section,
  { section, span }: Reference,
  names: Iterable<string>,
): Diagnostic {
  const help = didYouMean(section, names);
  const message = `[${from.name}] refers to [${section}], which does not exist`;
  return configError("missing-section", message, { span, help });
}

/** `defaults` are the names of options that nobody wrote. */
export function unknownOption(
  { name, header, options }: Section,
  { option, span }: Reference,
  defaults: Iterable<string>,
): Diagnostic {
  const notes = header ? [{ message: `[${name}] starts here`, span: header }] : [];
  const help = didYouMean(option, [...options.keys(), ...defaults]);
  const message = `[${name}] has no option ${JSON.stringify(option)}`;
  return configError("missing-option", message, { span, notes, help });
}

export function fallbackElsewhere({ span }: Reference): Diagnostic {
  const message = "there is a section [env], so $<env:…> reads it and takes no fallback";
  return configError("bad-interpolation", message, { span });
}

export function unsetVariable({ option, span }: Reference): Diagnostic {
  const help = [`set ${option} in the environment, or give a fallback: $<env:${option}|value>`];
  return configError("missing-environment", `the environment variable ${option} is not set`, { span, help });
}

/** A value on the way from an option back to itself. */
export interface Step {
  readonly section: string;
  readonly option: string;
  /** The reference that it waits for. */
  readonly uses: Reference | undefined;
}

/** More steps than this are cut out of the middle of a loop. */
const MOST_STEPS = 12;

/** The loop, reference by reference, from the option that is met again; `closing` is the last of them. */
export function circular(closing: Reference, steps: readonly Step[]): Diagnostic {
  const { section, option, span } = closing;
  const from = steps.findIndex((step) => step.section === section && step.option === option);
  const notes = steps.slice(Math.max(0, from)).map((step) => {
    const name = `${step.section}:${step.option}`;
    return step.uses
      ? { message: `${name} uses ${step.uses.section}:${step.uses.option}`, span: step.uses.span }
      : { message: name };
  });
  const half = MOST_STEPS >> 1;
  const more = { message: `… and ${notes.length - MOST_STEPS} more …` };
  const shown = notes.length > MOST_STEPS ? [...notes.slice(0, half), more, ...notes.slice(-half)] : notes;
  return configError("circular-reference", `${section}:${option} depends on itself`, { span, notes: shown });
}

export function tooLong(section: Section, option: string, { span }: Reference): Diagnostic {
  const message = `${section.name}:${option} grows beyond what a value can hold`;
  return configError("too-large", message, { span, help: ["do its references double it at each step?"] });
}

/** Stands for all further mistakes. */
export function enough(): Diagnostic {
  return configError("too-many-mistakes", "there are more mistakes, which are not shown");
}

/** Whether two diagnostics say the same of the same place. */
export function sameMistake(a: Diagnostic, b: Diagnostic): boolean {
  return (
    a.code === b.code &&
    a.message === b.message &&
    a.span?.start === b.span?.start &&
    a.span?.source === b.span?.source
  );
}
