/** A part that is to move to another engine, looked at before it is taken away from its own. */
import type { CheckContext, Schema } from "tsbuildout/recipe";
import { engineOf, engineOptions, onSameEngine } from "./common.js";

/**
 * What a part made stays where it is while the engine that it is to move to does not answer: a mistake in an address, or a
 * host that is down, would else take a container away and put none in its place. A part that is nowhere yet loses nothing.
 * @throws a problem `engine/…`
 */
export async function refuseDeadEnd(context: CheckContext<Schema>): Promise<void> {
  const { record, unknown } = context;
  if (!record || Object.keys(engineOptions).some((option) => unknown.has(option))) return;
  if (!onSameEngine(context, record)) await engineOf(context);
}
