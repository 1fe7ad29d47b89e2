import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { archiveKindOf, fileDigest, packFiles, parseDockerfile, readTarFile } from "tsbuildout/docker";
import { RecipeError, type Context } from "tsbuildout/recipe";
import { inlineDockerfile, zipped, type BuildFiles } from "./build-opened.js";
import type { BuildOptions } from "./build-spec.js";

/** @returns `sha256:…` of a file, which is read only when it has changed since the last time */
export async function archiveDigest(context: Context, path: string): Promise<string> {
  const name = createHash("sha256").update(path).digest("hex").slice(0, 16);
  return await fileDigest(
    path,
    join(context.buildout.cacheDirectory, "files", `${name}.json`),
    context.signal,
  );
}

/** A tar archive as a context; the engine unpacks gzip, bzip2 and xz. @throws a problem `build/not-archive` */
export async function archiveFiles(path: string, options: BuildOptions): Promise<BuildFiles> {
  const kind = await archiveKindOf(path);
  if (!kind) throw notArchive(path);
  const pathInContext = options.dockerfile ?? "Dockerfile";
  const text = (await readTarFile(path, [pathInContext]))?.toString() ?? "";
  return {
    dockerfile: { name: pathInContext, content: inlineDockerfile(options) ?? parseDockerfile(text) },
    pathInContext,
    tar: ({ gzip }) => zipped(createReadStream(path), gzip && kind === "tar"),
  };
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
export async function archiveOrDockerfile(path: string, options: BuildOptions): Promise<BuildFiles> {
  if (await archiveKindOf(path)) return await archiveFiles(path, options);
  const content = await readFile(path);
  return {
    dockerfile: { name: "Dockerfile", content: parseDockerfile(content.toString()) },
    pathInContext: "Dockerfile",
    tar: ({ gzip }) => zipped(packFiles([{ name: "Dockerfile", content }]), gzip),
  };
}
