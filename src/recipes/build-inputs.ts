import { createHash } from "node:crypto";
import {
  findImage,
  inspectImage,
  remoteImage,
  repoDigest,
  type Dockerfile,
  type Engine,
  type ImageSummary,
} from "tsbuildout/docker";
import type { InputsContext, InstallContext, PartRecord } from "tsbuildout/recipe";
import { cacheInputs } from "./build-cache.js";
import { imagesTaken } from "./build-contexts.js";
import { contextDigests, filesDigest } from "./build-files.js";
import type { BuildFiles, FilesDigest } from "./build-opened.js";
import type { buildOptions } from "./build-options.js";
import { buildArgsOf } from "./build-spec.js";
import { engineOf, listing } from "./common.js";
import { NAMELESS_BASE } from "./image-look.js";
import { loginFor } from "./login.js";
import { isReference } from "./names.js";

type Inputs = InputsContext<typeof buildOptions>;
type Install = InstallContext<typeof buildOptions>;

/** What an image is made of besides the options: the context, the images that it starts from, the environment. */
export async function buildInputs(context: Inputs): Promise<Record<string, string>> {
  const { options } = context;
  // The key stands for all that was built from, and what that was is known on: it is not the part's to take away.
  if (options["cache-repository"])
    return { ...recordedBases(context.record), ...(await cacheInputs(context)) };
  const files = await filesDigest(context, options, context.record === undefined);
  const buildArgs = buildArgsOf(context, options);
  const inputs: Record<string, string> = { ...files.inputs };
  for (const [key, value] of options["build-args"]) {
    const taken = buildArgs[key];
    if (value === undefined && taken !== undefined) inputs[`build-arg ${key}`] = concealed(context, taken);
  }
  for (const [name, digest] of await contextDigests(context, options)) inputs[`context ${name}`] = digest;
  const bases = files.dockerfile ? basesIn(context, files.dockerfile) : basesBefore(context, files.inputs);
  if (bases.length === 0) return inputs;
  const engine = await engineOf(context);
  for (const base of bases) inputs[`${BASE}${base}`] = await baseState(context, engine, base);
  return inputs;
}

const BASE = "image ";

/** Of an image that may have no name; the engine takes the beginning of one, too. */
const ID = /^(sha256:)?[0-9a-f]{4,64}$/;

function basesIn(context: Inputs, dockerfile: Dockerfile): string[] {
  // What is no reference is for the builder to complain of, with its line.
  return imagesTaken(context, context.options, dockerfile).filter(
    (base) => ID.test(base) || isReference(base),
  );
}

/** Those that the last build has told of, where the Dockerfile is not known without fetching it: of the same files. */
function basesBefore({ record }: Inputs, { source }: FilesDigest["inputs"]): string[] {
  if (record?.inputs["source"] !== source) return [];
  return Object.keys(recordedBases(record)).map((name) => name.slice(BASE.length));
}

function recordedBases(record: PartRecord | undefined): Record<string, string> {
  const inputs = Object.entries(record?.inputs ?? {});
  return Object.fromEntries(inputs.filter(([name]) => name.startsWith(BASE)));
}

interface Started {
  readonly dockerfile: BuildFiles["dockerfile"];
  /** What the engine had when the build began. */
  readonly images: readonly ImageSummary[];
}

/**
 * Tells of the images that were built from what the part's inputs lack. One that the builder has fetched (the classic one
 * keeps it on the engine) is what was built from, and no change for the next run.
 */
export async function tellBases(context: Install, engine: Engine, started: Started): Promise<void> {
  const { dockerfile, images } = started;
  const cached = context.options["cache-repository"] !== undefined;
  for (const base of basesIn(context, dockerfile.content)) {
    const now = await inspectImage(engine, base, context.signal);
    if (now && (cached || now.Id !== findImage(images, base)?.Id)) {
      const digest = isPulled(context, base) ? ` ${repoDigest(now, base) ?? "unknown"}` : "";
      context.input(`${BASE}${base}`, `${now.Id}${digest}`);
    } else if (dockerfile.fetched) {
      context.input(`${BASE}${base}`, await baseState(context, engine, base));
    }
  }
}

/** Ids of the images from which the recorded image was built; undefined where they are not known, as of one from a cache. */
export function basesOf(record: PartRecord | undefined): ReadonlySet<string> | undefined {
  const states = Object.values(recordedBases(record));
  if (states.length === 0 && record?.options["cache-repository"]) return undefined;
  const nameless = (record?.resources ?? []).filter(({ kind }) => kind === NAMELESS_BASE);
  return new Set([
    ...states.flatMap((state) => state.split(" ")[0] ?? []),
    ...nameless.map(({ name }) => name),
  ]);
}

/**
 * The id on the engine, and with `pull` the digest in the registry: whichever changes makes a rebuild. Who may not ask, or
 * need not, takes the digest for the one that was built from.
 */
async function baseState(context: Inputs, engine: Engine, base: string): Promise<string> {
  const listed = findImage(await listing(context, engine, "images"), base);
  // One without a name, that others are built on, is in no list.
  const image = listed ?? (ID.test(base) ? await inspectImage(engine, base, context.signal) : undefined);
  const id = image?.Id ?? "absent";
  const { offline, newest } = context.buildout;
  if (!isPulled(context, base)) return id;
  const known = context.record?.inputs[`${BASE}${base}`]?.split(" ")[1];
  const asks = !offline && (newest || known === undefined);
  const digest = asks ? await inRegistry(context, engine, base) : known;
  return `${id} ${digest ?? known ?? "unknown"}`;
}

function isPulled({ options }: Inputs, base: string): boolean {
  return options.pull && isReference(base);
}

/** A registry that does not answer is no reason to rebuild: the pull itself will say what is wrong. */
async function inRegistry(context: Inputs, engine: Engine, base: string): Promise<string | undefined> {
  try {
    const credentials = await loginFor(context, base);
    return (await remoteImage(engine, { reference: base, credentials, signal: context.signal }))?.digest;
  } catch {
    context.signal.throwIfAborted();
    return undefined;
  }
}

/** A value of the environment may be anything: it is told apart, not told. */
function concealed(context: Inputs, value: string): string {
  return `sha256:${createHash("sha256").update(`${context.buildout.id}\0${value}`).digest("hex")}`;
}
