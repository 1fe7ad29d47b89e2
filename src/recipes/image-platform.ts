import { DockerError, speaksApi, type Engine } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";

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
