import { Readable } from "node:stream";
import { belowRoot, pathBelow, type ExactTimes } from "./copy-plan.js";
import type { OpenSource } from "./copy-source.js";
import { isHardLink, TarRewriter } from "./tar-rewrite.js";

/** How much of a tree is looked through in advance, in bytes of archive and in entries. */
const BYTES = 16 * 1024 * 1024;
const ENTRIES = 1000;
const AT_ONCE = 8;

/** A source with the nanoseconds of its times, as far as they are known. */
export interface TimedSource {
  /** Reads on where the names were read: what has come already does not come again. */
  readonly source: OpenSource;
  /** Undefined where the tree is too large for asking: its times are then whole seconds, as with `docker cp`. */
  readonly times: ExactTimes | undefined;
}

/**
 * Finds the nanoseconds that engines cut off the times in their archives, by asking path by path. A single file costs
 * nothing; of a folder the names are read first, because an engine answers nothing else while it is giving an archive.
 * @param wanted whether to ask whatever it takes, or not at all; unless said, where the tree is small
 */
export async function withExactTimes(source: OpenSource, wanted?: boolean): Promise<TimedSource> {
  const { mtime } = source;
  if (mtime === undefined || !source.mtimeOf) return { source, times: new Map() };
  if (source.kind !== "directory") return { source, times: new Map([["", paxTimeOf(mtime)]]) };
  if (wanted === false) return { source, times: undefined };
  const ahead = await readAhead(source, wanted === true);
  return { source: ahead.source, times: ahead.names && (await askTimes(source, ahead.names)) };
}

async function askTimes(source: OpenSource, names: readonly string[]): Promise<ExactTimes> {
  const times = new Map<string, string>();
  const queue = names.values();
  const worker = async (): Promise<void> => {
    for (const name of queue) {
      const found = await source.mtimeOf?.(pathBelow(source.path, name));
      if (found !== undefined) times.set(name, paxTimeOf(found));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return times;
}

interface Ahead {
  readonly source: OpenSource;
  /** The paths below the source (`""` is itself); undefined where there are too many or too much. */
  readonly names: readonly string[] | undefined;
}

/** @param all whether to read to the end, however much there is */
async function readAhead(source: OpenSource, all: boolean): Promise<Ahead> {
  const stream = await source.archive();
  const names: string[] = [];
  const kept: Buffer[] = [];
  let root: string | undefined;
  let bytes = 0;
  let coming = 0;
  const scan = new TarRewriter((entry) => {
    root ??= entry.name;
    coming += entry.size;
    if (!isHardLink(entry)) names.push(belowRoot(entry.name, root));
    return undefined;
  });
  const tooMuch = (): boolean => Math.max(bytes, coming) > BYTES || names.length > ENTRIES;
  const ended = await look(stream, (chunk) => {
    bytes += chunk.length;
    scan.push(chunk);
    if (tooMuch() && all) kept.length = 0;
    else kept.push(chunk);
    return all || !tooMuch();
  });
  if (ended) scan.finish();
  else for (const chunk of kept.reverse()) stream.unshift(chunk);
  if (ended && tooMuch()) return { source, names };
  return {
    source: ended ? readAgain(source, kept) : readingOn(source, stream),
    names: ended ? names : undefined,
  };
}

/** Reads a stream until the function has enough, and leaves it paused. @returns whether it came to its end */
async function look(stream: Readable, wantsMore: (chunk: Buffer) => boolean): Promise<boolean> {
  return await new Promise<boolean>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      try {
        if (wantsMore(chunk)) return;
        stream.off("data", onData).off("end", onEnd).off("error", reject).off("close", onClose).pause();
        resolve(false);
      } catch (error) {
        stream.destroy(error as Error);
      }
    };
    const onEnd = (): void => resolve(true);
    const onClose = (): void => reject(new Error("the archive was closed before its end"));
    stream.on("data", onData).on("end", onEnd).on("error", reject).on("close", onClose).resume();
  });
}

/** The source whose archive has been opened. */
function readingOn(source: OpenSource, stream: Readable): OpenSource {
  let opened: Readable | undefined = stream;
  // Between two readers somebody must hear of it.
  stream.on("error", () => undefined);
  return {
    ...source,
    archive: async (path) => {
      const archive = path ? undefined : opened;
      if (archive) opened = undefined;
      return archive ?? (await source.archive(path));
    },
    close: async () => {
      opened?.destroy();
      await source.close();
    },
  };
}

/** The source whose archive is small and has been read to its end. */
function readAgain(source: OpenSource, kept: readonly Buffer[]): OpenSource {
  return {
    ...source,
    archive: async (path) =>
      path ? await source.archive(path) : Readable.from(kept, { objectMode: false, highWaterMark: 1 }),
  };
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
