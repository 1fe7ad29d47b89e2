import { option, OptionValueError, splitLines, type Option } from "tsbuildout/recipe";

/** One line of `archives`: `url [prefix] [checksum]`. */
export interface ArchiveLine {
  readonly url: string;
  /** Where its content goes, without slashes at the ends; "" is the root. */
  readonly prefix: string;
  readonly checksum?: string;
}

const CHECKSUM =
  /^(?:(?:md5|sha1|sha256|sha512)[:=][0-9a-f]+|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$/i;

/** @throws OptionValueError */
export function parseArchive(line: string): ArchiveLine {
  const [url = "", ...rest] = line.split(/\s+/);
  const [first, second, extra] = rest;
  if (extra !== undefined) throw wrong(line, "it has more than three words");
  if (first === undefined) return { url, prefix: "" };
  if (second === undefined) {
    return CHECKSUM.test(first)
      ? { url, prefix: "", checksum: first }
      : { url, prefix: cleanPrefix(first, line) };
  }
  if (!CHECKSUM.test(second)) throw wrong(line, `"${second}" is not a checksum`);
  return { url, prefix: cleanPrefix(first, line), checksum: second };
}

function cleanPrefix(text: string, line: string): string {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw wrong(line, `the prefix "${text}" leaves the root`);
  return parts.join("/");
}

function wrong(line: string, why: string): OptionValueError {
  return new OptionValueError(`"${line}" is not an archive: ${why}`, [
    "write url [prefix] [checksum], the checksum as sha256:… or bare digits of md5, sha1, sha256 or sha512",
  ]);
}

/** The option `archives`. */
export function archivesOption(doc: string): Option<readonly ArchiveLine[]> {
  return {
    ...option.lines({ doc, aliases: ["archive"] }),
    kind: "archives",
    decode: (text) => splitLines(text).map(parseArchive),
  };
}
