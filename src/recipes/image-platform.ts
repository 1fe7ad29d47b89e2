import { speaksApi, type Engine } from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";

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
