import { DockerError, speaksApi, type Engine, type ImageDetails } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { parsePlatform } from "./gentoo-platform.js";

/**
 * The option `platform` of a part, where the engine can choose by it among images under one name; an engine before that has
 * no more than one there. @param since the first API in which it can
 */
export function platformFor(
  context: Context & { readonly options: { readonly platform?: string | undefined } },
  engine: Engine,
  since: string,
): string | undefined {
  const { platform } = context.options;
  if (platform === undefined || speaksApi(engine, since)) return platform;
  context.warn({
    code: "option/no-effect",
    message: `platform has no effect: this engine (API ${engine.apiVersion}) has one image under a name, whatever it is for`,
    option: "platform",
  });
  return undefined;
}

/**
 * Whether an image is for a platform. An engine may have one of another platform under the name, and old ones take that for
 * whichever is asked for.
 * @param compare whether `arm/v6` and `arm/v7` are two
 */
export function isFor(
  image: Pick<ImageDetails, "Os" | "Architecture" | "Variant">,
  platform: string | undefined,
  compare: { readonly variant: boolean },
): boolean {
  if (!platform || !image.Architecture) return true;
  // `linux` alone: whichever of it the engine takes.
  if (!platform.includes("/") && !parsePlatform(platform)) return platform === (image.Os || platform);
  const [os, arch = "", variant] = platform.includes("/") ? platform.split("/") : ["linux", platform];
  if (image.Os && os !== image.Os) return false;
  if (spelled(arch) !== spelled(image.Architecture)) return false;
  return !compare.variant || !variant || !image.Variant || variant === image.Variant;
}

/** As the Engine API spells it: `amd64` for `x86_64`. */
const spelled = (arch: string): string => parsePlatform(arch)?.arch ?? arch;

/** Does something with the image of a platform. That there is none engines say of the transfer, the archive, or the image. */
export async function forPlatform<T>(platform: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!platform || !(error instanceof DockerError) || !/ platform \(/.test(error.message)) throw error;
    const { message } = error;
    throw new RecipeError({ code: "image/other-platform", message, option: "platform" }, { cause: error });
  }
}
