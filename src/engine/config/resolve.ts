import { type Diagnostic, DiagnosticError } from "../diagnostic.js";
import { isSecretName } from "../secret-name.js";
import { didYouMean } from "../suggest.js";
import { BELOW_DIRECTORY } from "./builtin.js";
import { below } from "./directories.js";
import type { Environment } from "./expression.js";
import { configError } from "./mistakes.js";
import type { Config, Value } from "./model.js";
import type { Entry, Outside, Resolved } from "./outside.js";
import {
  circular,
  enough,
  fallbackElsewhere,
  sameMistake,
  tooLong,
  unknownOption,
  unknownSection,
  unsetVariable,
} from "./reference-mistakes.js";
import {
  type Cell,
  complain,
  FAILED,
  Frame,
  NONE,
  put,
  RUNNING,
  type State,
  stepOf,
  touch,
} from "./resolving.js";
import { DEPENDENCIES } from "./scan.js";
import { words } from "./space.js";
import { Dependency, hasReference, parseTemplate, type Reference, type Template } from "./template.js";

export { type Entry, nothingOutside, type Outside, type Resolved } from "./outside.js";

export interface SectionReference {
  /** The option whose value holds the reference. */
  readonly option: string;
  /** For a name after `=>` the reference's option is the empty string. */
  readonly reference: Reference;
}

/** The asking section's name, where no real option has this name. */
const SECTION_NAME = "_buildout_section_name_";

/** A suggestion compares a name with all others: with many sections only the first mistakes get one. */
const MOST_COMPARISONS = 100_000;

/** Who gets this many messages mends the first ones and asks again. */
const MOST_MISTAKES = 200;

/** Values that double at each reference would otherwise end the process. In UTF-16 units. */
const LONGEST_TEXT = 1 << 24;

/**
 * Resolves references, lazily by section: asking for one option resolves its whole section, every
 * section that those values mention, and `[buildout]`. Mistakes in sections that nobody needs do no harm.
 * Secrecy follows a value through every reference to it.
 */
export class Resolver {
  private readonly config: Config;
  private readonly outside: Outside;
  private readonly env: Environment;
  private readonly states = new Map<string, State>();
  private comparisons = 0;

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

  /** One option's value where it can be had on its own; mistakes are left for those who ask in earnest. */
  peek(section: string, option: string): Resolved | undefined {
    const state = this.find(section);
    const cell = state && this.cell(state, option);
    return typeof cell === "symbol" ? undefined : cell;
  }

  /** All values of a section by name, sorted. Throws like `option`. */
  section(name: string): ReadonlyMap<string, Resolved> {
    return new Map(this.entries(name).map(({ option, resolved }) => [option, resolved]));
  }

  /** All options of a section, sorted by name. Throws like `option`. */
  entries(name: string): Entry[] {
    const state = this.stateOf(name);
    if (!state.sound && !this.isSoundAtOnce(state)) this.check([name]);
    const entries: Entry[] = [];
    for (const option of this.optionNames(state)) {
      const value = state.section.options.get(option) ?? this.written(name, option);
      if (!value) continue;
      // Whatever holds a reference has a cell by now.
      const resolved = state.cells?.get(option) ?? this.plain(state, option, value);
      if (typeof resolved === "object") entries.push({ option, value, resolved });
    }
    return entries;
  }

  /** Throws a DiagnosticError with the mistakes of these sections, of those they mention, and of `[buildout]`. */
  check(sections: Iterable<string>): void {
    const mistakes = this.mistakes(sections);
    if (mistakes.length > 0) throw new DiagnosticError(mistakes);
  }

  /** Whether a section is found free of mistakes at once: it mentions only what is known to be so. */
  private isSoundAtOnce(state: State): boolean {
    if (!this.find("buildout")?.sound) return false;
    this.complete(state);
    state.sound = state.mistakes.length === 0 && (state.touched?.every(({ sound }) => sound) ?? true);
    return state.sound;
  }

  mistakes(sections: Iterable<string>): Diagnostic[] {
    const mistakes = new Set<Diagnostic>();
    const reached = new Set<State>();
    const queue: State[] = [];
    const reach = (state: State | undefined): void => {
      if (!state || state.sound || reached.has(state)) return;
      reached.add(state);
      queue.push(state);
    };
    reach(this.find("buildout"));
    for (const name of sections) {
      const state = this.find(name);
      if (state) reach(state);
      else mistakes.add(this.noSection(name));
    }
    for (let next = 0, state = queue[0]; state; state = queue[++next]) {
      this.complete(state);
      for (const mistake of state.mistakes) mistakes.add(mistake);
      if (mistakes.size > MOST_MISTAKES) return [...mistakes].slice(0, MOST_MISTAKES).concat(enough());
      if (state.touched) for (const touched of state.touched) reach(touched);
    }
    if (mistakes.size === 0) for (const state of queue) state.sound = true;
    return [...mistakes];
  }

  /** The direct references of a section's values, by sorted option name and from left to right, then `=>`. */
  references(name: string): readonly SectionReference[] {
    const state = this.stateOf(name);
    const found: SectionReference[] = [];
    for (const option of this.optionNames(state)) {
      const value = state.section.options.get(option) ?? this.written(name, option);
      if (!value || !hasReference(value.text, this.config.substitution)) continue;
      for (const part of this.template(state, value))
        if (typeof part !== "string") found.push({ option, reference: part });
    }
    for (const reference of this.dependencies(state)) found.push({ option: DEPENDENCIES, reference });
    return found;
  }

  private sectionNames(): Iterable<string> {
    const { sections } = this.config;
    this.comparisons += sections.size;
    return this.comparisons <= MOST_COMPARISONS ? sections.keys() : [];
  }

  private noSection(name: string): Diagnostic {
    const help = didYouMean(name, this.sectionNames());
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
    state.section.options.forEach((value, option) => {
      if (hasReference(value.text, substitution) && !state.cells?.has(option))
        this.settle(this.open(state, option, value));
    });
    for (const option of this.outside.options?.(state.section.name) ?? []) this.cell(state, option);
    for (const reference of this.dependencies(state)) this.touch(state, reference);
  }

  /** Those that are written and those that have only a default, sorted. */
  private optionNames({ section }: State): string[] {
    const names = [...section.options.keys()];
    for (const name of this.outside.options?.(section.name) ?? [])
      if (!section.options.has(name)) names.push(name);
    return names.sort();
  }

  /** The names after `=>`; in `[buildout]` they name nothing. */
  private dependencies(state: State): Reference[] {
    const { section } = state;
    const value = section.name === "buildout" ? undefined : section.options.get(DEPENDENCIES);
    if (!value) return [];
    const cell = this.cell(state, DEPENDENCIES);
    if (!cell || typeof cell === "symbol" || cell.text === null) return [];
    const plain = cell.text === value.text;
    return words(cell.text).map((word) => new Dependency(value, word, plain));
  }

  /** What is known of an option; undefined where there is none. */
  private cell(state: State, option: string): Cell | undefined {
    const begun = state.cells?.get(option) ?? this.begin(state, option);
    if (!(begun instanceof Frame)) return begun;
    this.settle(begun);
    return state.cells?.get(option);
  }

  /** Resolves what a frame is for. Not recursive: chains are as long as users make them. */
  private settle(begun: Cell | Frame): void {
    if (!(begun instanceof Frame)) return;
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
  }

  /** An option's value at once where it holds no reference, otherwise a frame for it. */
  private begin(state: State, option: string): Cell | Frame | undefined {
    const { name } = state.section;
    const value = state.section.options.get(option) ?? this.outside.lookup(name, option);
    if (value === undefined) return undefined;
    if ("history" in value)
      return hasReference(value.text, this.config.substitution)
        ? this.open(state, option, value)
        : this.plain(state, option, value);
    const secret = value.secret || this.outside.isSecret(name, option);
    return put(state, option, secret === value.secret ? value : { ...value, secret });
  }

  /** An option whose value holds references: what it comes to where that is known at once, otherwise a frame for it. */
  private open(state: State, option: string, value: Value): Cell | Frame {
    const secret = this.outside.isSecret(state.section.name, option);
    const template = this.template(state, value);
    const same = secret ? undefined : this.sameAs(state, template);
    if (same) return put(state, option, same);
    put(state, option, RUNNING);
    return new Frame({ state, option, template, secret });
  }

  private plain({ section }: State, option: string, { text }: Value): Resolved {
    return { text, secret: this.outside.isSecret(section.name, option) };
  }

  /** What is known of the one option that a value refers to, where it holds nothing else: mostly they are such. */
  private sameAs(state: State, template: Template): Resolved | undefined {
    const [only] = template;
    if (typeof only !== "object" || template.length > 1 || only.fallback !== undefined) return undefined;
    const target = only.section === "env" ? undefined : this.find(only.section);
    const cell = target && state.section.name !== "buildout" && this.atOnce(state, target, only.option);
    if (cell) touch(state, target);
    return cell || undefined;
  }

  private known(asking: State, state: State, option: string): Cell | undefined {
    const produced = asking === state ? undefined : this.outside.produced?.(state.section.name, option);
    return produced ?? state.cells?.get(option);
  }

  private atOnce(asking: State, state: State, option: string): Resolved | undefined {
    const cell = this.known(asking, state, option);
    if (cell) return typeof cell === "symbol" ? undefined : cell;
    const value = state.section.options.get(option);
    if (!value || hasReference(value.text, this.config.substitution)) return undefined;
    return this.plain(state, option, value);
  }

  /** The value of an option that has only a default. */
  private written(section: string, option: string): Value | undefined {
    const other = this.outside.options ? this.outside.lookup(section, option) : undefined;
    return other && "history" in other ? other : undefined;
  }

  private template(state: State, value: Value): Template {
    const { template, mistakes } = parseTemplate(value, state.section.name, this.config.substitution);
    if (mistakes.length === 0) return template;
    for (const mistake of mistakes)
      if (!state.mistakes.some((known) => sameMistake(known, mistake))) complain(state, mistake);
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
    if (section.name !== "buildout" || !BELOW_DIRECTORY.has(option)) return text;
    return below(this.config.directory, option, text);
  }

  private insert(frame: Frame, reference: Reference, stack: Frame[]): void {
    const cell = this.target(frame, reference, stack);
    if (cell === undefined) return;
    frame.next++;
    if (cell === RUNNING) {
      frame.failed = true;
      complain(frame.state, circular(reference, stack.map(stepOf)));
    } else if (cell === FAILED) frame.failed = true;
    else {
      frame.secret ||= cell.secret;
      if (cell.text === null) frame.unknown = new Set([...(frame.unknown ?? []), ...cell.unknown]);
      else frame.text += cell.text;
      if (frame.text.length > LONGEST_TEXT)
        this.fail(frame, tooLong(frame.state.section, frame.option, reference));
    }
  }

  private fail(frame: Frame, mistake: Diagnostic): void {
    frame.failed = true;
    frame.text = "";
    frame.next = frame.template.length;
    complain(frame.state, mistake);
  }

  /** The value behind a reference; undefined where a frame was opened for it and it is to be asked for again. */
  private target(frame: Frame, reference: Reference, stack: Frame[]): Cell | undefined {
    const { section, option } = reference;
    if (section === "env" && !this.config.sections.has("env")) return this.environment(frame, reference);
    const state = this.touch(frame.state, reference);
    if (!state) return FAILED;
    const known =
      reference.fallback === undefined
        ? (this.known(frame.state, state, option) ?? this.begin(state, option))
        : undefined;
    if (known !== undefined) {
      if (!(known instanceof Frame)) return known;
      stack.push(known);
      return undefined;
    }
    if (option === SECTION_NAME) return { text: frame.state.section.name, secret: false };
    complain(frame.state, this.noOption(reference, state));
    return FAILED;
  }

  /** The section that a reference in `state` means; it is needed from now on. */
  private touch(state: State, reference: Reference): State | undefined {
    const { section } = state;
    const target = reference.section === section.name ? state : this.find(reference.section);
    if (!target) complain(state, unknownSection(section, reference, this.sectionNames()));
    else touch(state, target);
    return target;
  }

  private noOption(reference: Reference, { section }: State): Diagnostic {
    if (reference.fallback !== undefined) return fallbackElsewhere(reference);
    return unknownOption(section, reference, this.outside.options?.(section.name) ?? []);
  }

  private environment({ state }: Frame, reference: Reference): Cell {
    const text = this.env[reference.option] ?? reference.fallback;
    if (text !== undefined) return { text, secret: isSecretName(reference.option) };
    complain(state, unsetVariable(reference));
    return FAILED;
  }
}
