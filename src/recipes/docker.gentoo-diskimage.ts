import { access, stat } from "node:fs/promises";
import { imageKey } from "tsbuildout/docker";
import {
  defineRecipe,
  type ConfigureContext,
  type Drift,
  type InputsContext,
  type LookContext,
} from "tsbuildout/recipe";
import { configureEngine, engineOf } from "./common.js";
import { refuseDeadEnd } from "./engine-move.js";
import { diskimageOptions, type DiskimageSchema } from "./gentoo-diskimage-options.js";
import { makeDisk, releaseLoops } from "./gentoo-diskimage-steps.js";
import { imageInputs, removeRecorded } from "./gentoo-image.js";
import { useNamed } from "./gentoo-options.js";
import { checkName } from "./names.js";

export default defineRecipe({
  doc: "Makes a disk image of a Docker image: a script in a container makes the disk, its partitions and file systems, the image's content is unpacked there, a second script finishes it, and the file is taken out.",
  lifecycle: `Install runs \`prepare-script\` in a container, streams the base image into \`build-root\` there (through whatever is mounted), runs \`build-script\`, and saves \`image-file\` in \`location\`: holes stay holes, and the file appears when it is whole. The container, its mounts and the loop devices that its scripts attached are taken away, also after a failure or an interruption. What an engine puts over \`/etc/hosts\`, \`/etc/hostname\`, \`/etc/resolv.conf\` and \`/etc/mtab\` in every container is on the disk as the image has it.

Update does the same when one of the images changed or the file is gone. Uninstall removes the files. Changed options reinstall.`,
  example: `[disk]
recipe = docker.gentoo-diskimage
build-image = example/builder
base-image = base
build-root = /content
image-file = /disk.img
build-script = mkfs.ext4 -q -d /content /disk.img 64M
checksum = true
`,
  options: diskimageOptions,
  outputs: {
    path: { doc: "Path of the disk image." },
    size: { doc: "Its size in bytes." },
    sha256: { doc: "Its SHA-256, in hexadecimal digits." },
  },
  configure,
  inputs,
  check: async (context) => await refuseDeadEnd(context),
  look,
  install: async (context) => await makeDisk(context, undefined),
  update: async (context) => await makeDisk(context, context.record),
  uninstall: async (context) =>
    await removeRecorded(context, async (engine, name) => await releaseLoops(context, { engine, name })),
});

function configure(context: ConfigureContext<DiskimageSchema>): void {
  configureEngine(context);
  const { options } = context;
  const container = options["build-container"];
  if (container !== undefined) checkName(context, "container", container);
  useNamed(
    context,
    {
      images: [
        ["build-image", options["build-image"]],
        ["base-image", options["base-image"]],
      ],
      containers: [["build-volumes-from", options["build-volumes-from"]]],
    },
    imageKey,
  );
  for (const option of ["build-root", "image-file"] as const) {
    const path = options[option];
    if (path !== undefined && !path.startsWith("/"))
      context.fail({
        code: "option/value",
        message: `"${path}" is not an absolute path of the container`,
        option,
      });
  }
}

async function inputs(context: InputsContext<DiskimageSchema>): Promise<Record<string, string>> {
  const { options } = context;
  const images = { "build-image": options["build-image"], "base-image": options["base-image"] };
  return await imageInputs(context, await engineOf(context), images);
}

async function look(context: LookContext): Promise<Map<string, Drift[]>> {
  const found = new Map<string, Drift[]>();
  for (const { part, outputs } of context.records) {
    const path = outputs["path"];
    if (path === undefined) continue;
    const there = await access(path).then(
      async () => String((await stat(path)).size) === outputs["size"],
      () => undefined,
    );
    if (there === undefined) found.set(part, [{ kind: "missing", message: `${path} is gone` }]);
    if (there === false)
      found.set(part, [{ kind: "changed", message: `${path} has another size than it was made with` }]);
  }
  return found;
}
