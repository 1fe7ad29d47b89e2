import { posix } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import {
  type Call,
  createContainer,
  isNotFound,
  packTree,
  removeContainer,
  walkTree,
} from "tsbuildout/docker";
import { type InstallContext, RecipeError } from "tsbuildout/recipe";
import { labelsOf } from "./common.js";
import { LONGEST_OUTPUT } from "./stage-console.js";
import type { StageSchema } from "./stage-options.js";
import { digestArchive, entriesOf, stageObject } from "./stage-volume.js";

const archivePath = (container: string): string => `/containers/${encodeURIComponent(container)}/archive`;

export interface Place {
  readonly container: string;
  readonly path: string;
}

/** Copies all that is in a volume into a folder of a container, as it is: the archive passes through untouched. */
export async function copyVolume(
  context: InstallContext<StageSchema>,
  call: Call,
  { from, container, path }: Place & { readonly from: string },
): Promise<void> {
  // No part's own: names of parts have no blanks.
  const name = stageObject(context.buildout.id, `${context.part} source`);
  await context.created({ kind: "container", name });
  const config = {
    Image: context.options.image!,
    Labels: labelsOf(context),
    HostConfig: { Binds: [`${from}:/from:ro`] },
  };
  await removeContainer(call, name);
  const { id } = await createContainer(call, { name, config });
  try {
    const archive = await call.engine.stream({
      path: archivePath(id),
      query: { path: "/from/." },
      ...(call.signal ? { signal: call.signal } : {}),
    });
    await putArchive(call, { container, path }, archive);
  } finally {
    await removeContainer({ engine: call.engine }, id);
    await context.removed({ kind: "container", name });
  }
}

/** Copies a folder of this machine into a folder of a container.
 *  @param without paths below the folder that are left out */
export async function copyFolder(
  call: Call,
  folder: string,
  { without, ...place }: Place & { readonly without?: (path: string) => boolean },
): Promise<void> {
  const signal = call.signal ? { signal: call.signal } : {};
  const choose = (path: string): { take: boolean; enter: boolean } => {
    const theirs = without?.(path) !== true;
    return { take: theirs, enter: theirs };
  };
  const entries = await walkTree(folder, { choose, ...signal });
  await putArchive(call, place, packTree(folder, entries, signal));
}

async function putArchive(
  call: Call,
  { container, path }: Place,
  body: NodeJS.ReadableStream,
): Promise<void> {
  await call.engine.request({
    method: "PUT",
    path: archivePath(container),
    query: { path },
    body: body as never,
    ...(call.signal ? { signal: call.signal } : {}),
  });
}

/** @returns `sha256:…` of what is in a folder of a container */
export async function digestFolder(call: Call, container: string, path: string): Promise<string> {
  return await digestArchive(
    await call.engine.stream({
      path: archivePath(container),
      query: { path: `${path}/.` },
      ...(call.signal ? { signal: call.signal } : {}),
    }),
  );
}

/** The archive of what a stage has left at a path, a file or a folder.
 *  @param option that names the path @throws RecipeError `stage/no-file` */
export async function leftBehind(
  call: Call,
  { container, path }: Place,
  option: "output-files" | "publish",
): Promise<Readable> {
  try {
    return await call.engine.stream({
      path: archivePath(container),
      query: { path },
      ...(call.signal ? { signal: call.signal } : {}),
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const what = option === "publish" ? `nothing at ${path}` : `no file ${path}`;
    throw new RecipeError(
      {
        code: "stage/no-file",
        message: `the stage left ${what}`,
        help: ["write it in the script, or correct the path"],
        option,
      },
      { cause: error },
    );
  }
}

/** The trimmed content of a file of a container, which need not run. */
export async function readOutputFile(
  call: Call,
  { container, path, directory }: Place & { readonly directory: string },
): Promise<string> {
  const full = posix.resolve(directory, path);
  const archive = await leftBehind(call, { container, path: full }, "output-files");
  let content: string | undefined;
  for await (const entry of entriesOf(archive)) {
    const fits = entry.header.type === "file" && (entry.header.size ?? 0) <= LONGEST_OUTPUT;
    if (content === undefined && fits) content = await text(entry);
    else entry.resume();
  }
  if (content !== undefined) return content.trim();
  throw new RecipeError({
    code: "stage/no-file",
    message: `${full} is no file of at most ${LONGEST_OUTPUT} bytes`,
    help: ["hand on larger files by the stage's volume"],
    option: "output-files",
  });
}
