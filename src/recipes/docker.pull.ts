import {
  familiarReference,
  imageKey,
  inspectFor,
  inspectImage,
  otherPlatformProblem,
  parseReference,
  pullImage,
  repoDigest,
  type Engine,
  type ImageDetails,
} from "tsbuildout/docker";
import {
  defineRecipe,
  RecipeError,
  type Context,
  type InstallContext,
  type Outputs,
  type UninstallContext,
} from "tsbuildout/recipe";
import { engineOf, forgetListing, listing, lookByEngine, problemsOf } from "./common.js";
import { blaming, blamingPlace } from "./blame.js";
import { refuseDeadEnd } from "./engine-move.js";
import { bringTo, broughtDrift, removeAllBrought, type Found } from "./image-brought.js";
import { isFor } from "./image-platform.js";
import { loginFor } from "./login.js";
import { bringAllTags, removeAllTags, tagsAt } from "./pull-all.js";
import { isOutOfReach, pullInputs, pullOptions, pullReference, type PullOptions } from "./pull-policy.js";
import { configureRegistry } from "./registry-options.js";

export default defineRecipe({
  doc: "Pulls an image from a registry. Uninstalling takes away the tag, if it was this part that brought it and no other part of the buildout has it.",
  options: pullOptions,
  outputs: {
    "image-id": { doc: "The image's id on the engine, `sha256:…`; empty where `reference` is." },
    digest: { doc: "The digest of its manifest in the registry, `sha256:…`; empty where `reference` is." },
    image: { doc: "The image by its digest, `repository@sha256:…`: exactly what was pulled." },
    reference: {
      doc: "The image by its tag: `busybox:latest`; empty where all tags were pulled and this one is not among them.",
    },
  },
  configure: (context) => {
    configureRegistry(context);
    if (["name", "tag", "registry"].some((name) => context.unknown.has(name))) return;
    problemsOf(context, () => {
      const reference = pullReference(context.options as PullOptions);
      context.provides(imageKey(reference));
      if (context.options["all-tags"] && parseReference(reference).digest) throw digestOfAll(reference);
    });
  },
  inputs: async (context) => await pullInputs(context, async () => await engineOf(context)),
  check: async (context) => await refuseDeadEnd(context),
  look: async (context) =>
    await lookByEngine(context, async (engine, records) =>
      broughtDrift(await listing(context, engine, "images"), records),
    ),
  install: pull,
  update: pull,
  uninstall,
});

type Install = InstallContext<typeof pullOptions>;

async function pull(context: Install): Promise<Outputs> {
  const engine = await engineOf(context);
  const reference = pullReference(context.options);
  const all = context.options["all-tags"];
  if (all) await bringAll(context, engine, reference);
  const brought = all ? undefined : await bring(context, engine, reference);
  await forgetListing(context, engine, "images");
  const image = brought?.get(reference) ?? (await inspectImage(engine, reference, context.signal));
  return outputsOf(context, reference, image);
}

function digestOfAll(reference: string): RecipeError {
  return new RecipeError({
    code: "option/conflict",
    message: `"${reference}" says by its digest which image is meant, and all-tags that all are`,
    help: ["leave one of them away"],
    option: "all-tags",
  });
}

/** Which tags there are only the registry knows: where it is out of reach, those that are here stay. */
async function bringAll(context: Install, engine: Engine, reference: string): Promise<void> {
  const { tag: _tag, ...repository } = parseReference(reference);
  const name = familiarReference(repository);
  const enough = await isOutOfReach(context);
  if (enough && (await tagsAt(engine, name, context.signal)).length > 0) return;
  refuseOffline(context, name);
  await bringAllTags(context, engine, reference);
}

/** Pulls where the policy wants it. */
async function bring(context: Install, engine: Engine, reference: string): Promise<Found> {
  const { options, signal } = context;
  const enough = options["pull-policy"] === "missing" || (await isOutOfReach(context));
  const { platform } = options;
  const look = async () => await inspectFor(engine, { reference, platform, signal });
  const pullIt = async (before: Found) => {
    const found = async () => (platform ? await look() : before.get(reference));
    const there = enough ? await found() : undefined;
    if (there && isFor(there, platform, { variant: true })) return;
    refuseOffline(context, reference);
    const credentials = await loginFor(context, reference, options);
    const place = options.tag === undefined ? "name" : "tag";
    const transfer = async () =>
      await pullImage(engine, { reference, credentials, platform, listener: context, signal });
    await blaming(context, async () => await blamingPlace(place, transfer));
  };
  const brought = await bringTo(context, engine, { names: [reference], bring: pullIt });
  // Said when it is recorded: what was pulled has the name, and is this part's.
  const image = platform && ((await look()) ?? (await inspectImage(engine, reference, signal)));
  // An arm/v7 runs what is for v6, where a registry has no other: that is for the engine to choose.
  if (image && !isFor(image, platform, { variant: false }))
    throw new RecipeError(otherPlatformProblem(reference, `${image.Os}/${image.Architecture}`));
  return brought;
}

function refuseOffline(context: Context, reference: string): void {
  if (!context.buildout.offline) return;
  throw new RecipeError({
    code: "image/missing",
    message: `the engine has no image ${reference}, and this run is offline`,
    help: ["leave -o (offline) away"],
    option: "name",
  });
}

function outputsOf(context: Install, reference: string, image: ImageDetails | undefined): Outputs {
  const { tag: _tag, ...repository } = parseReference(reference);
  // A repository need not have the tag that a part names by saying none.
  if (!image && context.options["all-tags"])
    return { "image-id": "", digest: "", image: familiarReference(repository), reference: "" };
  if (!image) {
    throw new RecipeError({
      code: "image/missing",
      message: `the pull ended well, and the engine has no image ${reference}`,
      option: "name",
    });
  }
  const digest = repository.digest ?? repoDigest(image, reference);
  const byDigest = digest ? familiarReference({ ...repository, digest }) : reference;
  return { "image-id": image.Id, digest: digest ?? "", image: byDigest, reference };
}

async function uninstall(context: UninstallContext): Promise<void> {
  const engine = await engineOf(context);
  await removeAllTags(context, engine);
  await removeAllBrought(context, engine);
}
