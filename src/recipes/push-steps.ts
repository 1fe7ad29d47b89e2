import {
  familiarName,
  familiarReference,
  inspectImage,
  parseReference,
  pushImage,
  remoteImage,
  removeImage,
  repoDigest,
  tagImage,
  tagsOf,
  type Credentials,
  type Engine,
  type ImageDetails,
  type Transfer,
} from "tsbuildout/docker";
import {
  RecipeError,
  type InputsContext,
  type InstallContext,
  type Outputs,
  type Problem,
} from "tsbuildout/recipe";
import { blamingPlace } from "./blame.js";
import { BUILDOUT_LABEL, engineOf, forgetListing } from "./common.js";
import { pushTargets, type pushOptions, type Targets } from "./push-options.js";
import { removeBrought, type Found } from "./image-brought.js";
import { imagesByName } from "./image-look.js";
import { forPlatform, platformFor } from "./image-platform.js";
import { digestsOfOthers } from "./image-share.js";
import { loginFor } from "./login.js";
import { inTurn } from "./registry-push.js";
import { tagsAt } from "./pull-all.js";

type Inputs = InputsContext<typeof pushOptions>;
type Install = InstallContext<typeof pushOptions>;

/**
 * What the registry has under each tag, as a part's inputs: what is recorded, as long as that is what was pushed. Asked at
 * every run, unless `-N` or `-o`.
 */
export async function registryDigests(context: Inputs, engine: Engine): Promise<Record<string, string>> {
  const { record, buildout } = context;
  const { targets } = pushTargets(context.options);
  const digest = async (target: string): Promise<readonly [string, string]> => {
    const name = `registry ${target}`;
    const known = record?.inputs[name];
    if (!record || known === undefined || buildout.offline || !buildout.newest)
      return [name, known ?? "as pushed"];
    const there = await digestThere(context, engine, target);
    return [name, there === record.outputs["digest"] ? known : "changed"];
  };
  const [own, ...further] = targets;
  // One that does not answer is found out by the first; the others need not wait for each other.
  const first = await digest(own);
  return Object.fromEntries([first, ...(await Promise.all(further.map(digest)))]);
}

/** The part's name and password are for the registry of its first name: those of further tags are not shown them. */
async function loginAt(context: Inputs | Install, reference: string): Promise<Credentials | undefined> {
  const [own] = pushTargets(context.options).targets;
  const same = parseReference(own).domain === parseReference(reference).domain;
  return await loginFor(context, reference, same ? context.options : {});
}

/** A registry that does not answer is no reason to push again, and is asked once a run: its silence is half a minute long. */
async function digestThere(context: Inputs, engine: Engine, target: string): Promise<string | undefined> {
  const pushed = context.record?.outputs["digest"];
  const { domain } = parseReference(target);
  const silent = await context.shared("registries that do not answer", () => new Set<string>());
  if (silent.has(domain)) return pushed;
  try {
    const credentials = await loginAt(context, target);
    return (await remoteImage(engine, { reference: target, credentials, signal: context.signal }))?.digest;
  } catch (error) {
    context.signal.throwIfAborted();
    const { problem } = error as { readonly problem?: Problem };
    if (problem?.code === "registry/failed") silent.add(domain);
    const why = error instanceof Error ? error.message : String(error);
    context.log(`the registry does not say what it has, it is taken to have what was pushed: ${why}`, "note");
    return pushed;
  }
}

/** Tags the image for the registry and pushes every tag that the registry does not have yet. */
export async function pushEverything(context: Install): Promise<Outputs> {
  const engine = await engineOf(context);
  const { source, targets } = pushTargets(context.options);
  refuseOffline(context);
  const image = await inspectImage(engine, source, context.signal);
  if (!image) throw missing(source);
  const known = new Map([[source, image]]);
  for (const target of targets) {
    const there = known.get(target) ?? (await nameIt(context, engine, { image, target }));
    if (there) known.set(target, there);
  }
  const all = context.options["all-tags"];
  const others = all ? await nameOthers(context, engine, { source, target: targets[0] }) : [];
  await dropOldNames(context, engine, [...targets, ...others]);
  const digest = all
    ? await pushWhole(context, engine, targets)
    : await pushTags(context, engine, { targets, id: image.Id, known });
  await forgetListing(context, engine, "images");
  const { tag: _tag, ...repository } = parseReference(targets[0]);
  const byDigest = digest ? familiarReference({ ...repository, digest }) : targets[0];
  return { "image-id": image.Id, digest, image: byDigest, reference: targets[0] };
}

function refuseOffline(context: Install): void {
  if (!context.buildout.offline) return;
  throw new RecipeError({
    code: "push/offline",
    message: "this run is offline: nothing can be pushed",
    help: ["leave -o (offline) away"],
  });
}

function missing(source: string): RecipeError {
  return new RecipeError({
    code: "image/missing",
    message: `the engine has no image ${source}`,
    option: "name",
  });
}

interface Naming {
  readonly image: ImageDetails;
  readonly target: string;
}

/**
 * A name that was not there is this part's, and goes with it; one that somebody else has put on another image is theirs.
 * @returns the image as the engine has it, where it had the name already
 */
async function nameIt(
  context: Install,
  engine: Engine,
  { image, target }: Naming,
): Promise<ImageDetails | undefined> {
  const there = await inspectImage(engine, target, context.signal);
  const known = imagesByName(context.record);
  const recorded = known.get(target);
  const wasMoving = known.has(target) && recorded === undefined;
  const named = { kind: "image", name: target, id: image.Id };
  if (there?.Id === image.Id) {
    if (wasMoving) await context.created(named);
    return there;
  }
  const moves = there && (wasMoving || recorded === there.Id);
  // Cut off, it is this part's where it was as well as where it is to be.
  if (moves) await context.created({ kind: "image", name: target });
  else if (!there) await context.created(named);
  else {
    if (known.has(target)) await context.removed({ kind: "image", name: target });
    tellTaken(context, there, target);
  }
  await tagImage(engine, image.Id, target, context.signal);
  if (!moves) return undefined;
  await context.created(named);
  const { Id } = there;
  await inTurn(
    context,
    { engine, reference: Id },
    async () => await dropDigest(context, engine, { Id, target }),
  );
  return undefined;
}

/**
 * The image that was pushed before is still called by its digest in the repository. With such names in several ones Docker
 * removes no image by its id: who made or pulled it could not take it away. The last name of all stays.
 */
async function dropDigest(
  context: Install,
  engine: Engine,
  { Id, target }: { readonly Id: string; readonly target: string },
): Promise<void> {
  const { signal } = context;
  const old = engine.libpod ? undefined : await inspectImage(engine, Id, signal);
  if (!old) return;
  const repository = familiarName(parseReference(target));
  const isThere = (name: string): boolean => familiarName(parseReference(name)) === repository;
  const [tags, digests] = [tagsOf(old), old.RepoDigests ?? []];
  if (tags.some(isThere) || tags.length + digests.filter((name) => !isThere(name)).length === 0) return;
  const others = digestsOfOthers(context, old);
  for (const name of digests)
    if (isThere(name) && !others.includes(name)) await removeImage(engine, name, { noPrune: true, signal });
}

/** Who loses the last name of an image of theirs must know. What this part has pushed before is not theirs. */
function tellTaken(context: Install, { Id, Config, ...there }: ImageDetails, name: string): void {
  if (tagsOf(there).length > 1 || Config?.Labels?.[BUILDOUT_LABEL]) return;
  if (Id === context.record?.outputs["image-id"]) return;
  context.warn({
    code: "push/name-taken",
    message: `${name} was the only name of an image that no buildout has made, ${Id}: the image that is pushed has it now`,
    help: ["where such an image is to stay, give it a second name, or the part another repository or tag"],
    option: context.options.repository === undefined ? "name" : "repository",
  });
}

/** Names of an earlier description. */
async function dropOldNames(context: Install, engine: Engine, targets: readonly string[]): Promise<void> {
  for (const [name, id] of imagesByName(context.record)) {
    if (targets.includes(name)) continue;
    if (await removeBrought(context, engine, { name, id })) await context.removed({ kind: "image", name });
  }
}

/** @param known of names that the image had already @returns the digest, which all tags share */
async function pushTags(
  context: Install,
  engine: Engine,
  { targets, id, known }: { targets: readonly string[]; id: string; known: Found },
): Promise<string> {
  const { signal } = context;
  let digest = "";
  for (const reference of targets) {
    const credentials = await loginAt(context, reference);
    const named = digest
      ? undefined
      : (known.get(reference) ?? (await inspectImage(engine, reference, signal)));
    const here = digest || (named && repoDigest(named, reference));
    const there = here
      ? await asked(context, async () => await remoteImage(engine, { reference, credentials, signal }))
      : undefined;
    if (there && (there.digest === here || there.configDigest === id)) {
      context.log(`${reference}: the registry has ${there.digest} already`, "note");
      digest = there.digest;
    } else digest = await pushOne(context, engine, { reference, credentials });
  }
  return digest;
}

/** What cannot be asked is pushed: the push says better what is wrong. */
async function asked<T>(context: Install, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    context.signal.throwIfAborted();
    return undefined;
  }
}

/** The first API in which a push takes a platform. */
const PLATFORM = "1.46";

async function pushOne(
  context: Install,
  engine: Engine,
  push: Pick<Transfer, "reference" | "credentials">,
): Promise<string> {
  const platform = platformFor(context, engine, PLATFORM);
  const { signal } = context;
  const place = (["repository", "registry", "name"] as const).find((option) => context.options[option]);
  const pushIt = async () => await pushImage(engine, { ...push, platform, listener: context, signal });
  return await blamingPlace(place ?? "name", async () => await forPlatform(platform, pushIt));
}

/** Gives all images of a repository their names in another one. @returns those names */
async function nameOthers(
  context: Install,
  engine: Engine,
  { source, target }: { source: string; target: string },
): Promise<string[]> {
  const to = parseReference(target);
  const targets: string[] = [];
  for (const name of await tagsAt(engine, familiarName(parseReference(source)), context.signal)) {
    const image = await inspectImage(engine, name, context.signal);
    const { tag } = parseReference(name);
    if (!image || !tag) continue;
    const other = familiarReference({ ...to, tag });
    await nameIt(context, engine, { image, target: other });
    targets.push(other);
  }
  return targets;
}

/** Pushes every tag of the first name's repository, and the further names. @returns the digest of the first */
async function pushWhole(context: Install, engine: Engine, targets: Targets["targets"]): Promise<string> {
  const [own] = targets;
  const there = await tagsAt(engine, familiarName(parseReference(own)), context.signal);
  let digest = "";
  for (const reference of new Set([...there, ...targets])) {
    const pushed = await pushOne(context, engine, {
      reference,
      credentials: await loginAt(context, reference),
    });
    if (reference === own) digest = pushed;
  }
  return digest;
}
