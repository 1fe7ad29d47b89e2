import { mkdir, open, rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import type { Call } from "tsbuildout/docker";
import type { InstallContext } from "tsbuildout/recipe";
import { leftBehind } from "./stage-files.js";
import type { StageSchema } from "./stage-options.js";
import { entriesOf } from "./stage-volume.js";

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
  // What cannot be read is told by who reads it.
  zip.on("error", () => undefined);
  const folder = join(context.buildout.cacheDirectory, "runs", context.buildout.runId, "outputs");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${encodeURIComponent(context.part)}.zip`);
  // Opened before: a stream of its own may make the file after it has failed, when it has been taken away already.
  const output = (await open(path, "w", 0o600)).createWriteStream();
  const written = pipeline(zip.outputStream, output, { signal: context.signal });
  written.catch(() => undefined);
  try {
    for (const each of publish)
      await addPath(zip, call, { ...place, path: posix.resolve(place.directory, each) });
    zip.end();
    await written;
  } catch (error) {
    output.destroy();
    await rm(path, { force: true });
    throw error;
  }
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
  for await (const entry of entriesOf(archive)) {
    const { name, type, mode, mtime } = entry.header;
    // One after the other, as they come: nothing is held in memory.
    const content = Readable.from(entry);
    if (type === "file") zip.addReadStream(content, name, { mode: mode | 0o100_000, mtime });
    else content.resume();
    await finished(content);
  }
}
