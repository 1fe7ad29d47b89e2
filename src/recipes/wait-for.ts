import { OptionValueError } from "tsbuildout/recipe";

/** One thing that a container is waited for. */
export type WaitFor =
  | { readonly kind: "healthy" }
  | { readonly kind: "port"; readonly port: number; readonly protocol: "tcp" | "udp" }
  | { readonly kind: "log"; readonly pattern: RegExp }
  | { readonly kind: "exit"; readonly codes: readonly number[] };

const HELP = "write healthy, port NUMBER, log REGEX, or exit";

/** @throws OptionValueError */
export function parseWaitFor(text: string): WaitFor {
  const [word = ""] = text.split(/\s+/, 1);
  const rest = text.slice(word.length).trim();
  if (word === "healthy" && rest === "") return { kind: "healthy" };
  if (word === "port") return parsePortWait(rest, text);
  if (word === "log" && rest !== "") return { kind: "log", pattern: parsePattern(rest) };
  if (word === "exit" && /^(\d{1,3}(\s+\d{1,3})*)?$/.test(rest))
    return { kind: "exit", codes: rest === "" ? [0] : rest.split(/\s+/).map(Number) };
  throw new OptionValueError(`"${text}" is not something to wait for`, [HELP]);
}

function parsePortWait(rest: string, text: string): WaitFor {
  const match = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(rest);
  const port = Number(match?.[1]);
  if (!match || port < 1 || port > 65_535)
    throw new OptionValueError(`"${text}" does not name a port`, [HELP]);
  return { kind: "port", port, protocol: match[2] === "udp" ? "udp" : "tcp" };
}

function parsePattern(text: string): RegExp {
  const delimited = /^\/(.*)\/([ims]*)$/.exec(text);
  try {
    return delimited ? new RegExp(delimited[1] ?? "", delimited[2]) : new RegExp(text);
  } catch (error) {
    throw new OptionValueError(`"${text}" is not a regular expression`, [(error as Error).message]);
  }
}
