import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import { containerPath } from "./attach.js";
import { nameOf, type CopySource, type CopyTarget } from "./copy-place.js";
import type { Plan } from "./copy-plan.js";
import { absolute, openSource, type OpenSource } from "./copy-source.js";
import { copyToContainer, copyToFolder } from "./copy-target.js";
import { DockerError, type Problem } from "./errors.js";
import { withExactTimes } from "./exact-times.js";
import { TarRewriter } from "./tar-rewrite.js";
import { byteString } from "./tree.js";

/** What is copied, from where, to where, and as what it arrives. */
export interface CopyRequest {
  readonly from: CopySource;
  readonly to: CopyTarget;
  /**
   * What is copied, absolute. With a slash at its end: the folder (through a symlink, where it is one), whose content is
   * laid over the target. Without: the thing itself, be it file, folder or symlink.
   */
  readonly path: string;
  /**
   * What it becomes there; the same path unless said. With a slash at its end, and none at the source's: it goes into
   * that folder under its own name. Nothing depends on what is there already: the second copy does what the first did.
   */
  readonly target?: string;
  /** Owner of everything; each entry's own unless said. */
  readonly uid?: number;
  readonly gid?: number;
  /** Patterns as in a .dockerignore file, below the source. */
  readonly exclude?: readonly string[];
  /**
   * Whether an engine is asked for the nanoseconds of every time, which it leaves out of its archives: a request for
   * each entry, and a large tree is read twice. Unless said, of trees of up to 1,000 entries and 16 MiB.
   */
  readonly exactTimes?: boolean;
  readonly signal?: AbortSignal;
}

/** What is to be known of a copy that has been made. */
export interface CopyResult {
  /** False where the nanoseconds were not asked for: times are whole seconds. */
  readonly exactTimes: boolean;
}

/**
 * Copies a path from a container, an image or a folder to a container or a folder, of any engines. Modes, owners, times,
 * links, sparse files, devices and binary attributes arrive as the source's engine gives them; a folder never replaces
 * something that is none.
 * @throws DockerError `copy/…`, `engine/…`
 */
export async function copyPath(request: CopyRequest): Promise<CopyResult> {
  const { from, to, signal } = request;
  const [opened] = await Promise.all([
    openSource(from, request.path, signal),
    refuseSameContainer(from, to, signal),
  ]);
  const planned = planOf(request, opened);
  // Whoever waits for it hears of it; it need not be the first to fail.
  planned.catch(() => undefined);
  try {
    // While the source is looked through, the target's engine gets ready.
    if (to.kind === "container") await copyToContainer(to, { target: targetOf(request), planned }, signal);
    else await copyToFolder(to, await planned, signal);
    return { exactTimes: (await planned).times !== undefined };
  } finally {
    const source = await planned.then((plan) => plan.source).catch(() => opened);
    await source.close();
  }
}

async function planOf(request: CopyRequest, opened: OpenSource): Promise<Plan> {
  return {
    ...(await withExactTimes(opened, request.exactTimes)),
    target: targetOf(request),
    uid: request.uid,
    gid: request.gid,
    exclude: request.exclude ?? [],
  };
}

/**
 * A digest of what a path holds, by reading all of it: whether a source has changed.
 * @returns `sha256:…`
 */
export async function digestPath(from: CopySource, path: string, signal?: AbortSignal): Promise<string> {
  const source = await openSource(from, path, signal);
  try {
    return await digestOf(source);
  } finally {
    await source.close();
  }
}

async function digestOf(source: OpenSource): Promise<string> {
  const hash = createHash("sha256");
  const scan = new TarRewriter(() => undefined);
  for await (const chunk of await source.archive()) {
    hash.update(chunk as Buffer);
    scan.push(chunk as Buffer);
  }
  scan.finish();
  return `sha256:${hash.digest("hex")}`;
}

/** Where a copy arrives: absolute, without a slash at its end. */
export function arrival({ path, target }: Pick<CopyRequest, "path" | "target">): string {
  const into = target !== undefined && target.endsWith("/") && !path.endsWith("/");
  return absolute(into ? `${target}${basename(absolute(path))}` : (target ?? path));
}

/** A byte string without slashes at its ends. */
function targetOf(request: CopyRequest): string {
  return byteString(arrival(request).slice(1));
}

/**
 * An engine that gives an archive of a container takes none for it until it is done: each would wait for the other. Ids
 * tell, for an engine may have two addresses.
 */
async function refuseSameContainer(from: CopySource, to: CopyTarget, signal?: AbortSignal): Promise<void> {
  if (from.kind !== "container" || to.kind !== "container") return;
  const abortable = signal ? { signal } : {};
  const [one, other] = await Promise.all(
    [from, to].map(async ({ engine, container }) => {
      const path = `${containerPath(container)}/json`;
      return await engine.request<{ Id: string }>({ path, tells: "Id", ...abortable });
    }),
  );
  if (one?.Id !== other?.Id) return;
  throw new DockerError(sameContainer(nameOf(from)));
}

/** @param what the container, as a message names it */
export function sameContainer(what: string): Problem {
  return {
    code: "copy/same-container",
    message: `${what} is both the source and the target`,
    help: ["copy within a container by a script that runs in it"],
    option: "container-to",
  };
}
