import type { Diagnostic } from "../diagnostic.js";
import { didYouMean } from "../suggest.js";
import type { Span } from "../text.js";
import { spanWithin } from "./locate.js";
import { MACRO, type Merged, type Merging, update } from "./merge.js";
import { configError } from "./mistakes.js";
import { Composed, type HistoryEntry, type Section, type Value } from "./model.js";
import { strip } from "./space.js";

/** The names after `<=`, one a line, each with where it stands in the text. */
interface Copy {
  readonly name: string;
  readonly start: number;
}

function copies(value: Value): Copy[] {
  let start = 0;
  const found: Copy[] = [];
  for (const line of value.text.split("\n")) {
    const name = strip(line);
    if (name !== "") found.push({ name, start: start + line.indexOf(name) });
    start += line.length + 1;
  }
  return found;
}

/**
 * Copies macros (`<=`), after all merging. Sections that cannot be completed carry their
 * mistakes with them: they harm only those who need the section.
 * @param warn what is told of copies that come to nothing
 */
export function expandMacros(
  merged: Merged,
  warn: (warning: Diagnostic) => void,
): ReadonlyMap<string, Section> {
  if (!copiesAny(merged)) return merged;
  const expander = new Expander(merged, warn);
  for (const name of merged.keys()) expander.expand(name);
  // The order of the files, not the order in which sections happened to be completed.
  const sections = new Map<string, Section>();
  for (const name of merged.keys()) {
    const section = expander.sections.get(name);
    if (section) sections.set(name, section);
  }
  return sections;
}

function copiesAny(merged: Merged): boolean {
  for (const { options } of merged.values()) if (options.has(MACRO)) return true;
  return false;
}

/** A suggestion compares a name with all others: with many sections only the first mistakes get one. */
const MOST_COMPARISONS = 100_000;

class Expander {
  readonly merged: Merged;
  readonly sections = new Map<string, Section>();
  private readonly warn: (warning: Diagnostic) => void;
  private comparisons = 0;
  /** The sections that wait for what they copy, the first asked for first. */
  private readonly open = new Set<string>();

  constructor(merged: Merged, warn: (warning: Diagnostic) => void) {
    this.merged = merged;
    this.warn = warn;
  }

  /** Depth first with a stack of our own: chains are as long as the user makes them. */
  expand(name: string): void {
    if (this.sections.has(name)) return;
    const alone = this.merged.get(name);
    // Most sections copy nothing.
    if (alone && !alone.options.has(MACRO)) return void this.sections.set(name, alone);
    const stack = [name];
    this.open.add(name);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const section = this.merged.get(top);
      const needed = section && this.nextNeeded(section);
      if (needed === undefined) {
        stack.pop();
        this.open.delete(top);
        if (section) this.close(section);
      } else {
        stack.push(needed);
        this.open.add(needed);
      }
    }
  }

  private nextNeeded(section: Merging): string | undefined {
    const ready = (name: string) => this.sections.has(name) || !this.merged.has(name) || this.open.has(name);
    return copiesOf(section).find(({ name }) => !ready(name))?.name;
  }

  private close(section: Merging): void {
    const list = copiesOf(section);
    const mistakes: Diagnostic[] = [];
    const options = new Map<string, Value>();
    for (const copy of list) {
      const from = this.sections.get(copy.name);
      if (from) this.copy(section, copy, from, options);
      if (from) mistakes.push(...from.mistakes.filter((mistake) => !mistakes.includes(mistake)));
      else if (this.merged.has(copy.name)) mistakes.push(this.circular(section, copy));
      else mistakes.push(this.missing(section, copy));
    }
    for (const [option, value] of section.options) {
      const copied = options.get(option);
      const step = value.history[0];
      if (copied?.text && step && (step.operation === "+=" || step.operation === "-="))
        this.warn(lostCopy(section.name, option, { step, copied }));
    }
    mergeOwn(section, options);
    this.sections.set(section.name, {
      name: section.name,
      ...(section.header && { header: section.header }),
      options,
      macros: list.map(({ name }) => name),
      mistakes,
    });
  }

  private copy(section: Merging, copy: Copy, from: Section, options: Map<string, Value>): void {
    const list = section.options.get(MACRO);
    const span = list ? spanWithin(list, copy.start, copy.start + copy.name.length) : undefined;
    for (const [option, value] of from.options) {
      if (option === MACRO) continue;
      const entry = span && ({ operation: "macro", text: from.name, span } as const);
      // Only the last copying counts: along a chain of macros a history would grow with every link.
      const steps = value.history.filter(({ operation }) => operation !== "macro");
      options.set(option, new Composed(value.text, entry ? [...steps, entry] : steps));
    }
  }

  private circular(section: Merging, copy: Copy): Diagnostic {
    const open = [...this.open];
    const from = open.indexOf(copy.name);
    const chain = [...(from < 0 ? [] : open.slice(from)), section.name];
    const notes = chain.map((name, i) => ({
      message: `[${name}] copies [${chain[i + 1] ?? copy.name}]`,
      ...spanOf(this.merged.get(name)?.options.get(MACRO)),
    }));
    return configError("circular-macro", `[${copy.name}] copies itself`, { ...at(section, copy), notes });
  }

  private missing(section: Merging, copy: Copy): Diagnostic {
    this.comparisons += this.merged.size;
    const near = this.comparisons <= MOST_COMPARISONS ? didYouMean(copy.name, this.merged.keys()) : [];
    const help = /\s/.test(copy.name) ? ['"<=" takes one name a line'] : near;
    const message = `[${section.name}] copies [${copy.name}], which does not exist`;
    return configError("missing-section", message, { ...at(section, copy), help });
  }
}

/** `<=` does nothing in `[buildout]`. */
function copiesOf(section: Merging): Copy[] {
  const value = section.name === "buildout" ? undefined : section.options.get(MACRO);
  return value ? copies(value) : [];
}

/** A section's own `+=` waits for what is copied; one of another file, or of the command line, comes before it. */
function lostCopy(
  section: string,
  option: string,
  { step, copied }: { readonly step: HistoryEntry; readonly copied: Value },
): Diagnostic {
  const from = copied.history.findLast(({ operation }) => operation === "macro")?.text ?? "";
  const what = step.operation === "+=" ? "adds to" : "takes from";
  return {
    severity: "warning",
    code: "config/lost-copy",
    message: `"${step.operation}" ${what} nothing here: [${section}] loses the ${option} that it copies from [${from}]`,
    span: step.span,
    help: [
      `write the whole value with "=", or "${step.operation}" in [${from}] or where [${section}] has its "<="`,
    ],
  };
}

function mergeOwn(section: Merging, options: Map<string, Value>): void {
  for (const [option, value] of section.options) options.set(option, value);
  update(options, { sets: new Map(), amendments: section.waiting });
  if (section.name !== "buildout") options.delete(MACRO);
}

function spanOf(value: Value | undefined): { span?: Span } {
  return value ? { span: value.span } : {};
}

function at(section: Merging, copy: Copy): { span?: Span } {
  const list = section.options.get(MACRO);
  return list ? { span: spanWithin(list, copy.start, copy.start + copy.name.length) } : {};
}
