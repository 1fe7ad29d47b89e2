/** Taking away images that a part made, and only those. */
import {
  inspectImage,
  isConflict,
  removeImage,
  tagsOf,
  type Engine,
  type ImageDetails,
} from "tsbuildout/docker";
import type { Context, InstallContext, PartRecord, Schema } from "tsbuildout/recipe";
import { isOurs } from "./common.js";
import { idsIn } from "./image-look.js";
import { digestsOfOthers, staysForAnother, type Sharing } from "./image-share.js";

export interface Removal {
  readonly engine: Engine;
  /** Ids of images that the part's images were built from: they and what is below them stay. Absent: nothing was built, or nobody
   *  knows from what. */
  readonly bases?: ReadonlySet<string> | undefined;
  /** Id of an image that the part took from a cache: its labels may name who built it. */
  readonly taken?: string;
  /** Id of the image that the part made last, see `madeBy`. */
  readonly made?: string | undefined;
}

/**
 * Takes a name from an image that this part built, and the image with its last name; unless another part has it, too.
 * @throws a problem `image/in-use`
 */
export async function removeOurImage(context: Sharing, name: string, removal: Removal): Promise<void> {
  const image = await inspectImage(removal.engine, name, context.signal);
  if (!image) return;
  if (!(await isPartsOwn(context, image, removal))) {
    context.log(`image ${name} was not made by this part (any more): left as it is`, "note");
    return;
  }
  if (staysForAnother(context, { name, id: image.Id })) return;
  const last = tagsOf(image).length <= 1;
  await removeImage(removal.engine, name, { noPrune: true, signal: context.signal });
  if (last) await removeParents(image, removal);
}

/** Labels are handed down to what a user builds from an image: while the one that was made is there, no other one is it. */
async function isPartsOwn(context: Context, image: ImageDetails, removal: Removal): Promise<boolean> {
  const { engine, taken, made } = removal;
  if (image.Id === taken || image.Id === made) return true;
  if (!isOurs(image.Config?.Labels, context)) return false;
  return made === undefined || !(await inspectImage(engine, made, context.signal));
}

/**
 * The ids of images that this part made and that lose these names now, or have lost them before. Each is recorded: labels
 * do not tell it from an image that a user made from it, for they are handed down.
 */
export async function noteReplaced(
  context: InstallContext<Schema>,
  removal: Removal,
  { record, names }: { readonly record: PartRecord | undefined; readonly names: Iterable<string> },
): Promise<Set<string>> {
  const ids = new Set(idsIn(record));
  const before = record?.outputs["image-id"];
  for (const name of [...(before ? [before] : []), ...names]) {
    const there = await inspectImage(removal.engine, name, context.signal);
    if (!there || !(await isPartsOwn(context, there, removal))) continue;
    ids.add(there.Id);
    await context.created({ kind: "image", name: there.Id });
  }
  return ids;
}

/**
 * Removes images that have lost their names, as far as nothing needs them: those stay recorded.
 * @param now ids of images that have names: again, or still
 */
export async function dropReplaced(
  context: InstallContext<Schema>,
  removal: Removal,
  { replaced, now }: { readonly replaced: Iterable<string>; readonly now: ReadonlySet<string> },
): Promise<void> {
  for (const name of replaced)
    if (now.has(name) || (await removeReplaced(context, removal, name)))
      await context.removed({ kind: "image", name });
}

/**
 * Removes an image that has no name any more, and what the classic builder made below it, once nothing runs on it: now, or
 * else at the end of the run, when the parts that used it have had their turn.
 * @returns whether it is gone
 */
export async function removeReplaced(context: Sharing, removal: Removal, id: string): Promise<boolean> {
  if (await removeNameless(context, removal, id)) return true;
  await context.shared(
    `docker image replaced ${removal.engine.key} ${id}`,
    () => id,
    async () => {
      await removeNameless(context, removal, id).catch(() => false);
    },
  );
  return false;
}

/** @returns false where it has a name, another part has it by a digest, or something on the engine still needs it */
async function removeNameless(context: Sharing, removal: Removal, id: string): Promise<boolean> {
  // Without a signal: it may have fired by the end of the run, and the requests are short.
  const image = await inspectImage(removal.engine, id);
  if (!image) return true;
  if (hasName(removal.engine, image) || digestsOfOthers(context, image).length > 0) return false;
  if (!(await removeUnused(removal.engine, id))) return false;
  await removeParents(image, removal);
  return true;
}

/** Podman keeps a digest only as a name, which would go with the image; Docker also keeps those of tags that have moved. */
function hasName({ libpod }: Engine, image: ImageDetails): boolean {
  return tagsOf(image).length > 0 || (libpod && (image.RepoDigests ?? []).length > 0);
}

/** The classic builder makes an image of every step: those below ours that nothing else uses go with it. */
async function removeParents(image: ImageDetails, { engine, bases }: Removal): Promise<void> {
  if (!bases) return;
  for (let id = parentOf(image); id && !bases.has(id); ) {
    const parent = await inspectImage(engine, id);
    if (!parent || hasName(engine, parent) || !(await removeUnused(engine, id))) return;
    id = parentOf(parent);
  }
}

/** Podman names a parent without the `sha256:`, with which a base is known. */
function parentOf({ Parent: id }: ImageDetails): string | undefined {
  return id && id.replace(/^(sha256:)?/, "sha256:");
}

/** @returns false for an image that something on the engine still needs: it stays */
export async function removeUnused(engine: Engine, reference: string): Promise<boolean> {
  try {
    await removeImage(engine, reference, { noPrune: true });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}
