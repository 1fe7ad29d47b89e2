import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { execInContainer, type Output } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { extract } from "tar-stream";
import { execute, type Work } from "./gentoo-exec.js";
import { pathInContainer } from "./gentoo-files.js";

export interface DiskSource {
  readonly stream: Readable;
  /** In bytes, where it is known before. */
  readonly size: number | undefined;
}

/**
 * Opens a file of a running container, through symlinks. The archive call of the API is the fast way; a file on something
 * that a script mounted is only seen from inside.
 * @throws RecipeError `gentoo/no-image-file`
 */
export async function openFile(context: Context, work: Work, path: string): Promise<DiskSource> {
  const found = await pathInContainer(work, path, context.signal);
  const real = found?.kind === "symlink" ? (found.target ?? path) : path;
  const file = real === path ? found : await pathInContainer(work, real, context.signal);
  if (file?.kind === "file") return { stream: await fromArchive(context, work, real), size: file.size };
  const test = await execute(context, work, { cmd: ["test", "-f", path], user: "0", log: false });
  if (test.code === 0) return { stream: fromInside(context, work, path), size: undefined };
  throw new RecipeError({
    code: "gentoo/no-image-file",
    message: file
      ? `${path} in container ${work.name} is not a file`
      : `there is no ${path} in container ${work.name}`,
    help: ["see that prepare-script or build-script makes it"],
    option: "image-file",
  });
}

async function fromArchive(context: Context, work: Work, path: string): Promise<Readable> {
  const archive = await work.engine.stream({
    path: `/containers/${encodeURIComponent(work.name)}/archive`,
    query: { path },
    signal: context.signal,
  });
  const entries = extract();
  const content = contentStream();
  entries.on("entry", (header, body, next) => {
    body.on("error", (error) => content.destroy(error));
    body.on("end", next);
    if (header.type === "file") body.pipe(content);
    else body.resume();
  });
  for (const stream of [archive, entries]) stream.on("error", (error: Error) => content.destroy(error));
  content.once("close", () => archive.destroy());
  archive.pipe(entries);
  return content;
}

function fromInside(context: Context, work: Work, path: string): Readable {
  const content = contentStream();
  const closed = new AbortController();
  content.once("close", () => closed.abort());
  execInContainer(work.engine, work.name, {
    cmd: ["cat", path],
    user: "0",
    signal: context.signal,
    onOutput: async ({ stream, data }: Output) => {
      if (stream !== "stdout" || content.destroyed || content.write(data)) return;
      await once(content, "drain", { signal: closed.signal }).catch(() => undefined);
    },
  }).then(
    (code) =>
      code === 0 ? content.end() : content.destroy(new Error(`reading ${path} ended with exit code ${code}`)),
    (error: Error) => content.destroy(error),
  );
  return content;
}

function contentStream(): PassThrough {
  // A failure while nobody reads is found by who reads next.
  return new PassThrough({ highWaterMark: 1 << 20 }).on("error", () => undefined);
}
