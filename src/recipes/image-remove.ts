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
  /** Whether another image has just taken the place of this part's. */
  readonly replaced?: boolean;
  /** Id of an image that the part took from a cache: its labels may name who built it. */
  readonly taken?: string;
}

/**
 * Takes a name from an image that this part built, and the image with its last name.
 * @throws a problem `image/in-use`
 */
export async function removeOurImage(context: Context, name: string, removal: Removal): Promise<void> {
  const image = await inspectImage(removal.engine, name, context.signal);
  if (!image) return;
  if (image.Id !== removal.taken && !isOurs(image.Config?.Labels, context)) {
    context.log(`image ${name} was not made by this part (any more): left as it is`, "note");
    return;
  }
  const last = tagsOf(image).length <= 1;
  await removeImage(removal.engine, name, { noPrune: true, signal: context.signal });
  if (last) await removeParents(image, removal);
}

/**
 * Removes the images of this part that have lost their names. Where one was replaced, it is looked again at the end of the
 * run: a container may have run on it until its own part had its turn, or have had a name that another part moved.
 */
export async function removeStrays(context: Context, removal: Removal): Promise<void> {
  const { signal } = context;
  const kept = await sweep(context, removal, signal);
  if (kept === 0 && !removal.replaced) return;
  await context.shared(
    `docker images left without a name ${removal.engine.key} ${context.part}`,
    () => undefined,
    async () => {
      // Without the signal: it may have fired by then, and the requests are short.
      await sweep(context, removal).catch(() => 0);
    },
  );
}

/** @returns how many are still in use */
async function sweep(owner: Owner, removal: Removal, signal?: AbortSignal): Promise<number> {
  let kept = 0;
  const strays = await ourStrays(owner, removal.engine, signal);
  for (const id of new Set([...strays, ...(removal.taken ? [removal.taken] : [])])) {
    const image = await inspectImage(removal.engine, id, signal);
    if (!image || tagsOf(image).length > 0) continue;
    if (await removeUnused(removal.engine, id)) await removeParents(image, removal);
    else kept++;
  }
  return kept;
}

type Owner = Pick<Context, "part" | "buildout">;

async function ourStrays(owner: Owner, engine: Engine, signal?: AbortSignal): Promise<string[]> {
  const label = [`${BUILDOUT_LABEL}=${owner.buildout.id}`, `${PART_LABEL}=${owner.part}`];
  const images = await listAll(engine, "images", { filters: { label }, ...(signal ? { signal } : {}) });
  // Asked and checked: podman has read some filters its own way.
  return images
    .filter((image) => isOurs(image.Labels, owner) && tagsOf(image).length === 0)
    .map(({ Id }) => Id);
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
