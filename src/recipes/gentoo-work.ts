import {
  createContainer,
  inspectContainer,
  inspectImage,
  removeContainer,
  startContainer,
  type Engine,
  type ImageDetails,
} from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Schema } from "tsbuildout/recipe";
import { isOurs, labelsOf } from "./common.js";
import { FREEZE } from "./freeze.js";
import type { Work } from "./gentoo-exec.js";
import { installFreeze } from "./gentoo-files.js";
import { defined } from "./spec-options.js";

/** The options of a container that a part works in. */
export interface WorkOptions {
  readonly name: string;
  readonly image: string;
  /** The option that names the image, for messages. */
  readonly imageOption: string;
  /** What keeps it running. */
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly env?: readonly string[];
  /** Docker's architecture of its programs, where the image does not tell it. */
  readonly arch?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  /** HostConfig of the API: rights, mounts. */
  readonly host: Readonly<Record<string, unknown>>;
  /** Done to a container of an earlier run before it goes: a run that was killed has cleaned up nothing. */
  readonly release?: (left: Work) => Promise<void>;
}

type Host = InstallContext<Schema>;

/** The rights that a container of these recipes is given. */
export interface Rights {
  readonly privileged: boolean;
  readonly "cap-add": readonly string[];
  readonly "cap-drop"?: readonly string[];
  readonly "security-opt"?: readonly string[];
  readonly devices: readonly unknown[];
  readonly "device-cgroup-rules": readonly string[];
}

/** As HostConfig of the API has it; a device that is a rule (`b 7:* rmw`) goes among the rules. */
export function rightsConfig(rights: Rights): Record<string, unknown> {
  const rules = rights.devices.filter((device): device is string => typeof device === "string");
  const devices = rights.devices.filter((device) => typeof device !== "string");
  return defined({
    Privileged: rights.privileged,
    CapAdd: list(rights["cap-add"]),
    CapDrop: list(rights["cap-drop"] ?? []),
    SecurityOpt: list(rights["security-opt"] ?? []),
    Devices: list(devices),
    DeviceCgroupRules: list([...rights["device-cgroup-rules"], ...rules]),
  });
}

function list<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}

/** Looks up the image that a container is to be made of. @throws RecipeError `image/missing` */
export async function needImage(engine: Engine, image: string, option: string): Promise<ImageDetails> {
  const found = await inspectImage(engine, image);
  if (found) return found;
  throw new RecipeError({
    code: "image/missing",
    message: `there is no image ${image} on the engine`,
    help: ["build or pull it by another part and refer to that part, or check the name"],
    option,
  });
}

/**
 * Creates a work container and leaves it unstarted. One of that name that an earlier run of this part left is removed;
 * anybody else's is not touched.
 * @throws RecipeError `image/missing`, `container/name-taken`
 */
export async function createWork(context: Host, engine: Engine, options: WorkOptions): Promise<Work> {
  const { name, image, command } = options;
  const call = { engine, signal: context.signal };
  const details = await needImage(engine, image, options.imageOption);
  await makeRoom(context, { engine, name }, options.release);
  await context.created({ kind: "container", name });
  await createContainer(call, {
    name,
    config: {
      Image: details.Id,
      // All of it as entry point, so that no command is left in the container's settings that a commit would inherit.
      Entrypoint: command,
      Cmd: [],
      Tty: options.tty,
      Labels: { ...options.labels, ...labelsOf(context) },
      ...(options.env?.length ? { Env: options.env } : {}),
      HostConfig: options.host,
    },
  });
  const work = { engine, name };
  const arch = options.arch ?? details.Architecture ?? "amd64";
  if (command[0] === FREEZE) await installFreeze(work, arch, context.signal);
  return work;
}

/** Removes what an earlier run of this part left under a name. @throws RecipeError `container/name-taken` */
export async function makeRoom(
  context: Host,
  work: Work,
  release: (left: Work) => Promise<void> = async () => {},
): Promise<void> {
  const call = { engine: work.engine, signal: context.signal };
  const found = await inspectContainer(call, work.name);
  if (!found) return;
  if (!isOurs(found.Config.Labels, context))
    throw new RecipeError({
      code: "container/name-taken",
      message: `there is a container ${work.name} already, which this part did not make`,
      help: ["remove it, or name another one"],
    });
  await release(work);
  await removeContainer(call, work.name);
}

/** Starts a work container. A program that the engine's host cannot run becomes a clear error. */
export async function startWork(context: Host, work: Work): Promise<void> {
  await startContainer({ engine: work.engine, signal: context.signal }, work.name);
}

/** Gives a work container its final name; nothing else has it. */
export async function renameWork(context: Host, work: Work, name: string): Promise<void> {
  await context.created({ kind: "container", name });
  await work.engine.request({
    method: "POST",
    path: `/containers/${encodeURIComponent(work.name)}/rename`,
    query: { name },
    signal: context.signal,
  });
  await context.removed({ kind: "container", name: work.name });
}

/**
 * Removes a work container of this part and forgets it; also when the run has been aborted. Anybody else's of that name is
 * not touched: it may be why there is none of this part's.
 */
export async function removeWork(
  context: Host,
  work: Work,
  release: (left: Work) => Promise<void> = async () => {},
): Promise<void> {
  const call = { engine: work.engine };
  const found = await inspectContainer(call, work.name);
  if (found && isOurs(found.Config.Labels, context)) {
    await release(work);
    await removeContainer(call, found.Id);
  }
  await context.removed({ kind: "container", name: work.name });
}
