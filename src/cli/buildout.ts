import { type Buildout, openBuildout } from "../index.js";
import type { Invocation } from "./command.js";
import { requestOf } from "./configuration.js";

/** The buildout that the command line names; it is read when it is asked something. */
export function buildoutOf(invocation: Invocation): Buildout {
  const buildout = openBuildout(requestOf(invocation));
  const { hush } = invocation.io;
  if (hush) hush.text = (text) => buildout.hushed(text);
  return buildout;
}
