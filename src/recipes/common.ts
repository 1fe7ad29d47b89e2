/** What every built-in Docker recipe shares: which engine is meant, the labels of what is made, and lists of what is there. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import {
  checkChoice,
  engineFor,
  listAll,
  unlessAborted,
  type Engine,
  type EngineChoice,
  type Listable,
} from "tsbuildout/docker";
import {
  option,
  OptionValueError,
  type BuildoutInfo,
  type ConfigureContext,
  type Context,
  type Drift,
  type LookContext,
  type PartRecord,
  type Problem,
  type Schema,
} from "tsbuildout/recipe";

/** The options of every Docker recipe that say which engine is meant. */
export const engineOptions = {
  "engine-url": option.string({
    doc: "Address of the Docker engine: `unix:///path`, `tcp://host:port`, `https://host:port` or `ssh://user@host`. Default: `engine-url` of `[buildout]`, then DOCKER_HOST, DOCKER_CONTEXT, the docker CLI's current context, the default socket.",
  }),
  "engine-tls-verify": option.boolean({
    doc: "Whether the engine is spoken to by TLS and its certificate is checked (`true`), or not checked (`false`). Default: `engine-tls-verify` of `[buildout]`, then DOCKER_TLS_VERIFY.",
    inPlace: true,
  }),
  "engine-tls-cert-path": option.path({
    doc: "Folder with `ca.pem`, `cert.pem` and `key.pem` for an engine that asks for client certificates. Default: `engine-tls-cert-path` of `[buildout]`, then DOCKER_CERT_PATH.",
    inPlace: true,
  }),
  context: option.string({
    doc: "Name of a docker context that says where the engine is. Default: `context` of `[buildout]`.",
  }),
  "machine-name": option.string({
    doc: "Name of a docker context or of an engine made by docker-machine. Default: `machine-name` of `[buildout]`, then DOCKER_MACHINE_NAME where neither DOCKER_HOST nor DOCKER_CONTEXT is set.",
  }),
};

const ENGINE_OPTIONS = Object.keys(engineOptions) as (keyof typeof engineOptions)[];

/** Any context of a part: while it is described, installed or updated it has `text`, while it is uninstalled a `record`. */
export type PartContext = Context & {
  text?(option: string): string | undefined;
  readonly record?: PartRecord | undefined;
};
type Texts = (option: string) => string | undefined;

/** The engine that a part is on: from its options, and from its record when it is uninstalled. One connection a run
 *  and engine, closed at the run's end. @throws a problem `engine/…` */
export async function engineOf(context: PartContext): Promise<Engine> {
  return await connection(context, (name) => textOf(context, name));
}

/** Whether another part's record names the same engine as this part does. */
export function onSameEngine(context: PartContext, { options }: PartRecord): boolean {
  return placeOf(context) === placeKey((name) => options[name]);
}

/** The engine of a part that is only known by its record, for `look`. */
export async function engineOfRecord(context: Omit<Context, "part">, record: PartRecord): Promise<Engine> {
  return await connection(context, recordedTexts(context, record));
}

/** How the file of a run says that the engines of its parts are spoken to, by part and engine. */
const SPOKEN = new WeakMap<BuildoutInfo, Map<string, Spoken>>();
const SPEECH: readonly string[] = ["engine-tls-verify", "engine-tls-cert-path"];
type Spoken = Readonly<Record<string, string | undefined>>;

/** What is recorded of a part; of how its engine is spoken to, what the file says by now: the certificates of the last run
 *  may have moved. Where the parts of the file are not looked at (`status`, `uninstall`), `[buildout]` speaks for them then. */
function recordedTexts(context: Omit<Context, "part">, { part, options }: PartRecord): Texts {
  const { buildout } = context;
  const place = placeKey((name) => options[name]);
  const folder = options["engine-tls-cert-path"];
  const isSame = placeKey((name) => buildout.options[name]) === place;
  const otherwise = folder && isSame && !existsSync(fullPath(folder, context)) ? buildout.options : options;
  const now = SPOKEN.get(buildout)?.get(`${part} ${place}`) ?? otherwise;
  return (name) => (SPEECH.includes(name) ? now : options)[name];
}

async function connection(context: Omit<Context, "part">, texts: Texts): Promise<Engine> {
  return await engineFor(context, engineChoice(context, texts));
}

/** A part that names an engine has said which; otherwise `[buildout]` speaks. */
function engineChoice(context: Omit<Context, "part">, texts: Texts): EngineChoice {
  const said: Texts = (name) => texts(name) || inherited(context, texts, name);
  const verify = said("engine-tls-verify");
  const folder = said("engine-tls-cert-path");
  return {
    ...located(said),
    ...(verify ? { tlsVerify: parseVerify(verify) } : {}),
    ...(folder ? { tlsCertPath: fullPath(folder, context) } : {}),
  };
}

function located(said: Texts): EngineChoice {
  return {
    ...given("url", said("engine-url")),
    ...given("context", said("context")),
    ...given("machineName", said("machine-name")),
  };
}

const LOCATORS: readonly string[] = ["engine-url", "context", "machine-name"];

/** Where an engine is has certificates of its own, except with a mere URL. */
const WITH_TLS: readonly string[] = ["context", "machine-name"];

function inherited(context: Omit<Context, "part">, texts: Texts, name: string): string | undefined {
  const otherwise = LOCATORS.includes(name) ? LOCATORS : WITH_TLS;
  if (otherwise.some((locator) => texts(locator))) return undefined;
  return context.buildout.options[name];
}

/** To be called by every Docker recipe's `configure`: what `[buildout]` says of the engine becomes the part's own, so
 *  that a change of it moves the part, and its uninstall finds the engine that it is on. */
export function configureEngine(
  context: PartContext & Pick<ConfigureContext<Schema>, "text" | "unknown" | "compute" | "fail" | "at">,
): void {
  if (ENGINE_OPTIONS.some((name) => context.unknown.has(name))) return;
  const texts: Texts = (name) => context.text(name);
  const said: Texts = (name) => texts(name) || inherited(context, texts, name);
  for (const name of ENGINE_OPTIONS) {
    const text = texts(name) ? undefined : said(name);
    if (text) context.compute(name, text, { inPlace: !LOCATORS.includes(name) });
  }
  const place = placeOf(context);
  context.at(place);
  const spoken = SPOKEN.get(context.buildout) ?? new Map<string, Spoken>();
  const how = Object.fromEntries(SPEECH.map((name) => [name, said(name)]));
  SPOKEN.set(context.buildout, spoken.set(`${context.part} ${place}`, how));
  problemsOf(context, () => checkChoice(located(said)));
}

function given<K extends string>(key: K, text: string | undefined): Partial<Record<K, string>> {
  return text ? ({ [key]: text } as Record<K, string>) : {};
}

function parseVerify(text: string): boolean {
  const decoded = option.boolean({ doc: "" }).decode(text, { directory: "/", home: "/" });
  if (decoded === undefined) throw new OptionValueError("engine-tls-verify is empty");
  return decoded;
}

function fullPath(text: string, { buildout, home }: Omit<Context, "part">): string {
  const path = text === "~" || text.startsWith("~/") ? home + text.slice(1) : text;
  return resolve(buildout.directory, path);
}

/** Runs a check of `configure` whose problems are to be reported with all others, not thrown. */
export function problemsOf(context: { fail(problem: Problem): void }, check: () => void): void {
  try {
    check();
  } catch (error) {
    const { problem } = error as { readonly problem?: Problem };
    if (!problem) throw error;
    context.fail(problem);
  }
}

/** The engine that a part's options choose, as a key. How it is spoken to makes it no other one. */
export function placeOf(context: PartContext): string {
  return placeKey((name) => textOf(context, name));
}

function placeKey(texts: Texts): string {
  return JSON.stringify(LOCATORS.map((name) => texts(name) ?? ""));
}

function textOf(context: PartContext, option: string): string | undefined {
  if (context.text) return context.text(option);
  return context.record && recordedTexts(context, context.record)(option);
}

/** Engine and thing -> the part that makes it. */
export type Makers = Map<string, string>;

/** To be handed to otherMaker: what the parts of this run make by a name of their own. */
export async function makersOf(context: Pick<Context, "shared">): Promise<Makers> {
  return await context.shared("what parts make by name", () => new Map());
}

/** Two parts cannot make one thing. Other engines have other things.
 *  @param key as for `provides`
 *  @returns the part that was the first to make it, where this is another */
export function otherMaker(context: PartContext, makers: Makers, key: string): string | undefined {
  const place = `${placeOf(context)} ${key}`;
  if (!makers.has(place)) makers.set(place, context.part);
  return otherAt(context, makers, place);
}

function otherAt({ part }: PartContext, makers: Makers, place: string): string | undefined {
  const maker = makers.get(place);
  return maker === part ? undefined : maker;
}

/** The other part that makes a thing now, which this one made. */
export async function heirOf(context: PartContext, key: string): Promise<string | undefined> {
  return otherAt(context, await makersOf(context), `${placeOf(context)} ${key}`);
}

/** Says that a part makes a thing that may be there before. Of two parts in one file the second finds that of the first,
 *  and goes before it. */
export async function makeAfterOther(
  context: PartContext & Pick<ConfigureContext<Schema>, "shared" | "needs" | "provides">,
  key: string,
): Promise<void> {
  const other = otherMaker(context, await makersOf(context), key);
  if (other === undefined) context.provides(key);
  else context.needs(other, `uses its ${key}`);
}

/** The labels on everything that a part makes: who made it can be told without the installed-state file. */
export function labelsOf(context: {
  readonly part: string;
  readonly buildout: { readonly id: string };
}): Record<string, string> {
  return { [BUILDOUT_LABEL]: context.buildout.id, [PART_LABEL]: context.part };
}

export const BUILDOUT_LABEL = "org.tsbuildout.buildout";
export const PART_LABEL = "org.tsbuildout.part";

/** A digest, in hexadecimal, that tells a part of a buildout from all others: for names of things of its own. */
export function ownerDigest({ part, buildout }: Parameters<typeof labelsOf>[0]): string {
  return createHash("sha256").update(`${buildout.id}\n${part}`).digest("hex");
}

/** Whether labels say that this part of this buildout made the thing. */
export function isOurs(
  labels: Readonly<Record<string, string>> | null | undefined,
  owner: { readonly part: string; readonly buildout: { readonly id: string } },
): boolean {
  return isOfBuildout(labels, owner) && labels?.[PART_LABEL] === owner.part;
}

/** Whether labels say that some part of this buildout made the thing. */
export function isOfBuildout(
  labels: Readonly<Record<string, string>> | null | undefined,
  { buildout }: { readonly buildout: { readonly id: string } },
): boolean {
  return labels?.[BUILDOUT_LABEL] === buildout.id;
}

/** Everything of a kind on an engine as it was when the run first asked: one request a kind, engine and run, however
 *  many parts look. For `look`, `inputs` and the like; who changes what is listed says so by `forgetListing`. */
export async function listing<K extends keyof Listable>(
  context: Omit<Context, "part">,
  engine: Engine,
  kind: K,
): Promise<readonly Listable[K][]> {
  const lists = await listsOf(context, engine);
  let list = lists.get(kind);
  if (!list) {
    // No signal: the answer is every part's, and one part's end must not take it from the others.
    list = listAll(engine, kind);
    lists.set(kind, list);
    // A failure is not remembered: the next part may have more luck.
    list.catch(() => lists.delete(kind));
  }
  return (await unlessAborted(list, context.signal)) as readonly Listable[K][];
}

/** Something of that kind was made, changed or removed: whoever looks next asks the engine anew. */
export async function forgetListing(
  context: Omit<Context, "part">,
  engine: Engine,
  kind: keyof Listable,
): Promise<void> {
  (await listsOf(context, engine)).delete(kind);
}

type Lists = Map<keyof Listable, Promise<readonly unknown[]>>;

async function listsOf(context: Omit<Context, "part">, engine: Engine): Promise<Lists> {
  return await context.shared(`docker lists ${engine.key}`, (): Lists => new Map());
}

/** Looks at recorded parts, those of one engine at a time: `look` is called once an engine, with all its records. */
export async function lookByEngine(
  context: LookContext,
  look: (
    engine: Engine,
    records: readonly PartRecord[],
  ) => ReadonlyMap<string, readonly Drift[]> | Promise<ReadonlyMap<string, readonly Drift[]>>,
): Promise<ReadonlyMap<string, readonly Drift[]>> {
  const byEngine = new Map<Engine, PartRecord[]>();
  for (const record of context.records) {
    const engine = await engineOfRecord(context, record);
    const records = byEngine.get(engine);
    if (records) records.push(record);
    else byEngine.set(engine, [record]);
  }
  const found = new Map<string, readonly Drift[]>();
  for (const [engine, records] of byEngine)
    for (const [part, drift] of await look(engine, records)) found.set(part, drift);
  return found;
}
