/** What passes between the engine and a recipe. Recipes are plain data, so that a recipe package may bring
 *  its own copy of this module: nothing here is told apart by identity. */
import { requireProblem } from "./given.js";
import type { OptionsOf, Schema } from "./schema.js";

/** What a recipe throws for a failure that the user can mend (also `DockerError` has one): recognised by this
 *  property, not by class. `code` is stable (`image/missing`); `option` points the caret at an option's value. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly notes?: readonly string[];
  readonly help?: readonly string[];
  readonly option?: string;
}

/** Something that a recipe made. `kind` is the recipe's own word, except `file`, a file or folder that the engine itself
 *  removes, with all that is in it, when the part goes (after the recipe's uninstall), and `folder`, one that goes when it is empty. Flat text, so
 *  that a person can read it. */
export interface Resource {
  readonly kind: string;
  readonly name: string;
  readonly [attribute: string]: string;
}

/** What a recipe says of one of its outputs. */
export interface OutputSpec {
  readonly doc: string;
  readonly secret?: boolean;
}
/** Name -> text. */
export type Outputs = Readonly<Record<string, string>>;

/** Where this run takes place; the same for all parts. */
export interface BuildoutInfo {
  /** Names this buildout on labels; kept in the installed-state file, so that it survives a move of the folder. */
  readonly id: string;
  /** Names this run: of its folder of logs, and for what a run hands to programs. Sorts by time. */
  readonly runId: string;
  /** Absolute. */
  readonly directory: string;
  readonly partsDirectory: string;
  readonly binDirectory: string;
  /** Absolute; downloads are kept there when set. */
  readonly downloadCache: string | undefined;
  /** `.tsbuildout` in the directory: caches that may be thrown away. */
  readonly cacheDirectory: string;
  readonly offline: boolean;
  readonly newest: boolean;
  /** The resolved options of [buildout], for defaults such as `engine-url`. */
  readonly options: Readonly<Record<string, string>>;
}

/** What was recorded of an installed part. Texts of secret options are keyed hashes here. */
export interface PartRecord {
  readonly part: string;
  readonly recipe: string;
  readonly version: string;
  readonly options: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Outputs;
  readonly resources: readonly Resource[];
  readonly needs: readonly string[];
  readonly keep: boolean;
  /** ISO 8601, UTC. */
  readonly installedAt: string;
}

/** How far a part has come, or one of several things that it does at once. */
export interface Progress {
  /** Tells bars of one part apart: a layer's id, a step's number. */
  readonly id?: string;
  readonly step: string;
  readonly current?: number;
  readonly total?: number;
  readonly unit?: "bytes" | "items";
}

/** What every call into a recipe is handed. */
export interface Context {
  readonly part: string;
  readonly buildout: BuildoutInfo;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Aborted by Ctrl-C, the part's timeout, or a failed run; hand it to everything that waits. A recipe that can say what
   *  its time went by with throws a RecipeError with the signal's reason as `cause`. */
  readonly signal: AbortSignal;
  /** One value a run and key (an engine connection, a listing), made on first use, shared by all parts and
   *  disposed of at the end of the run. `make` is handed a signal that is aborted when nobody waits any more. */
  shared<T>(
    key: string,
    make: (signal: AbortSignal) => T | Promise<T>,
    dispose?: (value: T) => void | Promise<void>,
  ): Promise<T>;
  /** A line of the part's log, or several. */
  log(line: string, stream?: "out" | "err" | "note"): void;
  warn(problem: Problem): void;
  progress(progress: Progress): void;
  /** From now on this text is printed and recorded as `***`. */
  secret(text: string): void;
}

/** Before anything is done to anything: validation, computed options, generated parts, implied dependencies.
 *  May run twice, the second time when values known only after install are there; it only reads. */
export interface ConfigureContext<S extends Schema> extends Context {
  /** Decoded options; those whose value is not known yet are missing, and named in `unknown`. */
  readonly options: Partial<OptionsOf<S>>;
  readonly unknown: ReadonlySet<string>;
  /** The text of an option as written and resolved, undeclared ones too; undefined when unset or unknown. */
  text(option: string): string | undefined;
  /** Sets an option that the recipe computes, to this text as it stands: what another section has is got by
   *  `reference`. It counts as a change when it differs and may be referred to.
   *  `from` names the option that the text is a piece of: it is a secret where the piece has a secret of that one. */
  compute(
    option: string,
    text: string,
    settings?: { secret?: boolean; inPlace?: boolean; from?: string },
  ): void;
  /** An output whose name depends on the options. */
  declareOutput(name: string, spec: OutputSpec): void;
  /** An option of another section, resolved; makes this part need that one. Undefined where there is none. */
  option(section: string, option: string): Promise<string | undefined>;
  /** Like `option`, for a text that is handed to `compute`: it may stand for a value that is known only after that
   *  section's install, and is then filled in when this part's turn comes. */
  reference(
    section: string,
    option: string,
  ): Promise<{ readonly text: string; readonly secret: boolean } | undefined>;
  hasSection(section: string): boolean;
  /** This part needs that one; `why` is shown by `graph` and in a cycle. With `evenIfFailed` it runs once that
   *  one has ended, whether or not it succeeded, and is not uninstalled with it. */
  needs(part: string, why: string, how?: { readonly evenIfFailed?: boolean }): void;
  /** Says what this part makes, for parts that use it without a reference: `image:app:1`, `network:back`. */
  provides(key: string): void;
  /** This part uses what another may provide: if one does, this one needs it.
   *  @param place where it is, if that is not where the part is */
  uses(key: string, why: string, place?: string): void;
  /** Says where the part is, and what it provides and uses: on which engine, as any text. Of several parts that provide the
   *  same key, one that uses it needs the one in its own place. */
  at(place: string): void;
  /** A part like any written in the file, in plan, status and graph; it may be overridden by a section of its name. */
  addPart(name: string, options: Readonly<Record<string, string>>): void;
  /** Reports a mistake in an option (collected with all others; nothing is installed). */
  fail(problem: Problem): void;
}

/** What `check` is handed: options that wait for another part are missing, and named in `unknown`. */
export type CheckContext<S extends Schema> = Context &
  Pick<ConfigureContext<S>, "options" | "unknown" | "text"> & { readonly record: PartRecord | undefined };

/** What `inputs` and `foresee` are handed: all options are known. `record` is that of the last run, if any. */
export interface InputsContext<S extends Schema> extends Context {
  readonly options: OptionsOf<S>;
  text(option: string): string | undefined;
  readonly record: PartRecord | undefined;
}

/** How a program is run. */
export interface Run {
  /** Relative to the buildout's directory, which it is unless said. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Log the program's output as it comes (default true). */
  readonly log?: boolean;
}

/** What is downloaded: an http, https or file URL. */
export interface Download {
  readonly url: string;
  /** `sha256:…`, or bare hex of md5, sha1, sha256 or sha512. */
  readonly checksum?: string;
  /** What the file is called in the cache (behind a digest of the URL); default: the URL's last part. */
  readonly name?: string;
  /** Ask the server even if the cache has it: for pages that change under one address. */
  readonly fresh?: boolean;
}

/** What `install` is handed. */
export interface InstallContext<S extends Schema> extends InputsContext<S> {
  /** Durable when it resolves: call it before or as the thing is made, so that no crash can lose it. It is recorded as it
   *  is, for the uninstall: no secret belongs in it. */
  created(resource: Resource): Promise<void>;
  /** The opposite: the thing is known to be gone. */
  removed(resource: Resource): Promise<void>;
  /** See UninstallContext: what another part has as well is not this one's alone to take away. */
  others(): readonly PartRecord[];
  /** An input as it was found while it was used, in the place of what `inputs` said: of what is long to read, and is
   *  read in any case, an install need not know more beforehand. */
  input(name: string, digest: string): void;
  /** Waits for something that needs no work of this run, such as a program that is starting: another part is worked on
   *  meanwhile, however few may be at once. */
  waiting<T>(wait: () => Promise<T>): Promise<T>;
  /** Runs a program without a shell; rejects with a problem that has its last lines. */
  run(program: string, args: readonly string[], how?: Run): Promise<{ readonly stdout: string }>;
  /** The path of the file in the download cache (or a temporary one that goes with the run). */
  download(what: Download): Promise<string>;
  /** An empty folder that only this user can enter, for what this call needs and leaves to nobody. It is removed, with
   *  all that is in it, when the call ends; after a kill -9 by the next run. */
  temporaryFolder(): Promise<string>;
}

/** One difference between what is recorded and what is there. */
export interface Drift {
  readonly kind: "missing" | "stopped" | "changed";
  /** `container web is gone`, `label a: "1" -> "2"`. */
  readonly message: string;
  /** What it takes; `update` unless said. `none`: the status tells it, and no run can do anything about it. */
  readonly repair?: "update" | "reinstall" | "none";
  /** The recorded name of a file that is gone, where an update makes it again: for others a reinstall does. */
  readonly file?: string;
}

/** Why an update is called: names of options and inputs that changed, and what `look` found. */
export interface Changes {
  readonly options: readonly string[];
  readonly inputs: readonly string[];
  readonly drift: readonly Drift[];
  /** The last update was cut off or failed; or, of what is `protects`, an uninstall that is wanted no more. */
  readonly unfinished: boolean;
}

/** What `update` is handed. */
export interface UpdateContext<S extends Schema> extends InstallContext<S> {
  readonly record: PartRecord;
  readonly changes: Changes;
}

/** Works from the record, never from today's file. */
export interface UninstallContext extends Context {
  readonly record: PartRecord;
  /** Why: the part is gone from the file, is to be made anew, or its install failed and is undone. */
  readonly because: "gone" | "changed" | "failed";
  /** What is recorded of the buildout's other parts at this moment, but for those that are being uninstalled as well: of
   *  several parts that have one thing, the last one takes it away. */
  others(): readonly PartRecord[];
  /** Says, unless the part is `gone`, that something stays for the install that follows, which finds it among the
   *  resources of its record. Durable when it resolves. */
  leave(resource: Resource): Promise<void>;
  run(program: string, args: readonly string[], how?: Run): Promise<{ readonly stdout: string }>;
}

/** What `foreseeUninstall` is handed. */
export type UninstallOutlook = Context & Pick<UninstallContext, "record">;

/** What the uninstall of a part will come to. */
export interface Departure {
  /** For the plan, such as `the data in the volume db goes with it`. */
  readonly lines: readonly string[];
  /** Whether what the recipe `protects` will be lost. */
  readonly loses: boolean;
}

/** What `look` is handed. */
export interface LookContext extends Omit<Context, "part"> {
  /** All recorded parts of this recipe that are to be looked at, so that one request can serve many. Where that throws,
   *  each is looked at alone: what keeps one from being looked at is nothing to the others. */
  readonly records: readonly PartRecord[];
}

/** What a module of a recipe exports by default; `defineRecipe` has the compiler check it. */
export interface Recipe<S extends Schema = Schema> {
  /** One paragraph, for `tsbuildout recipes` and the reference page. */
  readonly doc: string;
  /** What install, update and uninstall do, and what makes it reinstall; Markdown, for its page. */
  readonly lifecycle?: string;
  /** Sections of a buildout file that show it at work; a test plans or runs it. */
  readonly example?: string;
  /** A change reinstalls the parts. Default: the version of the package that it comes from. */
  readonly version?: string;
  readonly options: S;
  readonly outputs?: Readonly<Record<string, OutputSpec>>;
  /** Options that `configure` may compute: name -> doc. */
  readonly computed?: Readonly<Record<string, string>>;
  /** Beginnings of names that users give to options of their own, to refer to them: never reported as unknown
   *  (unless `strict`). */
  readonly ownNames?: readonly string[];
  /** The default of the engine's option `keep`. */
  readonly keep?: boolean;
  /** Set where an uninstall destroys what was `created` and cannot be made again: a changed option, or another recipe, then
   *  refuses instead (unless `replace = true` or `--replace PART`). Says what would be lost: `the data in the volume`. */
  readonly protects?: string;
  configure?(context: ConfigureContext<S>): void | Promise<void>;
  /** What the part reads that is not an option: name -> digest. */
  inputs?(context: InputsContext<S>): Promise<Readonly<Record<string, string>>>;
  /** Looks whether an install or an update would be refused, before anything is done to any part, and throws the
   *  problem. What is known only after another part's install is missing in the options, and named in `unknown`. */
  check?(context: CheckContext<S>): Promise<void>;
  /** What an install or an update will come to, as far as it can be told beforehand: lines for the plan, such as
   *  `cache hit: …`. It only looks, and what it says is what then happens. Called where all options are known. */
  foresee?(context: InputsContext<S>): Promise<readonly string[]>;
  /** The same of the uninstall of a part that is not in the file any more: what of the user's goes with it. */
  foreseeUninstall?(context: UninstallOutlook): Promise<Departure>;
  /** Drift by part. A recipe with `look` is updated only when something changed or drifted; one with
   *  `update` and without `look` is updated at every run, as zc.buildout does. */
  look?(context: LookContext): Promise<ReadonlyMap<string, readonly Drift[]>>;
  /** Resolves to the outputs. A failure is undone: what was `created` is handed to `uninstall`. */
  install(context: InstallContext<S>): Promise<Outputs | void>;
  /** Brings an installed part in line. Resolves to all outputs (nothing: they stay as they were). Of secret ones the record
   *  has a hash: returned as it is, it says that the output stays, but only its text is any use to parts that refer to it. */
  update?(context: UpdateContext<S>): Promise<Outputs | void>;
  /** Idempotent: what is gone already is no error. Files that were `created` go by themselves afterwards. */
  uninstall?(context: UninstallContext): Promise<void>;
}

/** What else is known of a RecipeError, beside its `cause`. */
export interface RecipeErrorOptions extends ErrorOptions {
  /** Of an uninstall: nothing has been taken away. The part is still what it was, whatever the user does next. */
  readonly untouched?: boolean;
}

/** An error that the user can mend, for recipes: `throw new RecipeError({code, message, help})`. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
  readonly problem: Problem;
  readonly untouched: boolean;
  constructor(problem: Problem, options: RecipeErrorOptions = {}) {
    requireProblem(problem);
    super(problem.message, options);
    this.problem = problem;
    this.untouched = options.untouched ?? false;
  }
}

/** A recipe with the names and kinds of its options checked by the compiler. */
export function defineRecipe<const S extends Schema>(recipe: Recipe<S>): Recipe<S> {
  return recipe;
}

/** What `[buildout] extensions` loads before anything else, from a package or a file like a recipe. */
export interface Extension {
  /** Options that sections get where the file sets none: section -> option -> text in the language. The section `*` is
   *  every one with a recipe. */
  readonly defaults?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Is told every event of a run, secrets already replaced (see `Event` in the package's main module). The run does not
   *  wait for it, and goes on where it fails; the program does not end before it has. */
  report?(event: { readonly type: string }): void | Promise<void>;
}

/** An extension with its parts checked by the compiler. */
export function defineExtension(extension: Extension): Extension {
  return extension;
}
