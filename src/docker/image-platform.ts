/** Images of several platforms under one name, as containerd's store keeps them. */
import { speaksApi } from "./connect.js";
import type { Engine } from "./engine.js";
import { inspectImage, inspectWith, type ImageDetails } from "./image.js";

/** `linux/arm/v7` as the API wants it in a query; a mere `arm64` is Linux's. */
export function platformObject(text: string | undefined): object | undefined {
  if (!text) return undefined;
  const [os, architecture, variant] = text.includes("/") ? text.split("/") : ["linux", text];
  return { os, architecture, ...(variant ? { variant } : {}) };
}

/** Which image is looked for: a reference or id, and where there are several under it the platform, `linux/arm64`. */
export interface OfPlatform {
  readonly reference: string;
  readonly platform: string | undefined;
  readonly signal: AbortSignal;
}

/** The first API by which one of several images under a name can be looked at. */
const SHOWS_PLATFORM = "1.49";

/** An image by reference; of several under that name, the one for a platform. Undefined where the engine has none; it may be
 *  for another platform where the engine keeps one only. */
export async function inspectFor(engine: Engine, of: OfPlatform): Promise<ImageDetails | undefined> {
  const { reference, platform, signal } = of;
  const several = platform && speaksApi(engine, SHOWS_PLATFORM) && (await engine.info()).containerdStore;
  if (!several) return await inspectImage(engine, reference, signal);
  return await inspectWith(engine, reference, { query: { platform: platformObject(platform) }, signal });
}
