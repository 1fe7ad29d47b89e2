import {
  familiarReference,
  imageKey,
  inspectImage,
  parseReference,
  pullImage,
  repoDigest,
  type Engine,
} from "tsbuildout/docker";
import {
  defineRecipe,
  RecipeError,
  type Context,
  type InstallContext,
  type Outputs,
  type UninstallContext,
} from "tsbuildout/recipe";
import { configureEngine, engineOf, forgetListing, listing, lookByEngine, problemsOf } from "./common.js";
import { broughtDrift, removeBrought, removeReplaced } from "./image-brought.js";
import { namesOf } from "./image-look.js";
import { bringAllTags, removeAllTags } from "./pull-all.js";
import { pullInputs, pullOptions, pullReference, type PullOptions } from "./pull-policy.js";
import { loginFor } from "./registry-options.js";

export default defineRecipe({
  doc: "Pulls an image from a registry. Uninstalling takes away the tag, if it was this part that brought it.",
  options: pullOptions,
  outputs: {
    "image-id": { doc: "The image's id on the engine, `sha256:…`." },
    digest: { doc: "The digest of its manifest in the registry, `sha256:…`." },
    image: { doc: "The image by its digest, `repository@sha256:…`: exactly what was pulled." },
    reference: { doc: "The image by its tag: `busybox:latest`." },
  },
  configure: (context) => {
    configureEngine(context);
    if (["name", "tag", "registry"].some((name) => context.unknown.has(name))) return;
    problemsOf(context, () => context.provides(imageKey(pullReference(context.options as PullOptions))));
  },
  inputs: async (context) => await pullInputs(context, async () => await engineOf(context)),
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
  if (context.options["all-tags"]) await bringAllTags(context, engine, reference);
  else await bring(context, engine, reference);
  await forgetListing(context, engine, "images");
  return await outputsOf(engine, reference, context.signal);
}

/** Pulls where the policy wants it. A tag that was there before is not this part's. */
async function bring(context: Install, engine: Engine, reference: string): Promise<void> {
  const { options, record, signal } = context;
  const there = await inspectImage(engine, reference, signal);
  const ours = record !== undefined && namesOf(record).includes(reference);
  const resource = { kind: "image", name: reference };
  if (there && (options["pull-policy"] === "missing" || context.buildout.offline)) {
    // Somebody else has put another image there: it is theirs now.
    if (ours && there.Id !== record.outputs["image-id"]) await context.removed(resource);
    return;
  }
  refuseOffline(context, reference);
  if (!there) await context.created(resource);
  const credentials = await loginFor(context, options, reference);
  await pullImage(engine, { reference, credentials, platform: options.platform, listener: context, signal });
  const now = await inspectImage(engine, reference, signal);
  if (ours && there && now && there.Id !== now.Id) await removeReplaced(context, engine, there.Id);
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

async function outputsOf(engine: Engine, reference: string, signal: AbortSignal): Promise<Outputs> {
  const image = await inspectImage(engine, reference, signal);
  if (!image) {
    throw new RecipeError({
      code: "image/missing",
      message: `the pull ended well, and the engine has no image ${reference}`,
      option: "name",
    });
  }
  const digest = parseReference(reference).digest ?? repoDigest(image, reference);
  const { tag: _tag, ...repository } = parseReference(reference);
  const byDigest = digest ? familiarReference({ ...repository, digest }) : reference;
  return { "image-id": image.Id, digest: digest ?? "", image: byDigest, reference };
}

async function uninstall(context: UninstallContext): Promise<void> {
  const engine = await engineOf(context);
  const { record } = context;
  await removeAllTags(context, engine, record);
  const { reference, "image-id": id } = record.outputs;
  for (const name of namesOf(record))
    await removeBrought(context, engine, { name, id: name === reference ? id : undefined });
}
