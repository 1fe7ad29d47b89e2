import { statSync } from "node:fs";
import path from "node:path";
import { type Diagnostic, DiagnosticError } from "../diagnostic.js";
import { type Address, addressOf, BadAddress } from "./address.js";
import { type Assignments, readAssignments } from "./assignment.js";
import { builtins } from "./builtin.js";
import { conditions } from "./condition.js";
import { setDirectory, settleDirectories } from "./directories.js";
import { fetching } from "./fetching.js";
import { expandMacros } from "./macro.js";
import { type Layer, type Merged, overlay, overlayMerged, underlay } from "./merge.js";
import { configError, notRemoved } from "./mistakes.js";
import type { Config, Substitution, Value } from "./model.js";
import { mergeTree } from "./order.js";
import { decode, readLocal } from "./read.js";
import type { LoadRequest } from "./request.js";
import { nothingOutside, Resolver } from "./resolve.js";
import type { ScannedFile } from "./scan.js";
import { hasReference } from "./template.js";
import { type FileNode, type Mention, mentionsOf, readTree, type TreeRequest } from "./tree.js";

export type { LoadRequest } from "./request.js";

/**
 * Reads a configuration with all files that it extends, merges them, copies macros and makes directories absolute.
 * References are left to the Resolver. Throws a DiagnosticError with all mistakes of this phase.
 */
export async function loadConfig(request: LoadRequest): Promise<Config> {
  return new Loading(request).run();
}

class Loading {
  readonly request: LoadRequest;
  readonly assignments: Assignments;
  readonly main: Address;
  readonly directory: string;
  private readonly cache = new Map<string, ScannedFile>();
  private readonly files = new Set<string>();
  private readonly mistakes: Diagnostic[] = [];
  private readonly warnings: Diagnostic[] = [];
  private readonly decide: TreeRequest["decide"];
  private base: Merged;

  constructor(request: LoadRequest) {
    this.request = request;
    this.assignments = readAssignments([...request.assignments, ...switches(request)]);
    this.main = addressOfMain(request);
    this.directory = this.main.kind === "path" ? path.dirname(this.main.path) : request.cwd;
    this.decide = conditions(request.env);
    this.base = builtins(this.directory);
  }

  async run(): Promise<Config> {
    const userDefaults = await this.userDefaults();
    if (userDefaults) overlayMerged(this.base, clone(userDefaults));
    const main = await this.tree(this.main);
    const further = await this.commandLineExtends();
    this.failOnMistakes();
    const own: Merged = main ? mergeTree(main, userDefaults) : new Map();
    const merged = underlay(own, builtins(this.directory));
    for (const node of further) overlayMerged(merged, mergeTree(node, undefined));
    overlay(merged, layerOf(this.assignments));
    return this.finish(merged);
  }

  private finish(merged: Merged): Config {
    const { cwd, home } = this.request;
    const places = { cwd, home, substitution: this.substitution(merged) };
    this.mistakes.push(...settleDirectories(merged, places));
    this.failOnMistakes();
    const config = this.config(merged, places.substitution);
    const directory = config.sections.get("buildout")?.options.get("directory")?.text ?? "";
    if (!hasReference(directory, places.substitution)) return config;
    // Everything lies below the directory, so a reference in it is resolved before all others.
    const resolved = new Resolver(config, nothingOutside, this.request.env).peek(
      "buildout",
      "directory",
    )?.text;
    // One that leads nowhere stays as it is: whoever resolves the values says so.
    if (typeof resolved !== "string") return { ...config, directory: this.directory };
    setDirectory(merged, path.resolve(cwd, resolved));
    settleDirectories(merged, places);
    return this.config(merged, places.substitution);
  }

  private config(merged: Merged, substitution: Substitution): Config {
    const warnings = [...this.warnings];
    const sections = expandMacros(merged, (warning) => warnings.push(warning));
    warnings.push(...notRemoved(sections.get("buildout")?.options.get("parts")));
    return {
      sections,
      substitution,
      directory: sections.get("buildout")?.options.get("directory")?.text ?? this.directory,
      file: this.main.kind === "path" ? this.main.path : this.main.url,
      warnings,
      files: [...this.files],
    };
  }

  private async userDefaults(): Promise<Merged | undefined> {
    const { userDefaults: file, cwd } = this.request;
    if (file === undefined || isHidden(path.resolve(cwd, file))) return undefined;
    const before = this.mistakes.length;
    const node = await this.tree({ kind: "path", path: path.resolve(cwd, file) });
    const absent =
      !node && this.mistakes.length === before + 1 && this.mistakes[before]?.code === "config/missing-file";
    if (absent) this.mistakes.length = before;
    return node && mergeTree(node, undefined);
  }

  /** `extends=` on the command line loads over the main file, relative to the current directory. */
  private async commandLineExtends(): Promise<FileNode[]> {
    const sets = this.assignments.get("buildout")?.sets;
    const list = sets?.get("extends");
    if (!sets || !list) return [];
    sets.delete("extends");
    const nodes: FileNode[] = [];
    for (const mention of mentionsOf(list, false)) {
      const node = await this.tree(this.address(mention.name, list), mention);
      if (node) nodes.push(node);
    }
    return nodes;
  }

  private address(name: string, value: Value): Address {
    try {
      return addressOf(name, { directory: this.request.cwd });
    } catch (error) {
      if (!(error instanceof BadAddress)) throw error;
      throw new DiagnosticError([configError("bad-address", error.message, { span: value.span })]);
    }
  }

  private async tree(main: Address, mention?: Mention): Promise<FileNode | undefined> {
    const { cwd, signal } = this.request;
    const { cache, decide } = this;
    const read: TreeRequest["read"] = async (address, root) => {
      signal?.throwIfAborted();
      const { input, file } = this.request;
      if (input && address === this.main) return decode(input, file);
      if (address === this.main && isDevice(file)) return await readLocal(file, { signal });
      if (address.kind === "path") {
        const text = await readLocal(address.path, { signal });
        this.files.add(address.path);
        return text;
      }
      const rules = fetching({
        base: this.base,
        main: root,
        assignments: this.assignments,
        request: this.request,
      });
      const { readUrl } = await import("./download.js");
      return readUrl(address.url, rules);
    };
    const tree = await readTree({ main, mention, cwd, decide, read, cache });
    this.mistakes.push(...tree.mistakes);
    this.warnings.push(...tree.warnings);
    return tree.root;
  }

  private substitution(merged: Merged): Substitution {
    const value = merged.get("buildout")?.options.get("substitution");
    if (!value || value.text === "angle") return value ? "angle" : "both";
    const rest = { span: value.span, help: ['leave the option out to have both "$<…>" and "${…}" read'] };
    this.mistakes.push(configError("bad-value", `substitution is "angle", not "${value.text}"`, rest));
    return "both";
  }

  private failOnMistakes(): void {
    if (this.mistakes.length > 0) throw new DiagnosticError(this.mistakes);
  }
}

function switches({ offline, newest }: LoadRequest): string[] {
  return [
    ...(offline === undefined ? [] : [`buildout:offline=${offline}`]),
    ...(newest === undefined ? [] : [`buildout:newest=${newest}`]),
  ];
}

/** A pipe (`-c <(…)`) is in no folder of the user's: it stands in the current one. */
function isDevice(file: string): boolean {
  return file.startsWith("/dev/fd/") || file === "/dev/stdin";
}

function addressOfMain({ file, cwd }: LoadRequest): Address {
  try {
    return addressOf(isDevice(file) ? path.basename(file) : file, { directory: cwd });
  } catch (error) {
    if (!(error instanceof BadAddress)) throw error;
    throw new DiagnosticError([configError("bad-address", error.message)]);
  }
}

function clone(merged: Merged): Merged {
  return new Map(
    [...merged].map(([name, section]) => [name, { ...section, options: new Map(section.options) }]),
  );
}

function layerOf(assignments: Assignments): Layer {
  return [...assignments].map(([name, said]) => ({ name, ...said }));
}

/** In a folder that this user may not enter. HOME is then another's, as it is left by `sudo -u` and `docker run -u`. */
function isHidden(file: string): boolean {
  try {
    statSync(file);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}
