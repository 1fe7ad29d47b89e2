/** Brings a container that is there in line, as far as the engine can; what it cannot takes a new container. */
import {
  inspectContainer,
  renameContainer,
  stopContainer,
  unpauseContainer,
  updateContainer,
  type Call,
  type ContainerState,
} from "tsbuildout/docker";
import type { Outputs, Resource, UpdateContext } from "tsbuildout/recipe";
import { forgetListing, isOurs } from "./common.js";
import { ensureImage, imageId } from "./run-image.js";
import { putLayout } from "./run-layout.js";
import { applyNetworks, isBeyondJoining } from "./run-networks.js";
import type { RunSchema } from "./run-options.js";
import { isSecurityInput } from "./run-security.js";
import { hideProxies } from "./proxies.js";
import { bringUp, launch, outputsOf, script, settle, start, takenBy, type Ending } from "./run-start.js";
import { keptVolumes, takeAway } from "./run-volumes.js";
import { defined } from "./spec-options.js";

export type Updating = UpdateContext<RunSchema>;

export async function updateRun(context: Updating, call: Call): Promise<Outputs> {
  const { name } = context.options;
  const found = (await inspectContainer(call, name)) ?? (await nameAgain(context, call));
  if (found && !isOurs(found.Config.Labels, context)) throw takenBy(name, found);
  if (!found) return await bringUp(context, call);
  if (await needsNew(context, call, found)) {
    const { record } = context;
    const leave = async (volume: Resource): Promise<void> => await context.created(volume);
    const left = await takeAway(call, found, { record, leave });
    return await bringUp(context, call, [...keptVolumes(record), ...left]);
  }
  hideProxies(context, found.Config.Env ?? []);
  await applySettings(context, call, found);
  await applyNetworks(context, call, found);
  await forgetListing(context, call.engine, "containers");
  const ending = await applyRest(context, call, found);
  return await outputsOf(context, call, { id: found.Id, ending });
}

/** The part's container that somebody has given another name gets its own back. */
async function nameAgain(context: Updating, call: Call): Promise<ContainerState | undefined> {
  const id = context.record.outputs["container-id"];
  const found = id ? await inspectContainer(call, id) : undefined;
  if (!found || !isOurs(found.Config.Labels, context)) return undefined;
  await renameContainer(call, found.Id, context.options.name);
  return found;
}

/** Whether something changed that this container cannot follow. */
async function needsNew(context: Updating, call: Call, found: ContainerState): Promise<boolean> {
  const { changes, options } = context;
  if (changes.inputs.some((name) => name.startsWith("container ") || isSecurityInput(name))) return true;
  if (LIMITS.some((name) => changes.options.includes(name) && isTakenAway(name, options[name]))) return true;
  if (isBeyondJoining(context, found)) return true;
  const newer = changes.inputs.includes("registry");
  if (newer) await ensureImage(context, call);
  if (!newer && !changes.inputs.includes("image")) return false;
  const image = await imageId(context, call);
  // An image that has lost its name still runs.
  return image !== "" && image !== found.Image;
}

const LIMITS = ["memory", "memory-swap", "memory-reservation", "cpus", "cpu-shares", "cpuset-cpus"] as const;

/** An engine takes nothing and 0 for "leave it", and no limit of swap for what is written down only: a limit can be
 *  changed in place, and not be taken away. */
function isTakenAway(limit: (typeof LIMITS)[number], value: number | string | undefined): boolean {
  return value === undefined || value === 0 || (limit === "memory-swap" && value === -1);
}

async function applySettings(
  { options, changes }: Updating,
  call: Call,
  found: ContainerState,
): Promise<void> {
  const { HostConfig: is } = found;
  const wanted = defined({
    RestartPolicy: options.restart ?? { Name: "no", MaximumRetryCount: 0 },
    Memory: options.memory,
    // The engine set it to twice the memory, and refuses a memory above it.
    MemorySwap: options["memory-swap"] ?? (options.memory === undefined ? undefined : options.memory * 2),
    MemoryReservation: options["memory-reservation"],
    NanoCpus: options.cpus,
    CpuShares: options["cpu-shares"],
    CpusetCpus: options["cpuset-cpus"],
    PidsLimit: options["pids-limit"] ?? (changes.options.includes("pids-limit") ? -1 : undefined),
  });
  const { RestartPolicy: policy, ...limits } = wanted;
  const samePolicy =
    (is.RestartPolicy?.Name || "no") === policy.Name &&
    (is.RestartPolicy?.MaximumRetryCount ?? 0) === policy.MaximumRetryCount;
  const other = Object.entries(limits).filter(
    ([name, value]) => (is as Record<string, unknown>)[name] !== value,
  );
  if (samePolicy && other.length === 0) return;
  await updateContainer(call, found.Id, {
    ...Object.fromEntries(other),
    // Memory goes only together with its swap.
    ...("Memory" in limits && other.length > 0
      ? { Memory: limits.Memory, MemorySwap: limits.MemorySwap }
      : {}),
    ...(samePolicy || is.AutoRemove ? {} : { RestartPolicy: policy }),
  });
}

/** Layout, start, script and waiting, each where it is due. */
async function applyRest(context: Updating, call: Call, found: ContainerState): Promise<Ending | undefined> {
  const { options, changes } = context;
  const { Id: id, State } = found;
  // An update that was cut off may have got no further than here.
  const reload = changes.inputs.includes("layout") || changes.unfinished;
  if (reload) await putLayout(context, call, id);
  if (!options.start) {
    if (State.Running && changes.options.includes("start")) await stopContainer(call, id);
    return undefined;
  }
  const toEnd = options["wait-for"].some(({ kind }) => kind === "exit");
  if (toEnd) return reload || State.Status === "created" ? await launch(context, call, id) : undefined;
  if (State.Paused) await unpauseContainer(call, id);
  const stopped = !State.Running && !State.Restarting;
  if (stopped) await start(context, call, id);
  if (stopped || reload || changes.options.includes("wait-for")) await settle(context, call, id);
  // One that was created and never started has not seen its script.
  if (reload || State.Status === "created") await script(context, call, id);
  return undefined;
}
