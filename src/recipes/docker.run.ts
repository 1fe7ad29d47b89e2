import { findContainer, inspectContainer, type Call } from "tsbuildout/docker";
import {
  defineRecipe,
  type Context,
  type InputsContext,
  type Resource,
  type UninstallContext,
} from "tsbuildout/recipe";
import { blaming } from "./blame.js";
import { engineOf, forgetListing, isOurs, listing } from "./common.js";
import { configureRun, ENV_OPTION, otherContainers } from "./run-configure.js";
import { ENV_FILE_OPTION } from "./run-env.js";
import { imageInput, registryInput } from "./run-image.js";
import { refuseTaken, lookAtContainers } from "./run-look.js";
import { runOptions, type RunSchema } from "./run-options.js";
import { securityInputs } from "./run-security.js";

export default defineRecipe({
  doc: "Runs a container: creates it from an image, copies a layout onto it, starts it, runs a script in it and waits until it is ready. Changed limits, networks and restart policies are applied to the running container; any other change makes a new one.",
  options: runOptions,
  outputs: {
    "container-id": { doc: "Id of the container." },
    "image-id": { doc: "Id of its image." },
    "ip-address": {
      doc: "Its address in the first of its networks; `ip-address-NETWORK`, as in `ip-address-shop_back`, is that in one of `networks`.",
    },
    ports: {
      doc: "The published ports, one a line, as `address:port:container port/protocol`: in the status, as a reference means the option. The host's port that leads to one of them is an output of its own: `$<web:port-80>`, `$<web:port-53-udp>`.",
    },
    "exit-code": { doc: "With `wait-for = exit`: the code with which it ended." },
    stdout: {
      doc: "With `wait-for = exit`: what it wrote on standard output, without the last line's end; the last 64 KiB.",
    },
  },
  computed: {
    [ENV_OPTION]: "The variables of `env` whose values come from the environment.",
    [ENV_FILE_OPTION]: "The variables of `env-file`.",
  },
  configure: configureRun,
  inputs,
  look: lookAtContainers,
  check: refuseTaken,
  foresee: async ({ options: { layout } }) => {
    if (layout === undefined) return [];
    const { foreseeLayouts } = await import("./run-layout.js");
    return await foreseeLayouts(layout);
  },
  // Loaded on use: most runs have nothing to do.
  install: async (context) => {
    const { bringUp } = await import("./run-start.js");
    return await blaming(context, async () => await bringUp(context, await callOf(context)));
  },
  update: async (context) => {
    const { updateRun } = await import("./run-update.js");
    return await blaming(context, async () => await updateRun(context, await callOf(context)));
  },
  uninstall,
});

async function callOf(context: Context): Promise<Call> {
  return { engine: await engineOf(context), signal: context.signal };
}

async function inputs(context: InputsContext<RunSchema>): Promise<Record<string, string>> {
  const call = await callOf(context);
  return {
    image: await imageInput(context, call),
    ...(await registryInput(context, call)),
    ...(context.options.layout === undefined ? {} : await layoutInput(context)),
    ...(await securityInputs(context, context.options["security-opt"])),
    ...(await containerInputs(context, call)),
  };
}

async function layoutInput(context: InputsContext<RunSchema>): Promise<Record<string, string>> {
  const { layoutDigest } = await import("./run-layout.js");
  return { layout: await layoutDigest(context) };
}

/** Ids of the containers whose volumes, network or names this one holds: with new ones it must be made anew. */
async function containerInputs(
  context: InputsContext<RunSchema>,
  call: Call,
): Promise<Record<string, string>> {
  const names = otherContainers(context.options).flatMap(({ name, bound }) => (bound ? [name] : []));
  if (names.length === 0) return {};
  const all = await listing(context, call.engine, "containers");
  return Object.fromEntries(names.map((name) => [`container ${name}`, findContainer(all, name)?.Id ?? ""]));
}

async function uninstall(context: UninstallContext): Promise<void> {
  const { dropVolume, keptVolumes, takeAway } = await import("./run-volumes.js");
  const call = await callOf(context);
  const { record } = context;
  const names = record.resources.flatMap(({ kind, name }) => (kind === "container" ? [name] : []));
  const leave = async (volume: Resource): Promise<void> => await context.leave(volume);
  // Before those of the container, which were the last in use.
  if (context.because !== "gone") for (const volume of keptVolumes(record)) await leave(volume);
  // Somebody may have given it another name.
  const id = record.outputs["container-id"];
  for (const name of [...names, ...(id ? [id] : [])]) {
    const found = await inspectContainer(call, name);
    if (!found || !isOurs(found.Config.Labels, context)) continue;
    await takeAway(call, found, context.because === "changed" ? { record, leave } : undefined);
    await forgetListing(context, call.engine, "containers");
  }
  if (context.because === "gone")
    for (const volume of keptVolumes(record)) await dropVolume(context, call, volume.name);
}
