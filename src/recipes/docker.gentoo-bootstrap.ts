import { imageKey, inspectContainer, startContainer } from "tsbuildout/docker";
import {
  defineRecipe,
  type ConfigureContext,
  type InputsContext,
  type UpdateContext,
  isTrue,
} from "tsbuildout/recipe";
import { bootstrapOptions, type BootstrapSchema } from "./bootstrap-options.js";
import { bringUp, containerName, referenceOf } from "./bootstrap-steps.js";
import { configureEngine, engineOf, forgetListing } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { localArchiveDigests } from "./gentoo-archives.js";
import { imageInputs, lookAtWork, removeRecorded } from "./gentoo-image.js";
import { layoutInput } from "./gentoo-inputs.js";
import { useNamed } from "./gentoo-options.js";
import { checkName } from "./names.js";
import { foreseeLayouts } from "./run-layout.js";

export default defineRecipe({
  doc: "Makes an image of a whole operating system, usually Gentoo, out of archives: imports them, runs a container of the image, copies a layout onto it and runs a script in it; with `commit` the result becomes the image. An image of the same archives that this part made before is gone on with.",
  lifecycle: `Install downloads and imports the archives, makes a container of the image, copies the layout, starts it and runs the script. Without \`commit\` the image is what was imported and the container stays; with it the container becomes the image and goes. An image of the same archives that this part made before (kept by \`keep = true\`) is gone on with instead of importing again.

Update does the same when the content of the layout or of an archive on this machine changed, and when the image or the container is gone; a container that only stopped is started. The old container is replaced only by one whose script succeeded. A \`latest-stage3\` page is asked when there is something to do, not at every run.

Uninstall removes the container and the image. Changed options reinstall.`,
  example: `[builder]
recipe = docker.gentoo-bootstrap
image = example/builder
archives = https://distfiles.gentoo.org/releases/amd64/autobuilds/latest-stage3-amd64-openrc.txt
script = emerge-webrsync
commit = true
keep = true
`,
  options: bootstrapOptions,
  ownNames: ["crossdev-", "gentoo-"],
  outputs: {
    "image-id": { doc: "Id of the image." },
    "container-id": { doc: "Id of the container; empty with `commit`." },
    stages: { doc: "Where the archives came from, a URL a line: the stage that a `latest-…` page named." },
  },
  computed: { container: "Name of the container." },
  configure,
  inputs,
  check: async (context) => await refuseDeadEnd(context),
  foresee: async ({ options }) => await foreseeLayouts(options.layout),
  look: async (context) =>
    await lookAtWork(context, ({ options, part }) => {
      const commit = isTrue(options["commit"]);
      const { image = part, tag, container } = options;
      return {
        image: referenceOf({ image, tag }),
        ...(commit ? {} : { container: container ?? containerName({ image, tag }) }),
      };
    }),
  install: async (context) => await bringUp(context, undefined),
  update,
  uninstall: async (context) => await removeRecorded(context),
});

function configure(context: ConfigureContext<BootstrapSchema>): void {
  configureEngine(context);
  const { options, unknown } = context;
  useNamed(context, { containers: [["volumes-from", options["volumes-from"]]] }, imageKey);
  for (const volume of options.volumes ?? [])
    if (volume.kind === "volume") context.uses(`volume:${volume.source}`, "volumes");
  if (unknown.has("image") || unknown.has("tag") || options.image === undefined) return;
  try {
    const names = { image: options.image, tag: options.tag };
    context.provides(imageKey(referenceOf(names)));
    if (!unknown.has("container") && !options.container) context.compute("container", containerName(names));
    const container = options.container ?? containerName(names);
    checkName(context, "container", container);
    if (options.commit === false) context.provides(`container:${container}`);
  } catch (error) {
    context.fail({ code: "option/value", message: (error as Error).message, option: "image" });
  }
}

async function inputs(context: InputsContext<BootstrapSchema>): Promise<Record<string, string>> {
  const { options } = context;
  return {
    ...(await layoutInput(context, { layout: options.layout, uid: 0, gid: 0 })),
    ...(await localArchiveDigests(context, options.archives)),
    ...(options.archives.length === 0
      ? await imageInputs(context, await engineOf(context), baseOf(context))
      : {}),
  };
}

/** The image that is there already; once this part has committed over its name, it cannot be looked up any more. */
function baseOf({ options, record }: InputsContext<BootstrapSchema>): Record<string, string> {
  return options.commit && record ? {} : { image: referenceOf(options) };
}

/** A container that only stopped is started; for anything else the work is done again. */
async function update(context: UpdateContext<BootstrapSchema>): Promise<Record<string, string>> {
  const { drift, inputs, options, unfinished } = context.changes;
  const onlyStopped = drift.length > 0 && drift.every(({ kind }) => kind === "stopped");
  const engine = await engineOf(context);
  const name = context.options.container ?? containerName(context.options);
  const found = await inspectContainer({ engine, signal: context.signal }, name);
  if (!onlyStopped || inputs.length > 0 || options.length > 0 || unfinished || !found)
    return await bringUp(context, context.record);
  await startContainer({ engine, signal: context.signal }, name);
  await forgetListing(context, engine, "containers");
  return { ...context.record.outputs };
}
