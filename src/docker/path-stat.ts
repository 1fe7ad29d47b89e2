import type { Engine } from "./engine.js";
import { containerPath } from "./attach.js";
import { isNotFound } from "./errors.js";

/** What the engine says of one path in a container. */
export interface PathStat {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly size: number;
  /** RFC 3339 with nanoseconds. */
  readonly mtime: string;
  /** Where a symlink leads in the end, absolute within the container, whether or not there is something. */
  readonly target: string | undefined;
}

interface WireStat {
  readonly size: number;
  /** Go's os.FileMode. */
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

const GO_DIRECTORY = 2 ** 31;
const GO_SYMLINK = 2 ** 27;
/** Any bit of a kind: directory, symlink, pipe, socket, device, character device, irregular. */
const GO_KINDS = [2 ** 31, 2 ** 27, 2 ** 26, 2 ** 25, 2 ** 24, 2 ** 21, 2 ** 19];

/**
 * Looks at a path in a container, running or not; undefined where there is nothing.
 * @param path absolute; bytes where it may not be UTF-8
 * (https://docs.docker.com/reference/api/engine/, "Get information about files in a container")
 */
export async function statInContainer(
  engine: Engine,
  container: string,
  path: string | Buffer,
  signal?: AbortSignal,
): Promise<PathStat | undefined> {
  try {
    const answer = await engine.stream({
      method: "HEAD",
      path: `${containerPath(container)}/archive`,
      query: { path },
      ...(signal ? { signal } : {}),
    });
    answer.resume();
    const header = answer.headers["x-docker-container-path-stat"];
    return decode(typeof header === "string" ? header : "");
  } catch (error) {
    // The container itself may be what is missing: that is for the caller's next request to say.
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function decode(header: string): PathStat {
  const stat = JSON.parse(Buffer.from(header, "base64").toString("utf8")) as WireStat;
  const has = (bit: number): boolean => Math.floor(stat.mode / bit) % 2 === 1;
  const kind = has(GO_DIRECTORY)
    ? "directory"
    : has(GO_SYMLINK)
      ? "symlink"
      : GO_KINDS.some(has)
        ? "other"
        : "file";
  return { kind, size: stat.size, mtime: stat.mtime, target: stat.linkTarget || undefined };
}
