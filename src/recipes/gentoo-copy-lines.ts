import { OptionValueError } from "tsbuildout/recipe";

/** One line of `copy`. */
export interface CopyLine {
  /** With a slash at the end, the content of a folder. */
  readonly from: string;
  readonly to: string;
}

/** Reads `path [destination]`. Without a destination a thing goes where it was. @throws OptionValueError */
export function parseCopy(line: string): CopyLine {
  const [from = "", to = from, extra] = line.split(/\s+/);
  if (extra !== undefined || !from.startsWith("/") || !to.startsWith("/"))
    throw new OptionValueError(`"${line}" is not a copy`, ["write /path or /path /destination"]);
  return { from, to };
}
