/** Images as archives: load and save (https://docs.docker.com/reference/api/engine/, ImageLoad, ImageGetAll). */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { Listener } from "./build-report.js";
import type { Engine } from "./engine.js";
import { platformObject } from "./image-platform.js";
import { jsonLines } from "./stream.js";
import { TransferReport, type TransferLine } from "./transfer-report.js";

/** Which of an archive's images are meant (`linux/arm64`; all unless said), and who is told how it goes. */
export interface LoadHow {
  readonly platform?: string | undefined;
  readonly listener: Listener;
  readonly signal: AbortSignal;
}

/** Loads an archive of images; the engine unpacks gzip by itself.
 *  @returns the id of the last image that the archive has no name for
 *  @throws DockerError as the engine puts it */
export async function loadImages(
  engine: Pick<Engine, "stream">,
  archive: Readable,
  how: LoadHow,
): Promise<string | undefined> {
  let broken: unknown;
  archive.once("error", (error) => (broken = error));
  try {
    const answer = await engine.stream({
      method: "POST",
      path: "/images/load",
      query: { quiet: 1, platform: platformObject(how.platform) },
      headers: { "Content-Type": "application/x-tar" },
      body: archive,
      signal: how.signal,
    });
    return await follow(answer, how.listener);
  } catch (error) {
    throw how.signal.aborted ? error : (broken ?? error);
  }
}

/** An archive of images, with their names; the caller reads it to its end. @throws DockerError */
export async function saveImages(
  engine: Pick<Engine, "stream">,
  references: readonly string[],
  { platform, signal }: Omit<LoadHow, "listener">,
): Promise<IncomingMessage> {
  const query = { names: [...references], platform: platformObject(platform) };
  return await engine.stream({ path: "/images/get", query, signal });
}

async function follow(answer: IncomingMessage, listener: Listener): Promise<string | undefined> {
  const report = new TransferReport(listener);
  for await (const line of jsonLines<TransferLine>(answer)) report.line(line);
  return report.nameless;
}
