import type { Config, Section } from "./config/model.js";
import { enough } from "./config/reference-mistakes.js";
import { type Span, textOf } from "./text.js";
import { Resolver } from "./config/resolve.js";
import { words } from "./config/space.js";
import { Configurer } from "./configure.js";
import type { BuildoutInfo } from "./contract.js";
import { buildoutMistakes } from "./buildout-section.js";
import type { Runtime } from "./context.js";
import { type Diagnostic, DiagnosticError, distinct } from "./diagnostic.js";
import { CircleError, closure, type Edge, orderParts } from "./graph.js";
import { hasHole, makeHole } from "./hole.js";
import { addNeed, type Need, type Part, recordedNeed } from "./part.js";
import type { Registry } from "./registry.js";
import { isFalse, isTrue } from "./schema.js";
import type { OwnOutputs } from "./schema-outside.js";
import { didYouMean } from "./suggest.js";
import { resolve } from "node:path";

/** More are shown to nobody. */
const MOST_MISTAKES = 200;

/** The parts of a configuration, in order, each configured. */
export interface Blueprint {
  readonly configurer: Configurer;
  readonly parts: readonly Part[];
  readonly needs: ReadonlyMap<string, readonly Need[]>;
  readonly warnings: readonly Diagnostic[];
}

export interface BlueprintRequest {
  readonly config: Config;
  readonly registry: Registry;
  readonly runtime: Runtime;
  /** Only these and what they need; empty: all. */
  readonly only: readonly string[];
  /** Recorded needs, which order the parts as well where they make no circle. */
  recordedNeeds(part: string): readonly string[];
}

/** Finds, configures and orders the parts. Throws a DiagnosticError with every mistake. */
export async function drawBlueprint(request: BlueprintRequest): Promise<Blueprint> {
  const { config, registry, runtime, only } = request;
  const strict = isTrue(runtime.settings.info.options["strict"]);
  const configurer = new Configurer({ config, registry, runtime, strict });
  const all = only.length === 0;
  await configurer.reach("buildout");
  const written = (name: string): boolean => config.sections.get(name)?.options.has("recipe") ?? false;
  for (const name of only.filter(written)) await reachPart(configurer, name);
  const asked = configurer.mistakes.length;
  await reachListed(configurer, !all);
  const before = configurer.mistakes.length;
  // One that another part makes is there by now.
  for (const name of only.filter((one) => !written(one))) await reachPart(configurer, name);
  configurer.finish();
  const selected = select(configurer.parts, all ? undefined : only);
  const section = config.sections.get("buildout");
  const isReferred = (option: string): boolean => configurer.isReferred("buildout", option);
  const mistakes = [
    ...buildoutMistakes(section, runtime.settings, isReferred),
    // Of parts that nobody asked for, mistakes do no harm.
    ...configurer.mistakes.slice(0, all ? before : asked),
    ...configurer.mistakes
      .slice(before)
      .filter(({ part }) => all || part === undefined || selected.has(part)),
  ];
  throwErrors(mistakes);
  const parts = configurer.partsInOrder().filter((part) => selected.has(part.name));
  for (const part of parts)
    for (const name of request.recordedNeeds(part.name))
      if (selected.has(name) && !part.needs.has(name)) addNeed(part, recordedNeed(name));
  return { configurer, ...inOrder(parts), warnings: shown(gathered(distinct(mistakes))) };
}

/** What configuring its parts adds to what a configuration says. */
export interface Configured {
  /** Sections that parts make. */
  readonly made: ReadonlyMap<string, Section>;
  readonly outputs: OwnOutputs;
}

/** Configures all parts, and these sections, to see what comes of it; mistakes are left for those who plan. */
export async function configureAll(
  { config, registry, runtime }: Omit<BlueprintRequest, "only" | "recordedNeeds">,
  sections: readonly string[],
): Promise<Configured> {
  const configurer = new Configurer({ config, registry, runtime, strict: false });
  await configurer.reach("buildout");
  await reachListed(configurer, true);
  for (const name of sections) await configurer.reach(name);
  const made = [...configurer.sections].filter(([name]) => !config.sections.has(name));
  return {
    made: new Map(made),
    outputs: new Map([...configurer.parts].map(([name, { outputs }]) => [name, outputs])),
  };
}

/** @param listed in the file; else it was asked for by name, and no place in the file is to blame */
async function reachPart(configurer: Configurer, name: string, listed = false): Promise<void> {
  await configurer.reach(name);
  if (configurer.parts.has(name) || configurer.failed.has(name)) return;
  // What could not be copied would have brought the recipe.
  const uncopied = configurer.sections.get(name)?.mistakes ?? [];
  if (uncopied.length > 0) return configurer.fail(uncopied.map((mistake) => ({ ...mistake, part: name })));
  const exists = configurer.hasSection(name);
  const message = exists
    ? `[${name}] has no option "recipe"`
    : `there is no section [${name}] for the part ${name}`;
  const span = listed ? listedAt(configurer, name) : undefined;
  // A hundred thousand names are not compared with as many others.
  const many = configurer.mistakes.length > MOST_MISTAKES;
  configurer.fail([
    {
      severity: "error",
      code: exists ? "config/missing-option" : "config/missing-section",
      message,
      ...(span && { span }),
      help: exists || many ? [] : didYouMean(name, configurer.config.sections.keys()),
    },
  ]);
}

/** Where a part is listed: its own word where it stands there as it is, else the whole list. */
function listedAt(configurer: Configurer, name: string): Span | undefined {
  const span = configurer.span("buildout", "parts");
  if (!span || span.source.lineless || configurer.mistakes.length > MOST_MISTAKES) return span;
  const { source } = span;
  const list = textOf(span);
  let at = list.indexOf(name);
  while (at >= 0 && /\S/.test((list[at - 1] ?? "") + (list[at + name.length] ?? "")))
    at = list.indexOf(name, at + 1);
  return at < 0 ? span : { source, start: span.start + at, end: span.start + at + name.length };
}

async function reachListed(configurer: Configurer, optional: boolean): Promise<void> {
  const text = (await configurer.option("buildout", "parts"))?.text;
  if (text === undefined) {
    if (optional) return;
    const message = `[buildout] has no option "parts"`;
    configurer.fail([
      { severity: "error", code: "config/missing-option", message, help: ["list the parts: parts = web db"] },
    ]);
    return;
  }
  for (const { text: name } of words(text)) await reachPart(configurer, name, true);
}

function select(parts: ReadonlyMap<string, Part>, only: readonly string[] | undefined): ReadonlySet<string> {
  return only ? closure(only, (name) => parts.get(name)?.needs.keys() ?? []) : new Set(parts.keys());
}

function inOrder(parts: readonly Part[]) {
  try {
    return orderParts(parts);
  } catch (error) {
    if (error instanceof CircleError) throw new DiagnosticError([circle(error.edges)]);
    throw error;
  }
}

/** A loop, reference by reference. */
function circle(edges: readonly Edge[]): Diagnostic {
  const first = edges.find((edge) => edge.need.span);
  return {
    severity: "error",
    code: "config/circular-reference",
    message: `these parts wait for one another: ${edges.map((edge) => edge.from).join(", ")}`,
    ...(first?.need.span && { span: first.need.span }),
    notes: edges.map(({ from, need }) => ({
      message: `${from} needs ${need.part}: ${need.why}`,
      ...(need.span && { span: need.span }),
    })),
    help: [
      "a value that is known only after install cannot depend on itself: break the loop at one of these",
    ],
  };
}

function throwErrors(mistakes: readonly Diagnostic[]): void {
  if (mistakes.some(({ severity }) => severity === "error"))
    throw new DiagnosticError(shown(distinct(mistakes)));
}

/** As many as anybody reads, errors before warnings count. */
function shown(all: readonly Diagnostic[]): readonly Diagnostic[] {
  if (all.length <= MOST_MISTAKES) return all;
  const errors = all.filter(({ severity }) => severity === "error");
  const more = { ...enough(), ...(errors.length === 0 && { severity: "warning" as const }) };
  return [...(errors.length === 0 ? all : errors).slice(0, MOST_MISTAKES), more];
}

/** The same warning of many parts, as one: it names the first part, and a note the others. */
function gathered(warnings: readonly Diagnostic[]): Diagnostic[] {
  const alike = new Map<string, Diagnostic[]>();
  for (const warning of warnings) {
    const key = warning.part === undefined ? `${alike.size}` : `${warning.code}\n${warning.message}`;
    const group = alike.get(key);
    if (group) group.push(warning);
    else alike.set(key, [warning]);
  }
  return [...alike.values()].map(([first, ...others]) => {
    if (others.length === 0) return first!;
    const named = others.slice(0, 3).map(({ part }) => part!);
    const rest = others.length - named.length;
    const also = rest > 0 ? `${named.join(", ")} and ${rest} more` : named.join(", ");
    return { ...first!, notes: [...(first!.notes ?? []), { message: `the same in ${also}` }] };
  });
}

/** What `[buildout]` says, as far as it is known before any part is configured. */
export function buildoutInfo(
  config: Config,
  run: {
    readonly id: string;
    readonly runId: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly offline: boolean;
    readonly newest: boolean;
  },
): BuildoutInfo {
  const outside = {
    lookup: (section: string, option: string) =>
      config.sections.get(section)?.options.has("recipe")
        ? { text: makeHole({ section, option }), secret: false }
        : undefined,
    isSecret: () => false,
  };
  const values = new Resolver(config, outside, run.env).section("buildout");
  const options: Record<string, string> = {};
  for (const [name, { text }] of values) if (text !== null && !hasHole(text)) options[name] = text;
  const below = (name: string, otherwise: string): string =>
    resolve(config.directory, options[name] || otherwise);
  const cache = options["download-cache"];
  return {
    id: run.id,
    runId: run.runId,
    directory: config.directory,
    partsDirectory: below("parts-directory", "parts"),
    binDirectory: below("bin-directory", "bin"),
    downloadCache: cache ? resolve(config.directory, cache) : undefined,
    cacheDirectory: resolve(config.directory, ".tsbuildout"),
    offline: run.offline || isTrue(options["offline"]),
    newest: run.newest && !isFalse(options["newest"]),
    options,
  };
}
