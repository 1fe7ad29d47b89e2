/** Taking away images that a part made, and only those. */
import {
  hasStatus,
  inspectImage,
  listAll,
  removeImage,
  tagsOf,
  type Engine,
  type ImageDetails,
} from "tsbuildout/docker";
import type { Context } from "tsbuildout/recipe";
import { BUILDOUT_LABEL, isOurs, PART_LABEL } from "./common.js";

export interface Removal {
  readonly engine: Engine;
  /** Ids of images that the part's images were built from: they and what is below them stay. */
  readonly bases: ReadonlySet<string>;
}

/**
 * Takes a name from an image that this part built, and the image with its last name.
 * @throws a problem `image/in-use`
 */
export async function removeOurImage(context: Context, name: string, removal: Removal): Promise<void> {
  const image = await inspectImage(removal.engine, name, context.signal);
  if (!image) return;
  if (!isOurs(image.Config?.Labels, context)) {
    context.log(`image ${name} was not made by this part (any more): left as it is`, "note");
    return;
  }
  const last = tagsOf(image).length <= 1;
  await removeImage(removal.engine, name, { noPrune: true, signal: context.signal });
  if (last) await removeParents(image, removal);
}

/**
 * Removes the images of this part that have lost their names. One that a container still runs on is tried again at the
 * end of the run, when the container's own part has had its turn.
 */
export async function removeStrays(context: Context, removal: Removal): Promise<void> {
  const strays = await ourStrays(context, removal.engine);
  const kept: string[] = [];
  for (const id of strays) if (!(await removeStray(id, removal, context.signal))) kept.push(id);
  if (kept.length === 0) return;
  await context.shared(
    `docker images left without a name ${removal.engine.key} ${context.part}`,
    () => kept,
    async (ids) => {
      // Without the signal: it may have fired by then, and the requests are short.
      for (const id of ids) await removeStray(id, removal).catch(() => false);
    },
  );
}

async function ourStrays(context: Context, engine: Engine): Promise<string[]> {
  const label = [`${BUILDOUT_LABEL}=${context.buildout.id}`, `${PART_LABEL}=${context.part}`];
  const images = await listAll(engine, "images", {
    signal: context.signal,
    filters: { dangling: ["true"], label },
  });
  // Asked and checked: podman has read some filters its own way.
  return images
    .filter((image) => isOurs(image.Labels, context) && tagsOf(image).length === 0)
    .map(({ Id }) => Id);
}

/** @returns false where something still uses it */
async function removeStray(id: string, removal: Removal, signal?: AbortSignal): Promise<boolean> {
  const image = await inspectImage(removal.engine, id, signal);
  if (!image || tagsOf(image).length > 0) return true;
  if (!(await removeUnused(removal.engine, id))) return false;
  await removeParents(image, removal);
  return true;
}

/** The classic builder makes an image of every step: those below ours that nothing else uses go with it. */
async function removeParents(image: ImageDetails, { engine, bases }: Removal): Promise<void> {
  for (let id = image.Parent; id && !bases.has(id); ) {
    const parent = await inspectImage(engine, id);
    if (!parent || tagsOf(parent).length > 0) return;
    if (!(await removeUnused(engine, id))) return;
    id = parent.Parent;
  }
}

async function removeUnused(engine: Engine, id: string): Promise<boolean> {
  try {
    await removeImage(engine, id, { noPrune: true });
    return true;
  } catch (error) {
    if (hasStatus(error, 409)) return false;
    throw error;
  }
}
