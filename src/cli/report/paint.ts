import type { Paint } from "../../index.js";
import type { Io, Output } from "../command.js";

/** Colours for a stream, or undefined where it is to stay plain (https://no-color.org, FORCE_COLOR). */
export function paintFor(output: Output, env: Io["env"]): Paint | undefined {
  return wantsColour(output, env) ? colours : undefined;
}

export function wantsColour(output: Output, env: Io["env"]): boolean {
  if (env["NO_COLOR"]) return false;
  const force = env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return output.isTTY && env["TERM"] !== "dumb";
}

const wrap = (code: string) => (text: string) => `\u001B[${code}m${text}\u001B[0m`;
const [red, yellow, faint] = [wrap("1;31"), wrap("1;33"), wrap("2")];

const colours: Paint = {
  severity: (text, severity) => (severity === "error" ? red(text) : yellow(text)),
  faint,
  mark: red,
};
