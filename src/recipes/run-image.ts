import {
  credentialsFor,
  findImage,
  inspectImage,
  parseReference,
  pullImage,
  remoteImage,
  withDefaultTag,
  type Call,
} from "tsbuildout/docker";
import { RecipeError, type Context, type PartRecord, type Problem } from "tsbuildout/recipe";
import { forgetListing, listing } from "./common.js";

/** What says which image a part runs, and where it may come from. */
interface ImageOptions {
  readonly image: string;
  readonly platform?: string | undefined;
  readonly "pull-policy": "missing" | "always" | "never";
}

type ImageContext = Context & { readonly options: ImageOptions };

/** Sees to it that the engine has the part's image, by pulling it where that is allowed. @throws a problem `image/missing` */
export async function ensureImage(context: ImageContext, call: Call): Promise<void> {
  const { image, "pull-policy": policy } = context.options;
  const { newest, offline } = context.buildout;
  const renew = policy === "always" && newest && !offline && !isId(image);
  if (!renew && (await imageId(context, call)) !== "") return;
  if (policy !== "never" && !offline && !isId(image)) return await pull(context, call);
  throw new RecipeError({
    code: "image/missing",
    message: `the engine has no image ${image}`,
    notes: isId(image) ? [] : [policy === "never" ? "pull-policy = never" : "this run is offline"],
    option: "image",
  });
}

/**
 * With `pull-policy = always`: what the registry has under the image's name, so that a run notices another one. Without
 * network (`-o`), and with `-N`, what is recorded stays.
 */
export async function registryInput(
  context: ImageContext & { readonly record: PartRecord | undefined },
  call: Call,
): Promise<Record<string, string>> {
  const { image, "pull-policy": policy } = context.options;
  if (policy !== "always" || isId(image)) return {};
  const known = context.record?.inputs["registry"];
  const { newest, offline } = context.buildout;
  if (offline || !newest) return known === undefined ? {} : { registry: known };
  const { env, home, signal } = context;
  const remote = await context.shared(`registry's ${image} for ${call.engine.key}`, async () => {
    const credentials = await credentialsFor(parseReference(image).domain, { env, home, signal });
    return await remoteImage(call.engine, { reference: image, credentials, signal });
  });
  return { registry: remote?.digest ?? known ?? "unknown" };
}

/** An image that is named by its id can only be there. */
export function isId(image: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(image);
}

async function pull(context: ImageContext, call: Call): Promise<void> {
  const { image, platform } = context.options;
  const { env, home, signal } = context;
  const reference = withDefaultTag(parseReference(image));
  const credentials = await credentialsFor(reference.domain, { env, home, signal });
  await pullImage(call.engine, {
    reference: image,
    platform,
    credentials,
    signal,
    listener: {
      log: (line) => context.log(line),
      progress: (progress) => context.progress({ ...progress, step: `pulling ${image}: ${progress.step}` }),
    },
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw notPulled(image, error);
  });
  await forgetListing(context, call.engine, "images");
}

/** The registry's word alone does not say for which image it was asked. */
function notPulled(image: string, error: unknown): RecipeError {
  const { problem } = error as { readonly problem?: Problem };
  const message = problem?.message ?? (error instanceof Error ? error.message : String(error));
  return new RecipeError(
    {
      code: "image/missing",
      message: `the engine has no image ${image}, and cannot pull it`,
      notes: [message, ...(problem?.notes ?? [])],
      help: problem?.help ?? [],
      option: "image",
    },
    { cause: error },
  );
}

/** The id of the image that the engine has under the name; empty where it has none. One request for all parts. */
export async function imageId(context: ImageContext, call: Call): Promise<string> {
  const { image } = context.options;
  const images = await listing(context, call.engine, "images");
  // The beginning of an id is a name that no list holds.
  return (findImage(images, image) ?? (await inspectImage(call.engine, image, call.signal)))?.Id ?? "";
}

/** The image's id as an input of a part with an output `image-id`, as long as it says something new: an image that the
 *  install had to pull, or that has lost its name since, is the one that the part has used. */
export async function imageInput(
  context: ImageContext & { readonly record: PartRecord | undefined },
  call: Call,
): Promise<string> {
  const id = await imageId(context, call);
  const { record } = context;
  return id === "" || id === record?.outputs["image-id"] ? (record?.inputs["image"] ?? id) : id;
}
