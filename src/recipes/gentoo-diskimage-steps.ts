/** From two images to a file with a disk. */
import { rm } from "node:fs/promises";
import type { Engine } from "tsbuildout/docker";
import type { Context, InstallContext, PartRecord } from "tsbuildout/recipe";
import { engineOf, forgetListing } from "./common.js";
import { needPlatform } from "./gentoo-binfmt.js";
import { takeOut } from "./gentoo-disk-file.js";
import type { DiskimageSchema } from "./gentoo-diskimage-options.js";
import { execute, runScript, type Work } from "./gentoo-exec.js";
import { attachedLoops, RELEASE } from "./gentoo-loops.js";
import { unpackImage } from "./gentoo-unpack.js";
import { createWork, needImage, removeWork, rightsConfig, startWork } from "./gentoo-work.js";
import { isOwn } from "./own-file.js";

export type Making = InstallContext<DiskimageSchema>;

/** Makes the disk in a container that goes in the end, whatever happens. */
export async function makeDisk(
  context: Making,
  record: PartRecord | undefined,
): Promise<Record<string, string>> {
  const engine = await engineOf(context);
  const { options } = context;
  // The base image is looked for before a disk is made for it.
  const base = await needImage(engine, options["base-image"], "base-image");
  const work: Work = { engine, name: options["build-container"] };
  try {
    await startBuilder(context, work);
    await needForeign(context, engine);
    await script(context, work, "prepare-script");
    await unpackImage(context, work, { image: base.Id, root: options["build-root"] });
    await script(context, work, "build-script");
    const file = await save(context, work);
    await dropOther(context, record, file.path);
    return { path: file.path, size: String(file.size), sha256: file.sha256 };
  } finally {
    await cleanUp(context, work);
  }
}

async function startBuilder(context: Making, work: Work): Promise<void> {
  const { options } = context;
  const from = options["build-volumes-from"];
  await createWork(context, work.engine, {
    name: work.name,
    image: options["build-image"],
    imageOption: "build-image",
    command: options["build-command"],
    tty: options.tty,
    host: { ...rightsConfig(options), ...(from.length > 0 ? { VolumesFrom: from } : {}) },
    release: async (left) => await releaseLoops(context, left),
  });
  await startWork(context, work);
}

async function needForeign(context: Making, engine: Engine): Promise<void> {
  const { options } = context;
  if (!options.platform) return;
  await needPlatform(context, {
    engine,
    platform: options.platform,
    option: "platform",
    image: options["build-image"],
    rights: options,
  });
}

async function script(context: Making, work: Work, option: "prepare-script" | "build-script"): Promise<void> {
  const { options } = context;
  await runScript(context, work, {
    option,
    text: options[option],
    shell: options["build-script-shell"],
    user: options["build-script-user"],
  });
}

async function save(context: Making, work: Work) {
  const { options } = context;
  return await takeOut(context, work, {
    path: options["image-file"],
    folder: options.location,
    compress: options.compress,
    checksum: options.checksum,
  });
}

/** The file of an earlier run under another name. */
async function dropOther(context: Making, record: PartRecord | undefined, path: string): Promise<void> {
  const before = record?.outputs["path"];
  if (!before || before === path) return;
  for (const name of [before, `${before}.sha256`].filter((file) => isOwn(context, file))) {
    await rm(name, { force: true });
    await context.removed({ kind: "file", name });
  }
}

/** Also after an abort: what the scripts attached to the host outlives the container otherwise. */
async function cleanUp(context: Making, work: Work): Promise<void> {
  await removeWork(context, work, async (left) => await releaseLoops(context, left));
  await forgetListing(context, work.engine, "containers");
}

/** How long the release may take, in milliseconds. */
const PATIENCE = 20_000;

/**
 * Ends what runs in a container and takes its mounts and loop devices from the host. What cannot be taken is said; it never
 * keeps the container from being removed.
 */
export async function releaseLoops(context: Pick<Context, "warn">, work: Work): Promise<void> {
  const quiet = { log: () => undefined, signal: AbortSignal.timeout(PATIENCE) };
  try {
    if (!(await inspectRunning(work))) return;
    const done = await execute(quiet, work, {
      cmd: ["/bin/sh"],
      stdin: Buffer.from(RELEASE),
      user: "0",
      log: false,
    });
    const left = attachedLoops(done.stdout);
    if (left.length === 0) return;
    context.warn({
      code: "gentoo/loops-left",
      message: `loop devices of container ${work.name} are still attached on the engine's host`,
      notes: left,
      help: ["detach them there: losetup -d <device>"],
    });
  } catch {
    // A container without a shell has run no script either, and one that is gone has nothing to release.
  }
}

async function inspectRunning(work: Work): Promise<boolean> {
  const found = await work.engine.request<{ State?: { Running?: boolean } }>({
    path: `/containers/${encodeURIComponent(work.name)}/json`,
    tells: "Id",
  });
  return found.State?.Running === true;
}
