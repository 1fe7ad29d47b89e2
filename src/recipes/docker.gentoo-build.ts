import { imageKey } from "tsbuildout/docker";
import { defineRecipe, type ConfigureContext, type InputsContext } from "tsbuildout/recipe";
import { configureEngine, engineOf } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { localArchiveDigests } from "./gentoo-archives.js";
import { gentooBuildOptions, type GentooBuildSchema } from "./gentoo-build-options.js";
import { assemble } from "./gentoo-build-steps.js";
import { imageInputs, lookAtWork, removeRecorded } from "./gentoo-image.js";
import { layoutInput } from "./gentoo-inputs.js";
import { imageName, useNamed } from "./gentoo-options.js";
import { checkName } from "./names.js";
import { foreseeLayouts } from "./run-layout.js";

export default defineRecipe({
  doc: "Assembles an image from a base, Gentoo packages that a builder builds or has as binary packages, a folder of files and a script. The builder and the container in which the image is assembled go at the end.",
  lifecycle: `Install makes the container that becomes the image (of \`base-image\`, \`archives\`, or empty), then a builder: writes package.accept_keywords, package.mask, package.unmask and package.use there, cleans its binary packages, runs \`pre-build-script\`, builds \`build-dependencies\`, runs \`build-script\`, builds \`packages\`, installs just those into \`root\`, runs \`post-build-script\`, and copies \`root\` and \`copy\` over. Then come the layout, the script and the commit; both containers go. The builds that get into the image are those that emerge installed, even where a newer binary package of the same version is there.

Update does the same when the builder, the base image, a layout's or a local archive's content changed, or when the image is gone. The image keeps its name until the new one is whole; the old one is then removed unless something uses it.

Uninstall removes the image. Changed options reinstall. Packages that are in the image are listed in its label \`org.tsbuildout.packages\`.`,
  example: `[base]
recipe = docker.gentoo-build
build-image = example/builder
chroot =
packages = sys-apps/busybox
use = sys-apps/busybox static
command = /bin/busybox sh
`,
  options: gentooBuildOptions,
  outputs: {
    "image-id": { doc: "Id of the image." },
    image: { doc: "Its name with its tag." },
    "installed-packages": { doc: "The packages that got into the image, `category/name-version` a line." },
  },
  configure,
  inputs,
  check: async (context) => await refuseDeadEnd(context),
  foresee: async ({ options }) => await foreseeLayouts(options["build-layout"], options.layout),
  look: async (context) =>
    await lookAtWork(context, ({ options, part }) => ({
      image: imageName(options["name"] ?? part, options["tag"]),
    })),
  install: async (context) => await assemble(context, undefined),
  update: async (context) => await assemble(context, context.record),
  uninstall: async (context) => await removeRecorded(context),
});

function configure(context: ConfigureContext<GentooBuildSchema>): void {
  configureEngine(context);
  const { options, unknown } = context;
  for (const option of ["build-container", "assemble-container"] as const)
    if (options[option] !== undefined) checkName(context, "container", options[option]);
  useNamed(
    context,
    {
      images: [
        ["build-image", options["build-image"]],
        ["base-image", options["base-image"]],
      ],
      containers: [
        ["build-volumes-from", options["build-volumes-from"]],
        ["volumes-from", options["volumes-from"]],
      ],
    },
    imageKey,
  );
  for (const [option, message] of withoutEffect(context))
    context.warn({ code: "option/no-effect", message, option });
  if (unknown.has("name") || unknown.has("tag") || options.name === undefined) return;
  try {
    context.provides(imageKey(imageName(options.name, options.tag)));
  } catch (error) {
    context.fail({ code: "option/value", message: (error as Error).message, option: "name" });
  }
}

/** What only works with a builder, where there is none; and archives beside a base image, which wins. */
function withoutEffect({
  options,
  unknown,
}: ConfigureContext<GentooBuildSchema>): [option: string, message: string][] {
  const found: [string, string][] = [];
  if (options["base-image"] && (options.archives ?? []).length > 0)
    found.push(["archives", "archives has no effect: base-image says what the image starts from"]);
  if (options["build-image"] || unknown.has("build-image")) return found;
  const lists = ["packages", "build-dependencies", "copy"] as const;
  const texts = ["pre-build-script", "build-script", "post-build-script", "build-layout"] as const;
  const idle = [
    ...lists.filter((option) => (options[option] ?? []).length > 0),
    ...texts.filter((option) => options[option]),
  ];
  for (const option of idle)
    found.push([option, `${option} has no effect: there is no builder without build-image`]);
  return found;
}

async function inputs(context: InputsContext<GentooBuildSchema>): Promise<Record<string, string>> {
  const { options } = context;
  const layout = { layout: options.layout, uid: options["layout-uid"], gid: options["layout-gid"] };
  const buildLayout = { layout: options["build-layout"], uid: 0, gid: 0 };
  const images = { "build-image": options["build-image"], "base-image": options["base-image"] };
  return {
    ...(await imageInputs(context, await engineOf(context), images)),
    ...(await layoutInput(context, layout)),
    ...(await layoutInput(context, buildLayout, "build-layout")),
    ...(await localArchiveDigests(context, options.archives)),
  };
}
