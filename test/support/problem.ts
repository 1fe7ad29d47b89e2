import { expect } from "chai";

/** The problem that an action ends in; a test fails where it ends well, or in an error without one. */
export async function problemOf(action: () => Promise<unknown>): Promise<object> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error && "problem" in error) return error.problem as object;
    throw error;
  }
  return expect.fail("nothing went wrong");
}
