import { setMaxListeners } from "node:events";
import { RecipeError } from "./contract.js";
import { problemOf } from "./events.js";
import type { Part } from "./part.js";

/** 25 days: to a longer time Node sets no timer, but one that ends at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls into a part's recipe with a signal that its `timeout` aborts, too.
 * @param signal of the run
 * @throws RecipeError `part/timeout`, or what the work throws
 */
export async function withinTime<T>(
  { engine }: Pick<Part, "engine">,
  signal: AbortSignal,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const limit = engine.timeout;
  if (limit === undefined) return await work(signal);
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(timedOut(limit)), Math.min(limit, LONGEST));
  const both = AbortSignal.any([signal, clock.signal]);
  // As for the run's own: every request of the part listens.
  setMaxListeners(0, both);
  try {
    return await work(both);
  } catch (error) {
    if (!clock.signal.aborted || signal.aborted) throw error;
    // A recipe that took up the reason knows what the time went by with.
    const { reason } = clock.signal;
    throw problemOf(error) && (error as Error).cause === reason ? error : reason;
  } finally {
    clearTimeout(timer);
  }
}

/** @param milliseconds what the part allows */
function timedOut(milliseconds: number): RecipeError {
  const seconds = milliseconds / 1000;
  return new RecipeError({
    code: "part/timeout",
    message: `not done within ${seconds} ${seconds === 1 ? "second" : "seconds"}`,
    option: "timeout",
    help: ["give it more time with the option timeout"],
  });
}
