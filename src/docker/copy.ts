import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import { containerPath } from "./attach.js";
import { nameOf, type CopySource, type CopyTarget } from "./copy-place.js";
import type { Plan } from "./copy-plan.js";
import { absolute, openSource, type OpenSource } from "./copy-source.js";
import { copyToContainer, copyToFolder } from "./copy-target.js";
import { DockerError } from "./errors.js";
import { exactTimes } from "./exact-times.js";
import { byteString } from "./tree.js";

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
  readonly signal?: AbortSignal;
}

export interface CopyResult {
  /** False where the tree was too large for asking after every nanosecond: its times are whole seconds. */
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
  await refuseSameContainer(from, to, signal);
  const source = await openSource(from, request.path, signal);
  try {
    const times = await exactTimes(source);
    const plan: Plan = {
      source,
      target: byteString(targetOf(request)),
      uid: request.uid,
      gid: request.gid,
      exclude: request.exclude ?? [],
      times: times ?? new Map(),
    };
    if (to.kind === "container") await copyToContainer(to, plan, signal);
    else await copyToFolder(to, plan, signal);
    return { exactTimes: times !== undefined };
  } finally {
    await source.close();
  }
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
  for await (const chunk of await source.archive()) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/** Without slashes at its ends. */
function targetOf({ path, target }: CopyRequest): string {
  const into = target !== undefined && target.endsWith("/") && !path.endsWith("/");
  return absolute(into ? `${target}${basename(absolute(path))}` : (target ?? path)).slice(1);
}

/** An engine that gives an archive of a container takes none for it until it is done: each would wait for the other. */
async function refuseSameContainer(from: CopySource, to: CopyTarget, signal?: AbortSignal): Promise<void> {
  if (from.kind !== "container" || to.kind !== "container" || from.engine.key !== to.engine.key) return;
  const abortable = signal ? { signal } : {};
  const [one, other] = await Promise.all(
    [from, to].map(async ({ engine, container }) => {
      return await engine.request<{ Id: string }>({ path: `${containerPath(container)}/json`, ...abortable });
    }),
  );
  if (one?.Id !== other?.Id) return;
  throw new DockerError({
    code: "copy/same-container",
    message: `${nameOf(from)} is both the source and the target`,
    help: ["copy within a container by a script that runs in it"],
    option: "container-to",
  });
}
