import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, posix } from "node:path";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import type { Call } from "tsbuildout/docker";
import type { InstallContext } from "tsbuildout/recipe";
import { leftBehind } from "./stage-files.js";
import type { StageSchema } from "./stage-options.js";

/** Zips what a stage publishes into the run's folder, from where the run is published as a whole. Its container has
 *  ended and is still there. */
export async function publishOutputs(
  context: InstallContext<StageSchema>,
  call: Call,
  place: { readonly container: string; readonly directory: string },
): Promise<void> {
  const { publish } = context.options;
  if (publish.length === 0) return;
  const { default: yazl } = await import("yazl");
  const zip = new yazl.ZipFile();
  const folder = join(context.buildout.cacheDirectory, "runs", context.buildout.runId, "outputs");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${encodeURIComponent(context.part)}.zip`);
  const written = pipeline(zip.outputStream, createWriteStream(path, { mode: 0o600 }), {
    signal: context.signal,
  });
  written.catch(() => undefined);
  for (const each of publish)
    await addPath(zip, call, { ...place, path: posix.resolve(place.directory, each) });
  zip.end();
  await written;
  context.log(`published as ${path}`, "note");
}

interface Zip {
  addReadStream(content: Readable, name: string, options: { mode: number; mtime: Date }): void;
}

async function addPath(
  zip: Zip,
  call: Call,
  { container, path }: { container: string; path: string },
): Promise<void> {
  const archive = await leftBehind(call, { container, path }, "publish");
  for await (const entry of archive.pipe(extract())) {
    const { name, type, mode, mtime } = entry.header;
    // One after the other, as they come: nothing is held in memory.
    const content = Readable.from(entry);
    if (type === "file") zip.addReadStream(content, name, { mode: mode | 0o100_000, mtime });
    else content.resume();
    await finished(content);
  }
}
