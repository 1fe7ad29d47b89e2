import { belowRoot, pathBelow, type ExactTimes } from "./copy-plan.js";
import type { OpenSource } from "./copy-source.js";
import { isHardLink, rewriteTar } from "./tar-rewrite.js";

/** How much of a tree is looked through in advance, in bytes of archive and in entries. */
const BYTES = 16 * 1024 * 1024;
const ENTRIES = 1000;
const AT_ONCE = 4;

/**
 * The nanoseconds that engines cut off the times in their archives, asked path by path. A single file costs nothing; of
 * a folder the names are read first, because an engine answers nothing else while it is giving an archive.
 * @returns undefined where the tree is too large for that: its times are then whole seconds, as with `docker cp`
 */
export async function exactTimes(source: OpenSource): Promise<ExactTimes | undefined> {
  const { mtime, mtimeOf } = source;
  if (mtime === undefined || !mtimeOf) return new Map();
  if (source.kind !== "directory") return new Map([["", paxTimeOf(mtime)]]);
  const names = await readNames(source);
  if (!names) return undefined;
  const times = new Map<string, string>();
  const queue = [...names];
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const found = await mtimeOf(pathBelow(source.path, name));
      if (found !== undefined) times.set(name, paxTimeOf(found));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return times;
}

/** The paths below the source (`""` is itself), or undefined where there are too many or too much. */
async function readNames(source: OpenSource): Promise<string[] | undefined> {
  const names: string[] = [];
  const archive = await source.archive();
  let root: string | undefined;
  let bytes = 0;
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of archive) {
      bytes += chunk.length;
      yield chunk;
      if (bytes > BYTES || names.length > ENTRIES) return;
    }
  };
  const scan = rewriteTar(counted(), (entry) => {
    root ??= entry.name;
    if (!isHardLink(entry)) names.push(belowRoot(entry.name, root));
    return undefined;
  });
  try {
    for await (const _ of scan) continue;
  } catch (error) {
    // Left in the middle of an entry on purpose.
    if (bytes <= BYTES && names.length <= ENTRIES) throw error;
  }
  return bytes > BYTES || names.length > ENTRIES ? undefined : names;
}

/** RFC 3339 -> `SECONDS.NANOSECONDS` */
function paxTimeOf(text: string): string {
  const [, whole = "", fraction = "", zone = "Z"] =
    /^(.*?T[\d:]+)(?:\.(\d+))?(Z|[+-][\d:]+)$/.exec(text) ?? [];
  const seconds = Date.parse(`${whole}${zone}`) / 1000;
  const digits = fraction.padEnd(9, "0");
  if (seconds >= 0 || Number(digits) === 0) return trimmed(String(seconds), digits);
  // Before 1970 the fraction counts towards the past.
  return trimmed(seconds === -1 ? "-0" : String(seconds + 1), String(1e9 - Number(digits)).padStart(9, "0"));
}

function trimmed(seconds: string, digits: string): string {
  const fraction = digits.replace(/0+$/, "");
  return fraction === "" ? seconds : `${seconds}.${fraction}`;
}
