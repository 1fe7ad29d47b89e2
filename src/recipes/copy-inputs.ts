/** What a copy reads: the source's content, and which container it goes into. */
import { join } from "node:path";
import { digestPath, findContainer, openLayout, statInContainer, type CopySource } from "tsbuildout/docker";
import { cacheFile } from "./cache-file.js";
import { listing } from "./common.js";
import { engineOfSide, sourceOf, type Copying } from "./copy-sides.js";
import { imageInput } from "./run-image.js";

/** A file above this many bytes is judged by its size and time, not by reading it. */
const READ_LIMIT = 4 * 1024 * 1024;

export async function copyInputs(context: Copying): Promise<Record<string, string>> {
  return { ...(await targetInput(context)), ...(await sourceInputs(context)) };
}

/** A container of the same name that is another one has nothing of what was copied. */
async function targetInput(context: Copying): Promise<Record<string, string>> {
  const { "container-to": name } = context.options;
  if (name === undefined) return {};
  const all = await listing(context, await engineOfSide(context, "to"), "containers");
  return { "container-to": findContainer(all, name)?.Id ?? "" };
}

async function sourceInputs(context: Copying): Promise<Record<string, string>> {
  const { "image-from": image, paths } = context.options;
  if (image !== undefined) {
    const engine = await engineOfSide(context, "from");
    const options = { image, "pull-policy": "never" } as const;
    return { image: await imageInput({ ...context, options }, { engine, signal: context.signal }) };
  }
  const source = await sourceOf(context);
  const inputs: Record<string, string> = {};
  // One after the other: an engine gives one archive of a container at a time.
  for (const { path } of paths) inputs[`source ${path}`] = await digestOf(context, source, path);
  return inputs;
}

async function digestOf(context: Copying, source: CopySource, path: string): Promise<string> {
  try {
    return (await quickDigest(context, source, path)) ?? (await digestPath(source, path, context.signal));
  } catch (error) {
    context.signal.throwIfAborted();
    // What is not there now may be there when it is copied; if not, the copy says so.
    if (error instanceof Error && "problem" in error && !isUnreachable(error.problem)) return "not there";
    throw error;
  }
}

function isUnreachable(problem: unknown): boolean {
  return (
    typeof problem === "object" &&
    problem !== null &&
    "code" in problem &&
    problem.code === "engine/unreachable"
  );
}

/** Without reading what need not be read: a folder of the host through the cache of digests, a large file by its time. */
async function quickDigest(context: Copying, source: CopySource, path: string): Promise<string | undefined> {
  if (source.kind === "folder" && path.endsWith("/")) {
    const folder = join(source.path, path);
    const layout = await openLayout(folder, { signal: context.signal });
    return await layout.digest(cacheFile(context, "layouts", folder));
  }
  if (source.kind !== "container") return undefined;
  const stat = await statInContainer(source.engine, source.container, path, context.signal);
  return stat?.kind === "file" && stat.size > READ_LIMIT ? `${stat.size} bytes, ${stat.mtime}` : undefined;
}
