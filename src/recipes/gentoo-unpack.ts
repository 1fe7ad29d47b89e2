/** An image's content goes into a folder inside of a running container, through whatever is mounted there. */
import { createContainer, execInContainer, type Output } from "tsbuildout/docker";
import { RecipeError, type InstallContext, type Schema } from "tsbuildout/recipe";
import { labelsOf } from "./common.js";
import { execute, mustExecute, type Work } from "./gentoo-exec.js";
import { hostFiles, putHostFiles } from "./gentoo-host-files.js";
import { makeRoom, removeWork } from "./gentoo-work.js";
import { LineLog } from "./run-log.js";

interface Unpacking {
  readonly image: string;
  /** Folder in the container. */
  readonly root: string;
}

type Host = InstallContext<Schema>;

/**
 * Streams an image out of the engine and into a `tar` in the container: the engine's own way to write into a container
 * does not see mounts that were made inside of it. Nothing touches this machine's disk.
 * @throws RecipeError `gentoo/unpack-failed`
 */
export async function unpackImage(context: Host, work: Work, { image, root }: Unpacking): Promise<void> {
  await mustExecute(context, work, { step: `making ${root}`, cmd: ["mkdir", "-p", root], user: "0" });
  const cmd = [...(await tarCommand(context, work)), "-C", root];
  // Meanwhile: it costs no time of its own.
  const files = hostFiles(context, work, image);
  try {
    await fromImage(
      context,
      work,
      image,
      async (name) => await exportInto(context, work, { name, cmd, root }),
    );
    // The engine puts it into every container; a program on the disk that finds it takes the machine for one.
    await execute(context, work, {
      cmd: ["rm", "-f", `${root.replace(/\/+$/, "")}/.dockerenv`],
      user: "0",
      log: false,
    });
    await putHostFiles(context, work, { root, files: await files });
  } finally {
    await files.catch(() => undefined);
  }
}

interface Exporting {
  /** A container of the image. */
  readonly name: string;
  /** What unpacks an archive from its standard input. */
  readonly cmd: readonly string[];
  readonly root: string;
}

async function exportInto(context: Host, work: Work, { name, cmd, root }: Exporting): Promise<void> {
  const archive = await work.engine.stream({
    path: `/containers/${encodeURIComponent(name)}/export`,
    signal: context.signal,
  });
  let current = 0;
  archive.on("data", (chunk: Buffer) => {
    current += chunk.length;
    context.progress({ step: "unpack", current, unit: "bytes" });
  });
  archive.pause();
  const log = new LineLog(context);
  const code = await execInContainer(work.engine, work.name, {
    cmd,
    user: "0",
    stdin: archive,
    signal: context.signal,
    onOutput: (output: Output) => log.write(output),
  }).finally(() => log.end());
  if (code !== 0) throw failed(work, root, log.last);
}

function failed(work: Work, root: string, last: readonly string[]): RecipeError {
  return new RecipeError({
    code: "gentoo/unpack-failed",
    message: `the base image could not be unpacked into ${root} of container ${work.name}`,
    notes: last,
    help: ["see that prepare-script mounts a file system there that has room and keeps owners and links"],
    option: "build-root",
  });
}

/** GNU tar restores attributes only when told to; busybox's has none of these options. */
async function tarCommand(context: Host, work: Work): Promise<string[]> {
  const version = await execute(context, work, { cmd: ["tar", "--version"], user: "0", log: false });
  if (version.stdout.includes("GNU tar"))
    return ["tar", "-xpf", "-", "--numeric-owner", "--same-owner", "--xattrs", "--xattrs-include=*"];
  if (version.code === 0 || version.last.length > 0) return ["tar", "-xpf", "-"];
  throw failed(work, "/", ["there is no tar in build-image"]);
}

/** Does something with a container of an image that is never started. */
async function fromImage(
  context: Host,
  work: Work,
  image: string,
  use: (container: string) => Promise<void>,
): Promise<void> {
  const name = `${work.name}.base`;
  const { engine } = work;
  await makeRoom(context, { engine, name });
  await context.created({ kind: "container", name });
  try {
    await createContainer(
      { engine, signal: context.signal },
      {
        name,
        config: {
          Image: image,
          Entrypoint: ["-"],
          Cmd: [],
          Labels: labelsOf(context),
          HostConfig: {},
          NetworkDisabled: true,
        },
      },
    );
    await use(name);
  } finally {
    await removeWork(context, { engine, name });
  }
}
