import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { extract } from "tar-stream";
import { type Call, createVolume, inspectVolume, removeVolume } from "tsbuildout/docker";
import type { InstallContext } from "tsbuildout/recipe";
import { isOurs, labelsOf } from "./common.js";
import type { StageSchema } from "./stage-options.js";

/** The name of a stage's volume, and of its container while it runs. Unlike a part's name it holds only what an engine
 *  allows; two parts never share one. */
export function stageObject(buildout: string, part: string): string {
  const plain = part.replaceAll(/[^a-zA-Z0-9_.-]/g, "_");
  const mark =
    plain === part && part.length <= 100
      ? ""
      : `-${createHash("sha256").update(part).digest("hex").slice(0, 8)}`;
  return `tsbuildout-${buildout.slice(0, 12)}-${plain.slice(0, 100)}${mark}`;
}

/** The stage's volume, empty: what an earlier run left in it goes. */
export async function freshVolume(context: InstallContext<StageSchema>, call: Call): Promise<string> {
  const name = stageObject(context.buildout.id, context.part);
  const found = await inspectVolume(call, name);
  if (found && isOurs(found.Labels, context)) await removeVolume(call, name);
  await context.created({ kind: "volume", name });
  await createVolume(call, { name, labels: labelsOf(context) });
  return name;
}

/** A digest of what an archive holds: names, kinds, modes, owners, targets and contents, not times; so that a stage that
 *  made the same again is seen to have done so. @returns `sha256:…` */
export async function digestArchive(archive: Readable): Promise<string> {
  const lines: string[] = [];
  const unpack = extract();
  unpack.on("entry", (header, content, next) => {
    const hash = createHash("sha256");
    content.on("data", (chunk) => void hash.update(chunk as Buffer));
    content.on("end", () => {
      const { name, type, mode, uid, gid, linkname } = header;
      lines.push(JSON.stringify([name, type, mode, uid, gid, linkname ?? "", hash.digest("hex")]));
      next();
    });
  });
  await new Promise<void>((resolve, reject) => {
    unpack.on("finish", resolve).on("error", reject);
    archive.on("error", reject).pipe(unpack);
  });
  const whole = createHash("sha256");
  for (const line of lines.sort()) whole.update(`${line}\n`);
  return `sha256:${whole.digest("hex")}`;
}
