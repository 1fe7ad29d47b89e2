/** Images that a part brought to the engine without making them: pulled or loaded. They have no labels of ours. */
import {
  findImage,
  inspectImage,
  removeImage,
  tagsOf,
  hasStatus,
  type Engine,
  type ImageSummary,
} from "tsbuildout/docker";
import type { Context, Drift, PartRecord } from "tsbuildout/recipe";
import { namesOf } from "./image-look.js";

/** Drift of parts whose output `reference` names their image, by part. */
export function broughtDrift(
  images: readonly ImageSummary[],
  records: readonly PartRecord[],
): Map<string, readonly Drift[]> {
  const found = new Map<string, readonly Drift[]>();
  for (const record of records) {
    const reference = record.outputs["reference"];
    const names = new Set([...(reference ? [reference] : []), ...namesOf(record)]);
    const drift = [...names].flatMap((name): Drift[] => {
      const image = findImage(images, name);
      if (!image) return [{ kind: "missing", message: `image ${name} is gone` }];
      const known = name === reference ? record.outputs["image-id"] : undefined;
      return !known || image.Id === known
        ? []
        : [{ kind: "changed", message: `image ${name} is another image now` }];
    });
    if (drift.length > 0) found.set(record.part, drift);
  }
  return found;
}

/**
 * Takes a tag that the part brought, and the image with its last tag; a tag that is on another image by now stays.
 * @param id of the image that was brought, where that is known
 * @throws a problem `image/in-use`
 */
export async function removeBrought(
  context: Context,
  engine: Engine,
  { name, id }: { name: string; id: string | undefined },
): Promise<void> {
  const image = await inspectImage(engine, name, context.signal);
  if (!image) return;
  if (id && image.Id !== id) return context.log(`image ${name} is another one now: left as it is`, "note");
  await removeImage(engine, name, { noPrune: true, signal: context.signal });
}

/**
 * Removes an image that the part brought, once nothing names it and nothing runs on it any more: now, or else at the end of
 * the run, when the parts that used it have had their turn.
 */
export async function removeReplaced(context: Context, engine: Engine, id: string): Promise<void> {
  if (await removeNameless(engine, id)) return;
  await context.shared(
    `docker image replaced ${engine.key} ${id}`,
    () => id,
    async () => {
      await removeNameless(engine, id).catch(() => false);
    },
  );
}

/** @returns false where it is still used */
async function removeNameless(engine: Engine, id: string): Promise<boolean> {
  const image = await inspectImage(engine, id);
  if (!image) return true;
  if (tagsOf(image).length > 0) return false;
  try {
    await removeImage(engine, id, { noPrune: true });
    return true;
  } catch (error) {
    if (hasStatus(error, 409)) return false;
    throw error;
  }
}
