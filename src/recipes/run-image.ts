import { findImage, inspectImage, type Call } from "tsbuildout/docker";
import { RecipeError, type Context, type PartRecord } from "tsbuildout/recipe";
import { listing } from "./common.js";

/** What says which image a part runs, and where it may come from. */
interface ImageOptions {
  readonly image: string;
  readonly platform?: string | undefined;
  readonly "pull-policy": "missing" | "always" | "never";
}

export type ImageContext = Context & { readonly options: ImageOptions };

/** Sees to it that the engine has the part's image, by pulling it where that is allowed. @throws a problem `image/missing` */
export async function ensureImage(context: ImageContext, call: Call): Promise<void> {
  const { image, "pull-policy": policy } = context.options;
  const { newest, offline } = context.buildout;
  const renew = policy === "always" && newest && !offline && !isId(image);
  if (!renew && (await imageId(context, call)) !== "") return;
  if (policy !== "never" && !offline && !isId(image)) {
    const { pull } = await import("./run-pull.js");
    return await pull(context, call);
  }
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
  const { registryDigest } = await import("./run-pull.js");
  return { registry: (await registryDigest(context, call)) ?? known ?? "unknown" };
}

/** An image that is named by its id can only be there. */
export function isId(image: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(image);
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
