import { pullImage, remoteImage, type Call } from "tsbuildout/docker";
import { RecipeError, type Problem } from "tsbuildout/recipe";
import { forgetListing } from "./common.js";
import { loginFor } from "./login.js";
import type { ImageContext } from "./run-image.js";

/** Pulls the part's image. @throws a problem `image/missing` */
export async function pull(context: ImageContext, call: Call): Promise<void> {
  const { image, platform } = context.options;
  const { signal } = context;
  const credentials = await loginFor(context, image);
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

/** The digest that the registry has under the image's name. One request for all parts of an image. */
export async function registryDigest(context: ImageContext, call: Call): Promise<string | undefined> {
  const { image } = context.options;
  const remote = await context.shared(`registry's ${image} for ${call.engine.key}`, async (signal) => {
    const credentials = await loginFor({ ...context, signal }, image);
    return await remoteImage(call.engine, { reference: image, credentials, signal });
  });
  return remote?.digest;
}
