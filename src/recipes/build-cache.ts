/** The whole-image cache of docker.build: a repository that keeps images by a key of all that decides about them. */
import {
  createRepository,
  applySettings,
  ecrOfHost,
  ecrToken,
  expireAfter,
  findRepository,
  forgetToken,
  imagesByTag,
  inspectImage,
  isMissing,
  openEcr,
  parseReference,
  pullImage,
  repoDigest,
  remoteImage,
  tagImage,
  type Credentials,
  type Ecr,
  type Engine,
} from "tsbuildout/docker";
import { RecipeError, type Context, type InputsContext, type InstallContext } from "tsbuildout/recipe";
import { cacheKey, cacheTag, keyTable, type KeyRow } from "./build-cache-key.js";
import { countsGit, keyRows } from "./build-cache-rows.js";
import type { buildOptions } from "./build-options.js";
import type { Built } from "./build-perform.js";
import { engineOf } from "./common.js";
import { loginFor } from "./login.js";
import { codeOf, dropName, holderOf, inTurn, pushUnder } from "./registry-push.js";

type Inputs = InputsContext<typeof buildOptions>;
type Installing = InstallContext<typeof buildOptions>;

/** A build's place in the cache. */
interface CachePlan {
  readonly key: string;
  readonly rows: readonly KeyRow[];
  /** `registry/repository:key` */
  readonly reference: string;
  readonly latest: string;
  /** Set where the repository is in ECR. */
  readonly ecr: Ecr | undefined;
}

export interface Cached extends Built {
  readonly key: string;
  readonly hit: boolean;
  /** The image's name in the cache. */
  readonly cacheImage: string;
  /** Whether the engine has the image under the names of the build. */
  readonly fetched: boolean;
}

/** For the part's inputs: the key stands for all that it was made of. */
export async function cacheInputs(context: Inputs): Promise<Record<string, string>> {
  return { "cache-key": (await planCache(context)).key };
}

/** For plans: whether the image will be taken or built, and what its key is made of. */
export async function foreseeCache(context: Inputs): Promise<string[]> {
  const plan = await planCache(context);
  const hit = await isHit(context, plan);
  return [`cache ${hit ? "hit" : "miss"}: ${plan.reference}`, ...explained(plan)];
}

function explained({ key, rows }: CachePlan): string[] {
  return [`cache key ${key}, made of`, ...keyTable(rows)];
}

async function planCache(context: Inputs): Promise<CachePlan> {
  const { options } = context;
  const rows = await keyRows(context);
  const key = cacheKey(rows);
  const { repository, ecr } = await locate(context, options["cache-repository"] ?? "");
  const prefix = options["cache-tag-prefix"] ?? "";
  const reference = `${repository}:${cacheTag(prefix, key)}`;
  return { key, rows, reference, latest: `${repository}:${prefix}latest`, ecr };
}

async function locate(context: Context, text: string): Promise<{ repository: string; ecr: Ecr | undefined }> {
  const { env, signal, buildout } = context;
  const [, name] = /^ecr:(.+)$/.exec(text) ?? [];
  // Without a network nothing is asked, and the host does not matter.
  if (name && buildout.offline) return { repository: name, ecr: undefined };
  if (name) {
    const ecr = await openEcr({}, env);
    return { repository: `${(await ecrToken(ecr, signal)).host}/${name}`, ecr };
  }
  const { domain } = parseReference(text);
  return { repository: text, ecr: buildout.offline ? undefined : await ecrOfHost(domain, { env, signal }) };
}

/** Asked once a run and key, so that what was foreseen is what happens. */
async function isHit(context: Context, plan: CachePlan): Promise<boolean> {
  if (context.buildout.offline) return false;
  const look = async (signal: AbortSignal): Promise<boolean> => await lookUp({ ...context, signal }, plan);
  return await context.shared(`image cache ${plan.reference}`, look);
}

/** Only a registry's word that there is none makes a miss; one that cannot be asked is an error. */
async function lookUp(context: Context, { reference, ecr }: CachePlan): Promise<boolean> {
  const { signal } = context;
  const { path, tag = "" } = parseReference(reference);
  if (ecr) return (await imagesByTag(ecr, { repository: path, tags: [tag], signal }))?.has(tag) ?? false;
  const engine = await engineOf(context);
  const credentials = await loginFor(context, reference);
  return (await remoteImage(engine, { reference, credentials, signal })) !== undefined;
}

export interface CachedBuild {
  readonly engine: Engine;
  /** The names of the image. */
  readonly references: readonly string[];
  build(): Promise<Built>;
}

/** The image from the cache, or else built and put there. @throws a problem `registry/…`, `ecr/…`, `cache/…` */
export async function withCache(context: Installing, cached: CachedBuild): Promise<Cached> {
  const plan = await planCache(context);
  for (const line of explained(plan)) context.log(line);
  const known = { key: plan.key, cacheImage: plan.reference };
  const { reference } = plan;
  const found = (await isHit(context, plan))
    ? await inTurn(context, { ...cached, reference }, async () => await take(context, cached, plan))
    : undefined;
  if (found) return { ...known, ...found, hit: true };
  context.log(`cache miss: building, for ${plan.reference}`, "note");
  if (await countsGit(context)) context.warn(GIT);
  const built = await cached.build();
  const digest = (await keep(context, { ...cached, built }, plan)) ?? built.digest;
  return { ...known, ...built, digest, hit: false, fetched: true };
}

const GIT = {
  code: "cache/git",
  message:
    "the key counts .git, and no two checkouts have the same one: what is kept now, no other checkout finds",
  help: ["leave .git out by .dockerignore, or say in cache-on which files decide"],
  option: "cache-repository",
};

type Taken = Pick<Cached, "id" | "digest" | "fetched">;

/** Undefined where the image has gone from the cache since it was looked for. */
async function take(context: Installing, cached: CachedBuild, plan: CachePlan): Promise<Taken | undefined> {
  const { engine, references } = cached;
  const { reference } = plan;
  if (context.options["skip-pull"]) {
    context.log(`cache hit: ${reference} is there, not pulled`, "note");
    return { id: "", digest: undefined, fetched: false };
  }
  context.log(`cache hit: pulling ${reference} instead of building`, "note");
  const name = { kind: "image-name", name: reference, ...(await holderOf(context, { engine, reference })) };
  try {
    await context.created(name);
    const credentials = await loginFor(context, reference);
    await pullImage(engine, { reference, credentials, listener: context, signal: context.signal });
    for (const one of references) await tagImage(engine, reference, one, context.signal);
    const image = await inspectImage(engine, reference, context.signal);
    if (await dropName(engine, name)) await context.removed(name);
    return { id: image?.Id ?? "", digest: image && repoDigest(image, reference), fetched: true };
  } catch (error) {
    if (!isMissing(error)) throw error;
    await context.removed(name);
    return undefined;
  }
}

interface Keeping extends CachedBuild {
  readonly built: Built;
}

/** Pushes what was built under its key and as the latest.
 *  @returns the digest under which the cache has it; undefined where it was no matter that it has not */
async function keep(context: Installing, cached: Keeping, plan: CachePlan): Promise<string | undefined> {
  if (context.buildout.offline) return undefined;
  try {
    return await pushToCache(context, cached, plan);
  } catch (error) {
    context.signal.throwIfAborted();
    const problem = codeOf(error) ? (error as RecipeError).problem : undefined;
    if (!problem || context.options["cache-push-required"]) throw error;
    context.warn({ ...problem, message: `the image is not in the cache: ${problem.message}` });
    return undefined;
  }
}

async function pushToCache(
  context: Installing,
  { engine, built }: Keeping,
  plan: CachePlan,
): Promise<string | undefined> {
  const immutable = plan.ecr ? await ensure(context, plan.ecr, plan.reference) : false;
  const image = built.id === "" ? undefined : await inspectImage(engine, built.id, context.signal);
  if (!image) throw notOnEngine();
  const push = async (reference: string): Promise<string> =>
    await pushUnder(context, {
      engine,
      image,
      reference,
      login: async (refused) => await loginAgain(context, plan, refused),
    });
  const digest = await push(plan.reference).catch((error: unknown) => {
    // Another build of the same key was faster, and its tag cannot be moved.
    if (codeOf(error) !== "registry/tag-refused") throw error;
    context.log(`${plan.reference} is there by now: another build has put it into the cache`, "note");
    return undefined;
  });
  if (!immutable) await push(plan.latest);
  return digest;
}

/** A token of ECR may have ended while it was used; other credentials do not get better by asking again. */
async function loginAgain(
  context: Context,
  { ecr, reference }: CachePlan,
  refused: Credentials | undefined,
): Promise<Credentials | undefined> {
  if (refused && ecr) {
    const token = await ecrToken(ecr, context.signal);
    if (token.password === refused.password) forgetToken(ecr, token);
  }
  return await loginFor(context, reference);
}

const DEFAULT_AGE = 7;

/** @returns whether tags cannot move in the repository */
async function ensure(context: Installing, ecr: Ecr, reference: string): Promise<boolean> {
  const { signal } = context;
  const { path: repository } = parseReference(reference);
  const age = context.options["max-age-days"];
  const wish = { repository, signal, warn: (problem: RecipeError["problem"]) => context.warn(problem) };
  const found = await findRepository(ecr, wish);
  const pairs = context.options["cache-repository-tags"].map(([key, value = ""]) => [key, value] as const);
  const tags = pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
  const info = found ?? (await createRepository(ecr, { ...wish, settings: { tags } }));
  if (!found) context.log(`created repository ${info.uri}`, "note");
  // A policy that somebody gave to a repository of theirs is theirs.
  const days = age ?? (found ? undefined : DEFAULT_AGE);
  const lifecycle = days === undefined ? undefined : expireAfter(days);
  await applySettings(ecr, info, { ...wish, settings: { lifecycle, ...(found && { tags }) } });
  return info.immutable;
}

function notOnEngine(): RecipeError {
  return new RecipeError({
    code: "cache/no-image",
    message: "the build left no image on the engine to put into the cache",
    help: ["leave the option output out where cache-repository is set"],
    option: "cache-repository",
  });
}
