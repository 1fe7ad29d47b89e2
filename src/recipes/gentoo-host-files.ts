/** What an image has in the place of those files that an engine puts into each container. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createContainer, isNotFound, jsonLines, removeImage, type Engine } from "tsbuildout/docker";
import type { InstallContext, Schema } from "tsbuildout/recipe";
import { pack } from "tar-stream";
import { labelsOf, ownerDigest } from "./common.js";
import { execute, mustExecute, type Work } from "./gentoo-exec.js";
import { dropLeft, THROWAWAY } from "./gentoo-image.js";
import { quoted } from "./gentoo-import.js";
import { makeRoom, removeWork } from "./gentoo-work.js";

type Host = InstallContext<Schema>;

/** In `/etc`: a container has them empty, or as the engine's own, from its creation on. */
const NAMES = ["hosts", "hostname", "resolv.conf", "mtab"];

/** An archive of those that an image has; undefined where the engine does not tell. */
export type HostFiles = Buffer | undefined;

/**
 * Reads them past the engine: only its builder looks at an image without making a container of it, so a copy of `/etc`
 * goes under another name into an image of its own.
 */
export async function hostFiles(context: Host, work: Work, image: string): Promise<HostFiles> {
  const { engine } = work;
  const copy = `tsbuildout-etc-${ownerDigest(context).slice(0, 12)}:latest`;
  const container: Work = { engine, name: `${work.name}.etc` };
  await makeRoom(context, container);
  await dropLeft(context, engine, copy);
  await context.created({ kind: "image", name: copy });
  await context.created({ kind: "container", name: container.name });
  try {
    if (!(await copyEtc(context, engine, { image, copy }))) return undefined;
    const config = { Image: copy, Entrypoint: ["-"], Cmd: [], Labels: labelsOf(context), HostConfig: {} };
    const call = { engine, signal: context.signal };
    await createContainer(call, { name: container.name, config });
    return Buffer.concat(await Promise.all(NAMES.map((name) => entryOf(context, container, name))));
  } finally {
    await removeWork(context, container);
    await removeImage(engine, copy);
    await context.removed({ kind: "image", name: copy });
  }
}

interface Copying {
  readonly image: string;
  /** `name:tag` of the image to make. */
  readonly copy: string;
}

/**
 * How a Dockerfile begins for an image that goes again. Its first step labels it: a build that is cut off between two steps
 * leaves the image of the last one, and one without the part's labels would be nobody's.
 */
export function throwaway(part: Parameters<typeof labelsOf>[0]): string {
  const labels = Object.entries({ ...labelsOf(part), [THROWAWAY]: "etc" });
  return `FROM scratch\nLABEL ${labels.map(([name, value]) => `${quoted(name)}=${quoted(value)}`).join(" ")}\n`;
}

/** -> whether it could be done; an image without `/etc` is one reason, an engine without the classic builder another */
async function copyEtc(context: Host, engine: Engine, { image, copy }: Copying): Promise<boolean> {
  const archive = pack();
  const dockerfile = `${throwaway(context)}COPY --from=${image} /etc/ /etc.copy/\n`;
  archive.entry({ name: "Dockerfile", mtime: new Date(0) }, dockerfile);
  archive.finalize();
  try {
    const answer = await engine.stream({
      method: "POST",
      path: "/build",
      // BuildKit knows no image by its id.
      query: { version: 1, t: copy, nocache: 1, rm: 1, forcerm: 1 },
      headers: { "Content-Type": "application/x-tar" },
      body: Readable.from([await buffer(archive)], { objectMode: false }),
      signal: context.signal,
    });
    for await (const _ of jsonLines(answer));
    return true;
  } catch {
    context.signal.throwIfAborted();
    return false;
  }
}

/** The end of an archive. */
const END = Buffer.alloc(1024);

/** One file's part of an archive; nothing where there is none. */
async function entryOf(context: Host, { engine, name: container }: Work, name: string): Promise<Buffer> {
  try {
    const answer = await engine.stream({
      path: `/containers/${encodeURIComponent(container)}/archive`,
      query: { path: `/etc.copy/${name}` },
      signal: context.signal,
    });
    const archive = await buffer(answer);
    return archive.subarray(-END.length).equals(END) ? archive.subarray(0, -END.length) : archive;
  } catch (error) {
    if (isNotFound(error)) return Buffer.alloc(0);
    throw error;
  }
}

/** Puts them into the unpacked image in the place of the engine's. @param root of the unpacked image, in the container */
export async function putHostFiles(
  context: Host,
  work: Work,
  { root, files }: { readonly root: string; readonly files: HostFiles },
): Promise<void> {
  const etc = `${root.replace(/\/+$/, "")}/etc`;
  const quiet = { user: "0", log: false };
  if (!files && (await hasMore(context, work, etc))) {
    context.warn({
      code: "gentoo/host-files",
      message: `the disk has no content of its own in ${NAMES.map((name) => `/etc/${name}`).join(", ")}`,
      notes: ["the engine has them empty in each container, and could not be asked for the image's own"],
      help: ["write them in build-script"],
      option: "base-image",
    });
    return;
  }
  await execute(context, work, { ...quiet, cmd: ["rm", "-f", ...NAMES.map((name) => `${etc}/${name}`)] });
  if (!files) await execute(context, work, { ...quiet, cmd: ["rmdir", etc] });
  else if (files.length > 0) {
    const cmd = ["tar", "-xpf", "-", "-C", etc];
    await mustExecute(context, work, {
      ...quiet,
      step: "writing /etc",
      cmd,
      stdin: Buffer.concat([files, END]),
    });
  }
}

/** Whether there is anything in a folder but what an engine puts there. */
async function hasMore(context: Host, work: Work, etc: string): Promise<boolean> {
  const listed = await execute(context, work, { cmd: ["ls", "-A", etc], user: "0", log: false });
  return listed.stdout.split("\n").some((name) => name !== "" && !NAMES.includes(name));
}
