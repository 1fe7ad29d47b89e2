import { type Diagnostic, DiagnosticError } from "../diagnostic.js";
import { didYouMean } from "../suggest.js";
import { BELOW_DIRECTORY } from "./builtin.js";
import { joined } from "./directories.js";
import type { Environment } from "./expression.js";
import { spanWithin } from "./locate.js";
import { configError } from "./mistakes.js";
import { type Config, provided, type Section, type Value } from "./model.js";
import { DEPENDENCIES } from "./scan.js";
import { words } from "./space.js";
import { hasReference, parseTemplate, type Reference, type Template } from "./template.js";

/** A value after its references: a text, or nothing as long as the outputs that it needs are unknown. */
export type Resolved =
  | { readonly text: string; readonly secret: boolean }
  | { readonly text: null; readonly secret: boolean; readonly unknown: readonly string[] };

/** What has a value without being written in a file: schema defaults, aliases, computed options, outputs. */
export interface Outside {
  /** A Value's text may hold references of its own, which count from `section`. */
  lookup(section: string, option: string): Value | Resolved | undefined;
  isSecret(section: string, option: string): boolean;
  /** The options of a section that have a default and are to be seen like written ones. */
  options?(section: string): Iterable<string>;
}

/** Nothing but the files. */
export const nothingOutside: Outside = { lookup: () => undefined, isSecret: () => false };

export interface SectionReference {
  /** The option whose value holds the reference. */
  readonly option: string;
  /** For a name after `=>` the reference's option is the empty string. */
  readonly reference: Reference;
}

/** The asking section's name, where no real option has this name. */
const SECTION_NAME = "_buildout_section_name_";

const FAILED = Symbol("failed");
const RUNNING = Symbol("running");
type Cell = Resolved | typeof FAILED | typeof RUNNING;

/** What is known of a section so far. */
interface State {
  readonly section: Section;
  /** Only of values that hold references, and of what comes from outside; a plain text is its own value. */
  cells: Map<string, Cell> | undefined;
  mistakes: Diagnostic[];
  /** Sections that its values mention: who needs this section needs those as well. */
  touched: Set<string> | undefined;
  complete: boolean;
  /** It was found free of mistakes, together with all that it touches. */
  sound: boolean;
}

const NONE: Diagnostic[] = [];

function complain(state: State, mistake: Diagnostic): void {
  if (state.mistakes === NONE) state.mistakes = [];
  state.mistakes.push(mistake);
}

/** A value that is being resolved, with how far it got. */
class Frame {
  readonly state: State;
  readonly option: string;
  readonly template: Template;
  secret: boolean;
  next = 0;
  text = "";
  unknown: Set<string> | undefined = undefined;
  failed = false;

  constructor(to: Pick<Frame, "state" | "option" | "template" | "secret">) {
    this.state = to.state;
    this.option = to.option;
    this.template = to.template;
    this.secret = to.secret;
  }
}

/**
 * Resolves references, lazily by section (LANGUAGE, rule 28): asking for one option resolves its whole section, every
 * section that those values mention, and `[buildout]`. Mistakes in sections that nobody needs do no harm.
 * Secrecy follows a value through every reference to it.
 */
export class Resolver {
  private readonly config: Config;
  private readonly outside: Outside;
  private readonly env: Environment;
  private readonly states = new Map<string, State>();

  constructor(config: Config, outside: Outside, env: Environment) {
    this.config = config;
    this.outside = outside;
    this.env = env;
  }

  /** One option's value. Throws a DiagnosticError with every mistake of what had to be resolved. */
  option(section: string, option: string): Resolved {
    const state = this.stateOf(section);
    if (!state.sound) this.check([section]);
    const cell = this.cell(state, option);
    if (cell && typeof cell !== "symbol") return cell;
    const help = didYouMean(option, this.config.sections.get(section)?.options.keys() ?? []);
    throw new DiagnosticError([
      configError("missing-option", `[${section}] has no option "${option}"`, { help }),
    ]);
  }

  /** All values of a section by name, sorted. Throws like `option`. */
  section(name: string): ReadonlyMap<string, Resolved> {
    const state = this.stateOf(name);
    if (!state.sound) this.check([name]);
    const values = new Map<string, Resolved>();
    for (const option of this.optionNames(state)) {
      const cell = this.cell(state, option);
      if (cell && typeof cell !== "symbol") values.set(option, cell);
    }
    return values;
  }

  /** Throws a DiagnosticError with the mistakes of these sections, of those they mention, and of `[buildout]`. */
  check(sections: Iterable<string>): void {
    const mistakes = this.mistakes(sections);
    if (mistakes.length > 0) throw new DiagnosticError(mistakes);
  }

  mistakes(sections: Iterable<string>): Diagnostic[] {
    const mistakes: Diagnostic[] = [];
    const reached = new Set<State>();
    const queue: State[] = [];
    const reach = (name: string): void => {
      const state = this.find(name);
      if (!state) mistakes.push(this.noSection(name));
      if (!state || state.sound || reached.has(state)) return;
      reached.add(state);
      queue.push(state);
    };
    if (this.config.sections.has("buildout")) reach("buildout");
    for (const name of sections) reach(name);
    for (let next = 0, state = queue[0]; state; state = queue[++next]) {
      this.complete(state);
      for (const mistake of state.mistakes) if (!mistakes.includes(mistake)) mistakes.push(mistake);
      if (state.touched) for (const touched of state.touched) reach(touched);
    }
    if (mistakes.length === 0) for (const state of queue) state.sound = true;
    return mistakes;
  }

  /** The direct references of a section's values, by sorted option name and from left to right, then `=>`. */
  references(name: string): readonly SectionReference[] {
    const state = this.stateOf(name);
    const found: SectionReference[] = [];
    for (const option of this.optionNames(state)) {
      const value = this.written(state, option);
      for (const part of value ? this.template(state, value) : [])
        if (typeof part !== "string") found.push({ option, reference: part });
    }
    for (const reference of this.dependencies(state)) found.push({ option: DEPENDENCIES, reference });
    return found;
  }

  private noSection(name: string): Diagnostic {
    const help = didYouMean(name, this.config.sections.keys());
    return configError("missing-section", `there is no section [${name}]`, { help });
  }

  private stateOf(name: string): State {
    const state = this.find(name);
    if (!state) throw new DiagnosticError([this.noSection(name)]);
    return state;
  }

  private find(name: string): State | undefined {
    const known = this.states.get(name);
    const section = known ? undefined : this.config.sections.get(name);
    if (!section) return known;
    const mistakes = section.mistakes.length > 0 ? [...section.mistakes] : NONE;
    const state: State = {
      section,
      cells: undefined,
      mistakes,
      touched: undefined,
      complete: false,
      sound: false,
    };
    this.states.set(name, state);
    return state;
  }

  /** Resolves all options of a section and sees that what it depends on is there. */
  private complete(state: State): void {
    if (state.complete) return;
    state.complete = true;
    const { substitution } = this.config;
    // A text without references is its own value: most are, and nothing has to be made for them.
    for (const [option, { text }] of state.section.options)
      if (hasReference(text, substitution)) this.cell(state, option);
    for (const option of this.outside.options?.(state.section.name) ?? []) this.cell(state, option);
    for (const reference of this.dependencies(state)) this.touch(state, reference);
  }

  private optionNames({ section }: State): string[] {
    const defaults = this.outside.options?.(section.name);
    const names = defaults ? new Set([...section.options.keys(), ...defaults]) : section.options.keys();
    return [...names].sort();
  }

  /** The names after `=>`; in `[buildout]` they name nothing. */
  private dependencies(state: State): Reference[] {
    const { section } = state;
    const value = section.name === "buildout" ? undefined : section.options.get(DEPENDENCIES);
    if (!value) return [];
    const cell = this.cell(state, DEPENDENCIES);
    if (!cell || typeof cell === "symbol" || cell.text === null) return [];
    const plain = cell.text === value.text;
    return words(cell.text).map(({ text, start }) => ({
      section: text,
      option: "",
      get span() {
        return plain ? spanWithin(value, start, start + text.length) : value.span;
      },
    }));
  }

  /** What is known of an option; undefined where there is none. Not recursive: chains are as long as users make them. */
  private cell(state: State, option: string): Cell | undefined {
    const begun = state.cells?.get(option) ?? this.begin(state, option);
    if (!(begun instanceof Frame)) return begun;
    const stack: Frame[] = [begun];
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const part = frame.template[frame.next];
      if (part === undefined) this.finish(frame, stack);
      else if (typeof part !== "string") this.insert(frame, part, stack);
      else {
        frame.text += part;
        frame.next++;
      }
    }
    return state.cells?.get(option);
  }

  /** An option's value at once where it holds no reference, otherwise a frame for it. */
  private begin(state: State, option: string): Cell | Frame | undefined {
    const { name } = state.section;
    const value = this.written(state, option) ?? this.outside.lookup(name, option);
    if (value === undefined) return undefined;
    const secret = this.outside.isSecret(name, option);
    if (!("history" in value))
      return put(state, option, secret && !value.secret ? { ...value, secret } : value);
    if (!hasReference(value.text, this.config.substitution)) return { text: value.text, secret };
    put(state, option, RUNNING);
    const template = this.template(state, value);
    return new Frame({ state, option, template, secret });
  }

  private written(state: State, option: string): Value | undefined {
    const value = state.section.options.get(option);
    if (value) return value;
    const other = this.outside.options ? this.outside.lookup(state.section.name, option) : undefined;
    return other && "history" in other ? other : undefined;
  }

  private template(state: State, value: Value): Template {
    const { template, mistakes } = parseTemplate(value, state.section.name, this.config.substitution);
    if (mistakes.length === 0) return template;
    for (const mistake of mistakes)
      if (!state.mistakes.some((known) => same(known, mistake))) complain(state, mistake);
    return template;
  }

  private finish(frame: Frame, stack: Frame[]): void {
    stack.pop();
    const { state, option, secret, unknown } = frame;
    if (frame.failed) put(state, option, FAILED);
    else if (unknown) put(state, option, { text: null, secret, unknown: [...unknown] });
    else put(state, option, { text: this.placed(state, option, frame.text), secret });
  }

  /** A directory of `[buildout]` that was given by a reference becomes absolute only now. */
  private placed({ section }: State, option: string, text: string): string {
    if (section.name !== "buildout" || !BELOW_DIRECTORY.has(option) || text === "") return text;
    return joined(this.config.directory, text);
  }

  private insert(frame: Frame, reference: Reference, stack: Frame[]): void {
    const cell = this.target(frame, reference, stack);
    if (cell === undefined) return;
    frame.next++;
    if (cell === RUNNING) {
      frame.failed = true;
      complain(frame.state, circular(reference, stack));
    } else if (cell === FAILED) frame.failed = true;
    else {
      frame.secret ||= cell.secret;
      if (cell.text === null) frame.unknown = new Set([...(frame.unknown ?? []), ...cell.unknown]);
      else frame.text += cell.text;
    }
  }

  /** The value behind a reference; undefined where a frame was opened for it and it is to be asked for again. */
  private target(frame: Frame, reference: Reference, stack: Frame[]): Cell | undefined {
    const { section, option } = reference;
    if (section === "env" && !this.config.sections.has("env")) return this.environment(frame, reference);
    if (!this.touch(frame.state, reference)) return FAILED;
    const state = this.stateOf(section);
    const known =
      reference.fallback === undefined ? (state.cells?.get(option) ?? this.begin(state, option)) : undefined;
    if (known !== undefined) {
      if (!(known instanceof Frame)) return known;
      stack.push(known);
      return undefined;
    }
    if (option === SECTION_NAME) return { text: frame.state.section.name, secret: false };
    complain(frame.state, this.noOption(reference, state));
    return FAILED;
  }

  private touch(state: State, reference: Reference): boolean {
    const { section } = state;
    if (this.config.sections.has(reference.section)) {
      if (reference.section !== section.name) (state.touched ??= new Set()).add(reference.section);
      return true;
    }
    const help = didYouMean(reference.section, this.config.sections.keys());
    const message = `[${section.name}] refers to [${reference.section}], which does not exist`;
    complain(state, configError("missing-section", message, { span: reference.span, help }));
    return false;
  }

  private noOption(reference: Reference, state: State): Diagnostic {
    const { section, option, fallback, span } = reference;
    if (fallback !== undefined)
      return configError(
        "bad-interpolation",
        `only $<env:NAME|fallback> takes a fallback, and there is a section [env]`,
        { span },
      );
    const names = [...state.section.options.keys(), ...(this.outside.options?.(section) ?? [])];
    const from = state.section.header;
    const notes = from ? [{ message: `[${section}] starts here`, span: from }] : [];
    const message = `[${section}] has no option ${JSON.stringify(option)}`;
    return configError("missing-option", message, { span, notes, help: didYouMean(option, names) });
  }

  private environment({ state }: Frame, { option, fallback, span }: Reference): Cell {
    const text = this.env[option] ?? fallback;
    if (text !== undefined) return { text, secret: false };
    const help = [`set ${option} in the environment, or give a fallback: $<env:${option}|value>`];
    const message = `the environment variable ${option} is not set`;
    complain(state, configError("missing-environment", message, { span, help }));
    return FAILED;
  }
}

function put(state: State, option: string, cell: Cell): Cell {
  (state.cells ??= new Map()).set(option, cell);
  return cell;
}

function same(a: Diagnostic, b: Diagnostic): boolean {
  return (
    a.code === b.code &&
    a.message === b.message &&
    a.span?.start === b.span?.start &&
    a.span?.source === b.span?.source
  );
}

/** The loop, reference by reference, from the option that is met again. */
function circular(reference: Reference, stack: readonly Frame[]): Diagnostic {
  const from = stack.findIndex(
    ({ state, option }) => state.section.name === reference.section && option === reference.option,
  );
  const loop = stack.slice(Math.max(0, from));
  const steps = loop.map(({ state, option, template, next }, i) => {
    // The last frame has just gone past the reference that closes the loop; the others wait at theirs.
    const used = template[i < loop.length - 1 ? next : next - 1];
    const name = `${state.section.name}:${option}`;
    return typeof used === "object"
      ? { message: `${name} uses ${used.section}:${used.option}`, span: used.span }
      : { message: name };
  });
  const shown =
    steps.length > 12
      ? [...steps.slice(0, 6), { message: `… ${steps.length - 11} more …` }, ...steps.slice(-5)]
      : steps;
  const message = `${reference.section}:${reference.option} depends on itself`;
  return configError("circular-reference", message, { span: reference.span, notes: shown });
}

/**
 * The options that these sections refer to, directly or through others, and that no file sets: what an Outside has to
 * know, or what is missing. Outputs and defaults that are known already can be given as `outside`.
 */
export function outsideTargets(
  config: Config,
  sections: Iterable<string>,
  outside: Outside = nothingOutside,
): { readonly section: string; readonly option: string }[] {
  const found = new Map<string, { section: string; option: string }>();
  const resolver = new Resolver(config, outside, {});
  const reached = new Set<string>(["buildout", ...sections]);
  for (const name of reached) {
    if (!config.sections.has(name)) continue;
    for (const { reference } of resolver.references(name)) {
      const { section, option } = reference;
      reached.add(section);
      const target = config.sections.get(section);
      if (!target || option === "" || option === SECTION_NAME || target.options.has(option)) continue;
      found.set(`${section}:${option}`, { section, option });
    }
  }
  return [...found.values()];
}

/** An option as a program computes it, for an Outside. */
export function computed(text: string): Value {
  return provided(text, "computed");
}

/** The value of an option that its schema gives by default. */
export function defaultValue(text: string): Value {
  return provided(text, "default");
}
