/** Things of others that a part would come upon, looked at before anything is done. */
import type { Listable } from "tsbuildout/docker";
import type { CheckContext, Problem, Schema } from "tsbuildout/recipe";
import { engineOf, engineOptions, isOfBuildout, listing } from "./common.js";

/**
 * What there is on a part's engine that another buildout or nobody's made. One of this buildout's may be about to go: its
 * part may have got another name.
 */
export async function somebodyElses<K extends keyof Listable>(
  context: CheckContext<Schema>,
  kind: K,
  isMeant: (one: Listable[K]) => boolean,
): Promise<Listable[K] | undefined> {
  if (Object.keys(engineOptions).some((option) => context.unknown.has(option))) return undefined;
  const found = (await thingsThere(context, kind)).find(isMeant);
  return isOfBuildout(found?.Labels, context) ? undefined : found;
}

/** None where the engine does not answer: it may come up by the time that the part is installed. */
async function thingsThere<K extends keyof Listable>(
  context: CheckContext<Schema>,
  kind: K,
): Promise<readonly Listable[K][]> {
  try {
    return await listing(context, await engineOf(context), kind);
  } catch (error) {
    const { problem } = error as { readonly problem?: Problem };
    if (problem?.code.startsWith("engine/")) return [];
    throw error;
  }
}
