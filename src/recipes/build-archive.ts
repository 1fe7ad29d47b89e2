import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  archiveKindOf,
  fileDigest,
  mergeTars,
  packFiles,
  parseDockerfile,
  readTarFile,
} from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import {
  INLINE,
  INLINE_SHOWN,
  inlineDockerfile,
  inlineFile,
  inlineText,
  zipped,
  type BuildFiles,
} from "./build-opened.js";
import type { BuildOptions } from "./build-spec.js";
import { cacheFile } from "./cache-file.js";

/** @returns `sha256:…` of a file, which is read only when it has changed since the last time */
export async function archiveDigest(context: Context, path: string): Promise<string> {
  return await fileDigest(path, cacheFile(context, "files", path), context.signal);
}

/**
 * A tar archive as a context. The engine unpacks gzip, bzip2 and xz; zstd is unpacked on the way, and so is what an inline
 * Dockerfile is put beside. @throws a problem `build/not-archive`
 */
export async function archiveFiles(
  context: Context,
  options: BuildOptions,
  path: string,
): Promise<BuildFiles> {
  const kind = await archiveKindOf(path);
  if (!kind) throw notArchive(path);
  const inline = inlineText(options);
  const added = inline === undefined ? [] : [{ source: packFiles([inlineFile(inline)]) }];
  const unpacked = added.length > 0 || kind === "zstd";
  const { env, signal } = context;
  return {
    ...(await placedIn(context, options, path)),
    tar: ({ gzip }) =>
      unpacked
        ? zipped(mergeTars([{ source: path }, ...added], { env, signal }), gzip)
        : zipped(createReadStream(path), gzip && kind === "tar"),
  };
}

async function placedIn(
  context: Context,
  options: BuildOptions,
  path: string,
): Promise<Pick<BuildFiles, "dockerfile" | "pathInContext">> {
  const inline = inlineDockerfile(options);
  if (inline) return { dockerfile: { name: INLINE_SHOWN, content: inline }, pathInContext: INLINE };
  const name = options.dockerfile ?? "Dockerfile";
  const content = parseDockerfile(await textIn(context, path, name));
  return { dockerfile: { name, content, fetched: true }, pathInContext: name };
}

/** What cannot be read here the engine may be able to, or else it says what is wrong. */
async function textIn({ env, signal }: Context, path: string, name: string): Promise<string> {
  try {
    const bytes = await readTarFile(path, [name.replace(/^(\.?\/)+/, "")], { env, signal });
    return bytes?.toString() ?? "";
  } catch {
    signal.throwIfAborted();
    return "";
  }
}

export function notArchive(path: string): RecipeError {
  return new RecipeError({
    code: "build/not-archive",
    message: `${path} is neither a folder nor a tar archive`,
    help: ["give the folder of the Dockerfile as source, and the file as dockerfile"],
    option: "source",
  });
}

/** A file that is an archive, or else a Dockerfile without a context. */
export async function archiveOrDockerfile(
  context: Context,
  options: BuildOptions,
  path: string,
): Promise<BuildFiles> {
  if (await archiveKindOf(path)) return await archiveFiles(context, options, path);
  const content = await readFile(path);
  return {
    dockerfile: { name: "Dockerfile", content: parseDockerfile(content.toString()), fetched: true },
    pathInContext: "Dockerfile",
    tar: ({ gzip }) => zipped(packFiles([{ name: "Dockerfile", content }]), gzip),
  };
}
