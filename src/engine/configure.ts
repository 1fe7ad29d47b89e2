import type { Config, Section, Value } from "./config/model.js";
import { Resolver, type SectionReference } from "./config/resolve.js";
import { configureContext, type ConfigureHost, type Wishes } from "./configure-context.js";
import {
  isSettled,
  keyOf,
  makersOf,
  noSuchPart,
  passedOn,
  ReferenceNeed,
  requireEnd,
} from "./configure-needs.js";
import type { Runtime } from "./context.js";
import { type Diagnostic, DiagnosticError } from "./diagnostic.js";
import { hideSecrets, namedSecrets } from "./hidden.js";
import { hasHole } from "./hole.js";
import { factsOf } from "./facts.js";
import {
  type Decoded,
  decodeEngineOptions,
  decodeOptions,
  type OptionSource,
  unknownOptions,
} from "./options.js";
import { RecipeOutside } from "./outside.js";
import { addNeed, PART_DEPENDENCIES, type Part, type Text } from "./part.js";
import { problemDiagnostics } from "./problem.js";
import { type LoadedRecipe, RecipeLoadError, type Registry } from "./registry.js";
import { saidSpan } from "./said-line.js";
import { canonicalName, generatedSection, twiceGiven, writtenAs } from "./section.js";
import { KnownTexts, needProviders, settle } from "./settle.js";
import type { Span } from "./text.js";

interface Visit {
  readonly name: string;
  readonly references: readonly SectionReference[];
  next: number;
}

const NOTHING_COMPUTED: Part["computed"] = new Map();

export interface ConfigureSettings {
  readonly config: Config;
  readonly registry: Registry;
  readonly runtime: Runtime;
  readonly strict: boolean;
}

/** Finds the parts: depth first from the roots through references and `=>`, each configured by its recipe once all
 *  that it refers to has been. Mistakes are collected. */
export class Configurer implements ConfigureHost {
  readonly runtime: Runtime;
  readonly parts = new Map<string, Part>();
  readonly mistakes: Diagnostic[] = [];
  readonly failed = new Set<string>();
  readonly config: Config;
  /** Options that some reference names, `section\noption`. */
  readonly #referred = new Set<string>();
  #referredElsewhere: ReadonlySet<string> | undefined;
  readonly #known = new KnownTexts(this.parts, this.failed);
  readonly #settings: ConfigureSettings;
  readonly #sections: Map<string, Section>;
  readonly #resolver: Resolver;
  readonly #outside: RecipeOutside;
  readonly #direct = new Map<string, readonly SectionReference[]>();
  /** Of generated parts: the one whose recipe did it. */
  readonly #generators = new Map<string, Part>();
  readonly #scouted = new Set<string>();
  readonly #reached = new Set<string>();
  /** Parts behind a plain section, for the needs of whoever refers to it. */
  readonly #behind = new Map<string, readonly string[]>();

  constructor(settings: ConfigureSettings) {
    this.#settings = settings;
    this.runtime = settings.runtime;
    // A copy: generated parts join in as sections like any other.
    this.#sections = new Map(settings.config.sections);
    this.config = { ...settings.config, sections: this.#sections };
    this.#outside = new RecipeOutside({ sections: this.#sections, parts: this.parts });
    this.#resolver = this.#newResolver();
  }

  #newResolver(): Resolver {
    return new Resolver(this.config, this.#outside, this.runtime.settings.env);
  }

  /** Reaches a section and, before it, all that it refers to. */
  async reach(name: string): Promise<void> {
    if (this.#reached.has(name)) return;
    await this.#scout(name);
    await this.#visit(name);
  }

  /** Loads the recipes of all that a section leads to: only then it is known which options are secret or have a default. */
  async #scout(start: string): Promise<void> {
    const found = new Set([start]);
    for (const name of found) {
      if (!this.#sections.has(name))
        for (const maker of makersOf(name, this.#sections)) await this.reach(maker);
      const section = this.#sections.get(name);
      if (!section || this.#scouted.has(name)) continue;
      this.#scouted.add(name);
      const loaded = this.#loadKnown(section) ?? (await this.#collect(name, () => this.#load(section)));
      if (loaded) this.#outside.loaded.set(name, loaded);
      for (const { reference } of this.#references(name)) {
        this.#referred.add(keyOf(reference));
        found.add(reference.section);
      }
    }
    const within = { sections: this.#sections, references: (name: string) => this.#references(name) };
    for (const section of found) hideSecrets(section, this.#outside.loaded.get(section)?.recipe, within);
    for (const text of namedSecrets(found, within, this.runtime.settings.env))
      this.runtime.redactor.add(text);
  }

  /** Those of the file, and those that parts have made. */
  get sections(): ReadonlyMap<string, Section> {
    return this.#sections;
  }

  /** In the order in which they were come upon. */
  partsInOrder(): Part[] {
    return [...this.#reached].flatMap((name) => this.parts.get(name) ?? []);
  }

  /** Depth first, each section after all that it refers to. Not recursive, and waits only where a recipe does:
   *  chains may be long, and parts many. */
  async #visit(start: string): Promise<void> {
    const stack: Visit[] = [];
    const enter = (name: string): void => {
      if (this.#reached.has(name) || !this.#sections.has(name)) return;
      this.#reached.add(name);
      stack.push({ name, references: this.#references(name), next: 0 });
    };
    enter(start);
    for (let visit = stack.at(-1); visit; visit = stack.at(-1)) {
      const next = visit.references[visit.next++];
      if (next) enter(next.reference.section);
      else {
        stack.pop();
        const { name } = visit;
        const loaded = this.#outside.loaded.get(name);
        if (loaded) await this.#collect(name, () => this.#configure(name, loaded));
      }
    }
  }

  /** Does the work; what it throws is collected. */
  async #collect<T>(part: string, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.runtime.settings.signal.throwIfAborted();
      this.fail(problemDiagnostics(error, { part, span: (...asked) => this.span(part, ...asked) }));
      return undefined;
    }
  }

  fail(diagnostics: readonly Diagnostic[]): void {
    for (const diagnostic of diagnostics) {
      this.mistakes.push(diagnostic);
      if (diagnostic.part !== undefined) this.failed.add(diagnostic.part);
    }
  }

  /** The direct references of a section; asked for several times. */
  #references(name: string): readonly SectionReference[] {
    const known = this.#direct.get(name);
    if (known) return known;
    const found = this.#findReferences(name);
    this.#direct.set(name, found);
    return found;
  }

  /** @param fail what becomes of mistakes; where nobody comes they do no harm */
  #findReferences(name: string, fail = this.fail.bind(this)): readonly SectionReference[] {
    try {
      return this.#resolver.references(name);
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      fail(error.diagnostics);
      return [];
    }
  }

  /** The recipe of a section where it needs no loading any more. */
  #loadKnown(section: Section): LoadedRecipe | undefined {
    const value = section.options.get("recipe");
    const loaded = value && this.#settings.registry.known(value.text, value.span.source);
    if (!loaded || section.name === "buildout" || factsOf(loaded.recipe).aliases.size > 0) return undefined;
    return loaded;
  }

  /** The recipe of a section that has one. */
  async #load(section: Section): Promise<LoadedRecipe | undefined> {
    const value = section.options.get("recipe");
    if (!value || section.name === "buildout") return undefined;
    const spec = this.#recipeSpec(section.name, value);
    try {
      const loaded = await this.#settings.registry.load(spec, value.span.source);
      this.fail(twiceGiven(section, loaded));
      return loaded;
    } catch (error) {
      if (!(error instanceof RecipeLoadError)) throw error;
      const { code, message, help } = error;
      throw new DiagnosticError([
        { severity: "error", code, message, span: value.span, part: section.name, help },
      ]);
    }
  }

  #recipeSpec(name: string, value: Value): string {
    if (!value.text.includes("$")) return value.text.trim();
    // With a resolver of its own: the other one must not see sections before their recipes are known.
    const { text } = this.#newResolver().option(name, "recipe");
    if (text !== null && !hasHole(text)) return text.trim();
    const message = "the recipe cannot depend on what another part computes";
    throw new DiagnosticError([
      { severity: "error", code: "recipe/missing", message, span: value.span, part: name },
    ]);
  }

  #configure(name: string, loaded: LoadedRecipe): Promise<void> | undefined {
    const texts = this.#texts(name, loaded);
    const source = this.#source(name, texts);
    const { engine, mistakes } = decodeEngineOptions(loaded, source, this.#decodeContext());
    // Written out: with a spread in front V8 takes 10 us for each part.
    const part: Part = {
      name,
      texts,
      span: source.span,
      nameSpan: source.nameSpan,
      loaded,
      // Only `configure` adds to these: without one they are shared by all parts of the recipe.
      computed: loaded.recipe.configure ? new Map() : NOTHING_COMPUTED,
      outputs: loaded.recipe.configure
        ? new Map(factsOf(loaded.recipe).outputs)
        : factsOf(loaded.recipe).outputs,
      needs: new Map(),
      provides: [],
      uses: [],
      place: undefined,
      engine,
      settled: undefined,
    };
    this.parts.set(name, part);
    this.#keepSecrets(part);
    this.#addReferenceNeeds(part);
    const decoded = decodeOptions(loaded.recipe.options, source, this.#decodeContext());
    if (decoded.unknown.size === 0) part.settled = decoded.values;
    this.fail([...mistakes, ...decoded.mistakes, ...decoded.warnings]);
    if (decoded.mistakes.length > 0 || !loaded.recipe.configure) return undefined;
    return this.#askRecipe(part, decoded);
  }

  /** A section's values under the names that the schema knows them by, with holes filled as far as they can be. */
  #texts(name: string, loaded: LoadedRecipe): ReadonlyMap<string, Text> {
    const resolved = this.#resolver.section(name);
    if (factsOf(loaded.recipe).aliases.size === 0 && isSettled(resolved)) return resolved;
    const texts = new Map<string, Text>();
    for (const [written, { text, secret }] of resolved) {
      texts.set(canonicalName(loaded, written), { text: this.#known.fill(text ?? ""), secret });
    }
    return texts;
  }

  async #askRecipe(part: Part, decoded: Decoded): Promise<void> {
    const { context, wishes } = configureContext(this, part, decoded);
    await part.loaded.recipe.configure!(context);
    await this.#grant(part, wishes);
  }

  async #grant(part: Part, wishes: Wishes): Promise<void> {
    for (const { name, options } of wishes.parts) await this.#addPart(part, name, options);
    for (const { part: name, why, evenIfFailed } of wishes.needs) {
      await this.reach(name);
      if (!this.#outside.loaded.has(name)) this.fail([noSuchPart(part, name, why)]);
      else addNeed(part, { part: name, why, firm: true, evenIfFailed });
    }
  }

  #decodeContext() {
    const { info, home } = this.runtime.settings;
    return { directory: info.directory, home };
  }

  #keepSecrets(part: Part): void {
    for (const name of factsOf(part.loaded.recipe).secrets) {
      const text = part.texts.get(name)?.text;
      if (text !== undefined && !hasHole(text)) this.runtime.redactor.add(text);
    }
  }

  #addReferenceNeeds(part: Part): void {
    for (const { option, reference } of this.#references(part.name)) {
      const why = option === PART_DEPENDENCIES ? "=>" : `option ${option}`;
      for (const name of this.#partsBehind(reference.section))
        addNeed(part, new ReferenceNeed(name, why, reference));
    }
  }

  /** The section itself where it is a part, else the parts that it passes on. */
  #partsBehind(name: string): readonly string[] {
    const isPart = (section: string) => this.#outside.loaded.has(section);
    if (isPart(name)) return [name];
    const known = this.#behind.get(name);
    if (known) return known;
    const plain = (section: string) => section !== "buildout" && this.#sections.has(section);
    const next = (section: string) => (plain(section) ? this.#references(section) : []);
    const parts = passedOn(name, { isPart, next });
    this.#behind.set(name, parts);
    return parts;
  }

  /** After all parts are configured: needs by key, values that came later, misspelt options. */
  finish(): void {
    needProviders(this.parts);
    for (const part of this.parts.values()) {
      this.fail(settle(part, this.parts, this.#known));
      this.#failUnknown(part.loaded, part);
    }
    // Where a reference leads nowhere no value can be looked at; the names can.
    for (const name of this.#reached) {
      const loaded = this.parts.has(name) ? undefined : this.#outside.loaded.get(name);
      if (loaded) this.#failUnknown(loaded, this.#source(name, this.#namesOnly(name, loaded)));
    }
  }

  #failUnknown(loaded: LoadedRecipe, source: OptionSource): void {
    const isReferred = (option: string): boolean => this.isReferred(source.name, option);
    this.fail(unknownOptions(loaded, source, { strict: this.#settings.strict, isReferred }));
  }

  /** What a section's options are called. */
  #namesOnly(name: string, loaded: LoadedRecipe): ReadonlyMap<string, Text> {
    const written = [...(this.#sections.get(name)?.options.keys() ?? [])];
    return new Map(written.map((option) => [canonicalName(loaded, option), { text: "", secret: true }]));
  }

  #source(name: string, texts: ReadonlyMap<string, Text>) {
    return {
      name,
      texts,
      span: (option: string, said?: string) => this.span(name, option, said),
      nameSpan: (option: string) => this.#nameSpan(name, option),
    };
  }

  /** Whether some reference names this option, be it of a section that this run does not come to. */
  isReferred(section: string, option: string): boolean {
    const key = keyOf({ section, option });
    if (this.#referred.has(key)) return true;
    const quiet = (name: string) => (this.#scouted.has(name) ? [] : this.#findReferences(name, () => {}));
    const elsewhere = () => [...this.#sections.keys()].flatMap(quiet).map((one) => keyOf(one.reference));
    this.#referredElsewhere ??= new Set(elsewhere());
    return this.#referredElsewhere.has(key);
  }

  // ConfigureHost: what a recipe's configure may ask for.

  hasSection(name: string): boolean {
    return this.#sections.has(name);
  }

  async option(section: string, option: string): Promise<Text | undefined> {
    this.#referred.add(keyOf({ section, option }));
    await this.reach(section);
    const there = this.#sections.get(section)?.options.has(option) ?? false;
    if (!there && this.#outside.lookup(section, option) === undefined) return undefined;
    const { text, secret } = this.#resolver.option(section, option);
    return { text: this.#known.fill(text ?? ""), secret };
  }

  partsBehind(section: string): readonly string[] {
    return this.#partsBehind(section);
  }

  /** A generated part; a section of its name in the file overrides its options one by one. */
  async #addPart(by: Part, name: string, options: Readonly<Record<string, string>>): Promise<void> {
    requireEnd(by, this.#generators);
    this.#sections.set(name, generatedSection(name, options, this.#sections.get(name)));
    this.#generators.set(name, by);
    if (!this.#outside.loaded.has(name)) for (const set of [this.#scouted, this.#reached]) set.delete(name);
    this.#direct.delete(name);
    await this.reach(name);
    addNeed(by, { part: name, why: "generated by it", firm: false, evenIfFailed: false });
  }

  span(section: string, option: string, said?: string): Span | undefined {
    const value = writtenAs(option, this.#sections.get(section), this.#outside.loaded.get(section));
    const span = value && said !== undefined ? saidSpan(value, said) : value?.span;
    // What a recipe made up stands nowhere: whoever looks for it begins where that recipe is named.
    return span?.source.name === "computed" ? (this.#generators.get(section)?.span("recipe") ?? span) : span;
  }

  #nameSpan(section: string, option: string): Span | undefined {
    const value = this.#sections.get(section)?.options.get(option);
    return value?.history.findLast((entry) => entry.nameSpan)?.nameSpan ?? value?.span;
  }
}
